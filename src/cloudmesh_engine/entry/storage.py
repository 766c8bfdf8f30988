"""Storage for Python programs: what upstream's `cloudmesh.storage.Provider` promises, kept.

    from cloudmesh.storage.Provider import Provider
    Provider(service="aws").put("data.csv", "folder/")

The same stores and the same mover as `cms storage`; what fails raises an error of
`cloudmesh_engine.errors` instead of printing something.
"""

import builtins
from typing import Any

from cloudmesh_engine import config as _config
from cloudmesh_engine import stores
from cloudmesh_engine.moving import places, plan, runs
from cloudmesh_engine.moving.plan import Spot
from cloudmesh_engine.moving.result import Options
from cloudmesh_engine.stores import Item

Document = dict[str, Any]


class Provider:
    """One storage service of cloudmesh.yaml.

    :param service: its name there; the default one if not given
    :param config: taken for the sake of upstream's callers; the file is CLOUDMESH_CONFIG's
    """

    def __init__(self, service: str | None = None, config: Any = None) -> None:
        self.settings = _config.load()
        self.service = service or str(self.settings.get("default.storage"))
        self.kind = stores.section(self.settings, self.service).kind
        self._store = stores.open_store(self.settings, self.service)

    @staticmethod
    def get_kind() -> builtins.list[str]:
        """Give the kinds of storage that there are."""
        return sorted(stores.KINDS)

    def put(self, source: str, destination: str, recursive: bool = False) -> Document:
        """Store a local file or folder; give the report."""
        return self._move(places.present(places.here(source)), self._spot(destination), recursive)

    def get(self, source: str, destination: str, recursive: bool = False) -> Document:
        """Fetch an object or folder to a local path; give the report."""
        return self._move(self._spot(source), places.here(destination), recursive)

    def copy(self, source: str, destination: str, recursive: bool = False) -> Document:
        """Copy from SERVICE:PATH to SERVICE:PATH; give the report."""
        return self._move(self._place(source), self._place(destination), recursive)

    def list(
        self, source: str = "", dir_only: bool = False, recursive: bool = False
    ) -> builtins.list[Document]:
        """List a folder, an object or a glob."""
        found = plan.find(self._spot(source), recursive)
        return [self._record(item) for item in found if item.folder or not dir_only]

    def search(
        self, directory: str = "", filename: str = "*", recursive: bool = False
    ) -> builtins.list[Document]:
        """List the objects below a folder whose name matches."""
        found = places.search(self._spot(directory), filename, recursive)
        return [self._record(item) for item in found]

    def create_dir(self, directory: str) -> Document:
        """Make a folder, and the bucket if there is none."""
        new = places.make_folder(self._spot(directory))
        return {"name": directory, "storage": self.service, "created": new}

    def delete(self, source: str, recursive: bool = False) -> builtins.list[Document]:
        """Delete an object, what matches a glob, or a folder."""
        gone = places.delete(self._spot(source), recursive)
        return [self._record(item) for item in gone]

    def _spot(self, path: str) -> Spot:
        return plan.spot(self._store, path)

    def _place(self, text: str) -> Spot:
        service, path = plan.split(text)
        return plan.spot(stores.open_store(self.settings, service), path)

    def _move(self, source: Spot, target: Spot, recursive: bool) -> Document:
        report, failure = runs.run(
            self.settings, source, target, Options(), recursive=recursive, shown=False
        )
        if failure:
            raise failure
        return report

    def _record(self, item: Item) -> Document:
        about = {"kind": "storage", "cloud": self.service, "name": item.key}
        return places.record(self._store, item, cm=about)
