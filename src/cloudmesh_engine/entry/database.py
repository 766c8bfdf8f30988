"""`cloudmesh.mongo.CmDatabase`: upstream's database class on our connection."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cloudmesh_engine import database, mongo
from cloudmesh_engine.entry.context import Unsupported, settings, told
from cloudmesh_engine.errors import Refused, UsageError

Document = dict[str, Any]


class CmDatabase:
    """The documents of Cloudmesh: in `{cloud}-{kind}`, found by their `cm.name`.

    All objects share the one connection of the process. What fails raises.
    """

    def __init__(
        self,
        host: str | None = None,
        username: str | None = None,
        password: str | None = None,
        port: int | None = None,
    ) -> None:
        if any(value is not None for value in (host, username, password, port)):
            raise Unsupported("CmDatabase: takes the server from cloudmesh.yaml: change it there")
        with told("CmDatabase"):
            self._server = mongo.server(settings())
            self.client = mongo.client(self._server)
        self.host, self.port = self._server.host, self._server.port
        self.username, self.database = self._server.username, self._server.database
        self.db = self.client[self.database]

    def connect(self) -> None:
        """Make sure that MongoDB answers and lets us in."""
        with told("CmDatabase"):
            database.connect(settings())

    def close_client(self) -> None:
        """Do nothing: the connection is shared, and ends with the process."""

    def collection(self, name: str) -> Any:
        """Give a collection."""
        self.connect()
        return self.db[name]

    def collections(self, name: Any = None, regex: str | None = None) -> list[str]:
        """Name the collections, or those of `name` that match the expression."""
        with told("CmDatabase"):
            database.connect(settings())
            names = _expanded(name) or self.db.list_collection_names()
        return [one for one in names if not regex or re.match(regex, one)]

    def name_count(self, name: str) -> int:
        """Count the documents of a name."""
        return len(self.find_all_by_name(name))

    def find_group(self, name: str) -> list[Document]:
        """Find the documents of a group in all collections."""
        return self._search(self.collections(), {"cm.group": name})

    def find_name(self, name: str, kind: str | None = None) -> list[Document]:
        """Find the documents of a name in the first collection that has any."""
        for collection in self.collections(regex=f".*-{kind}$" if kind else None):
            found = self._search([collection], _by_name(name, kind))
            if found:
                return found
        return []

    def find_all_by_name(self, name: str, kind: str | None = None) -> list[Document]:
        """Find the documents of a name in all collections."""
        collections = self.collections(regex=f".*-{kind}$" if kind else None)
        return self._search(collections, _by_name(name, kind))

    def find_names(self, names: Any) -> list[Document]:
        """Find the first document of each name."""
        found = [self.find_name(name)[:1] for name in _expanded(names)]
        return [entry for entries in found for entry in entries]

    def names(
        self, collection: Any = None, cloud: Any = None, kind: Any = None, regex: str | None = None
    ) -> list[str]:
        """Give the names in collections, all or those that match the expression."""
        query = {"name": {"$regex": regex}} if regex else {}
        found = self.find(collection=collection, cloud=cloud, kind=kind, query=query)
        return [entry["name"] for entry in found if "name" in entry]

    def find(
        self,
        collection: Any = None,
        cloud: Any = None,
        kind: Any = None,
        query: Mapping[str, Any] | None = None,
        attributes: list[str] | None = None,
    ) -> list[Document]:
        """Find the documents of collections, or of clouds and kinds."""
        pairs = [f"{one}-{what}" for what in _expanded(kind) for one in _expanded(cloud)]
        shown = {"_id": 0, **dict.fromkeys(attributes or [], 1)}
        return self._search([*pairs, *_expanded(collection)], query or {}, shown)

    def find_ok(self, collection: str = "cloudmesh", **query: Any) -> list[Document]:
        """Find the documents of a collection that have these values."""
        return self._search([collection], query, {"_id": 0})

    @staticmethod
    def UPDATE(_entries: Any, progress: bool = True) -> list[Document]:  # noqa: N802
        """Store documents."""
        return CmDatabase().update(_entries, progress)

    def update(self, _entries: Any, progress: bool = True) -> list[Document]:
        """Store documents, each in place of the one of its name, and give them."""
        with told("CmDatabase"):
            database.connect(settings())
            return [self._store(entry) for entry in _listed(_entries)]

    def alter(self, entries: Any) -> list[Document]:
        """Change the values of documents that are there."""
        with told("CmDatabase"):
            database.connect(settings())
            for entry in _listed(entries):
                values = {key: value for key, value in entry.items() if key not in ("_id", "cm")}
                changed = {**values, "modified": _now()}
                self.db[_place(entry)].update_one(_label(entry), {"$set": changed})
        return _listed(entries)

    def exists(self, entries: Any) -> list[bool]:
        """Say of each document whether one of its name is there."""
        with told("CmDatabase"):
            database.connect(settings())
            return [
                self.db[_place(entry)].count_documents(_label(entry)) > 0
                for entry in _listed(entries)
            ]

    def insert(self, d: Document, collection: str = "cloudmesh") -> None:
        """Add a document to a collection."""
        with told("CmDatabase"):
            self.collection(collection).insert_one(d)

    def delete(self, collection: str = "cloudmesh", **query: Any) -> int:
        """Delete the documents with these values, and say how many."""
        with told("CmDatabase"):
            return int(self.collection(collection).delete_many(query).deleted_count)

    def command(self, command: Any) -> Any:
        """Run a command of MongoDB."""
        with told("CmDatabase"):
            return self.db.command(command)

    def status(self) -> Any:
        """Give MongoDB's own view of itself."""
        return self.command("serverStatus")

    def clear(self, collection: str = "cloudmesh") -> None:
        """Drop a collection."""
        with told("CmDatabase"):
            self.collection(collection).drop()

    def importAsFile(self, data: list[Document], collection: str, db: str) -> None:  # noqa: N802
        """Put documents in place of all that a collection holds."""
        with told("CmDatabase"):
            database.connect(settings())
            target = self.client[db][collection]
            target.drop()
            if data:
                target.insert_many(data)

    def drop_database(self) -> None:
        """Refuse: it holds what finds the VMs."""
        raise Refused("drop_database: would forget which VMs are wanted: use cms init --drop")

    def update_old(self, *_: Any, **__: Any) -> None:
        """Refuse: upstream's never worked."""
        raise Unsupported("update_old: stores nothing, upstream's never did: use update")

    def _store(self, entry: Document) -> Document:
        if "cm" not in entry:
            raise UsageError("CmDatabase.update: a document without `cm` has no place to be")
        entry.pop("_id", None)
        entry["cm"]["collection"] = _place(entry)
        collection = self.db[_place(entry)]
        old = collection.find_one(_label(entry)) or {"cm": {"created": _now()}}
        entry["cm"] = {**old["cm"], **entry["cm"], "modified": _now()}
        collection.replace_one(_label(entry), entry, upsert=True)
        return entry

    def _search(
        self, collections: list[str], query: Any, shown: Mapping[str, Any] | None = None
    ) -> list[Document]:
        with told("CmDatabase"):
            database.connect(settings())
            return [entry for name in collections for entry in self.db[name].find(query, shown)]


def _by_name(name: str, kind: str | None) -> Document:
    return {"cm.name": name, **({"cm.kind": kind} if kind else {})}


def _place(entry: Document) -> str:
    label = entry["cm"] if isinstance(entry.get("cm"), dict) else entry
    return f"{label['cloud']}-{label['kind']}"


def _label(entry: Document) -> Document:
    return {f"cm.{key}": entry["cm"][key] for key in ("kind", "cloud", "name")}


def _listed(entries: Any) -> list[Document]:
    return [entries] if isinstance(entries, dict) else list(entries or [])


def _expanded(names: Any) -> list[str]:
    from hostlist import expand_hostlist

    if isinstance(names, list | tuple):
        return [str(name) for name in names]
    return list(expand_hostlist(str(names))) if names else []


def _now() -> str:
    return str(datetime.now(UTC).replace(tzinfo=None))
