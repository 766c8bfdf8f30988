"""Changes modules right after their import, the only moment that works for all of upstream.

Some of its names are copied by `from … import …`, some are used while a class body runs.
"""

import importlib.abc
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

from cloudmesh_engine.session import Session

Shim = Callable[[ModuleType, Session], None]
_SHIMS: defaultdict[str, list[Shim]] = defaultdict(list)


def shim(module: str) -> Callable[[Shim], Shim]:
    """Register a function that mends a module."""

    def register(function: Shim) -> Shim:
        _SHIMS[module].append(function)
        return function

    return register


def install(session: Session) -> None:
    """Mend every module from now on, as it is imported."""
    sys.meta_path.insert(0, _Finder(session))


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, session: Session) -> None:
        self.session = session

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name in _SHIMS else None
        if spec and spec.loader:
            spec.loader = _Mender(spec.loader, self.session)
        return spec


class _Mender(importlib.abc.Loader):
    def __init__(self, loader: importlib.abc.Loader, session: Session) -> None:
        self.loader = loader
        self.session = session

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self.loader.exec_module(module)
        for mend in _SHIMS[module.__name__]:
            mend(module, self.session)
