"""Lets `import cloudmesh.…` find our modules where upstream's cannot be relied on.

A .pth file of this distribution imports this module at every start of Python, so it imports
nothing itself and does nothing until one of the names is asked for.
"""

import sys

# Upstream's module: ours, and whether ours stands alone or mends what upstream's holds.
_MODULES = {
    "cloudmesh.common.Shell": ("cloudmesh_engine.entry.shell", "mend"),
    "cloudmesh.compute.vm.Provider": ("cloudmesh_engine.entry.provider", "replace"),
    "cloudmesh.configuration.Config": ("cloudmesh_engine.entry.configuration", "mend"),
    "cloudmesh.mongo.CmDatabase": ("cloudmesh_engine.entry.database", "replace"),
    "cloudmesh.storage.Provider": ("cloudmesh_engine.entry.storage", "replace"),
}


class Finder:
    """Finds the modules of the table."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):  # type: ignore[no-untyped-def]
        """Give the spec of one of our modules; None for every other name."""
        if name not in _MODULES:
            return None
        from cloudmesh_engine.entry.loading import spec

        return spec(name, path, *_MODULES[name])


def install() -> None:
    """Ask this finder before Python's own, once."""
    if Finder not in sys.meta_path:
        sys.meta_path.insert(0, Finder)
