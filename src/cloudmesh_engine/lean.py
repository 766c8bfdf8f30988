"""Makes a command's start lighter: what its libraries import and no command uses stays out.

For the process of `cms` alone: a script that uses our Python entry points has pymongo whole.
"""

import gc
import sys
from importlib.util import find_spec
from types import ModuleType
from typing import Any

_MANY = 200_000


def prepare() -> None:
    """Do all of it; before pymongo is imported."""
    # Nearly all that a command makes lives until its end: looking for garbage so often finds none.
    gc.set_threshold(_MANY)
    _without_failing_tls()
    _without_asyncio_client()


def _without_failing_tls() -> None:
    """pymongo/ssl_support.py:31 tries TLS by pyOpenSSL, and takes Python's own if that fails.

    It fails only after `cryptography` is imported, which takes 25 ms.
    """
    if not (find_spec("OpenSSL") and find_spec("service_identity")):
        modules: dict[str, Any] = sys.modules
        modules["pymongo.pyopenssl_context"] = None


def _without_asyncio_client() -> None:
    """pymongo/__init__.py:90 imports its other client, for asyncio, with all that belongs to it."""
    name = "pymongo.asynchronous.mongo_client"
    modules = sys.modules
    modules[name] = ModuleType(name)
    vars(modules[name])["AsyncMongoClient"] = _NotLoaded


class _NotLoaded:
    """Stands for the client that no command uses."""

    def __init__(self, *_: object, **__: object) -> None:
        raise NotImplementedError("pymongo's client for asyncio is not loaded in cms")
