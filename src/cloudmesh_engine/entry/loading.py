"""Loads our modules under upstream's names."""

import importlib
import importlib.abc
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType


def spec(name: str, path: Sequence[str] | None, ours: str, how: str) -> ModuleSpec | None:
    """Say how upstream's module is loaded from ours."""
    if how == "replace":
        return ModuleSpec(name, _Replacing(ours))
    found = PathFinder.find_spec(name, path)
    if found and found.loader:
        found.loader = _Mending(found.loader, ours)
    return found


class _Replacing(importlib.abc.Loader):
    """Gives the names of our module, and nothing of upstream's."""

    def __init__(self, ours: str) -> None:
        self.ours = ours

    def exec_module(self, module: ModuleType) -> None:
        own = vars(importlib.import_module(self.ours))
        names = {name: value for name, value in own.items() if not name.startswith("_")}
        vars(module).update(names, __doc__=own["__doc__"])


class _Mending(importlib.abc.Loader):
    """Runs upstream's module, then lets ours mend it."""

    def __init__(self, loader: importlib.abc.Loader, ours: str) -> None:
        self.loader = loader
        self.ours = ours

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self.loader.exec_module(module)
        importlib.import_module(self.ours).mend(module)
