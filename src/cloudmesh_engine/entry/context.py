"""What the entry points share: the configuration, and how their failures are told."""

import contextlib
import functools
from collections.abc import Callable, Iterator

from cloudmesh_engine import causes, config, variables
from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import EngineError, NotSupported, UsageError

_listeners: list[Callable[[EngineError], object]] = []


class Unsupported(NotSupported, NotImplementedError):
    """Upstream names it, but it cannot be done here."""


class UnknownCloud(UsageError, ValueError):
    """No such cloud in cloudmesh.yaml."""


@functools.cache
def settings() -> Settings:
    """Give the configuration, with the variables of the shell."""
    return variables.applied(config.load())


def on_failure(listener: Callable[[EngineError], object]) -> None:
    """Tell a listener every failure, because upstream's commands swallow some."""
    _listeners.append(listener)


@contextlib.contextmanager
def told(what: str) -> Iterator[None]:
    """Raise whatever goes wrong as one of our errors, without secrets."""
    try:
        yield
    except Exception as error:
        failure = causes.explain(what, error, settings())
        kind = Unsupported if isinstance(failure, NotSupported) else type(failure)
        shown = kind(settings().redact(str(failure)))
        for listener in _listeners:
            listener(shown)
        raise shown from error
