"""Notes in MongoDB what is in a folder of a store, for who has no login to the store.

`storage` has a document for each service, `listings` one for each folder that was looked into.
A listing is as old as it says, holds no more than a person looks through, and the oldest go.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from pymongo.collection import Collection

from cloudmesh_engine import mongo
from cloudmesh_engine.config import Settings
from cloudmesh_engine.ledger import now
from cloudmesh_engine.moving import plan
from cloudmesh_engine.moving.plan import Spot
from cloudmesh_engine.stores import Item, Store
from cloudmesh_engine.stores.faults import Lost

Document = dict[str, Any]
_ENTRIES = 1000
_LISTINGS = 500


def note_services(settings: Settings, services: list[Document]) -> None:
    """Note the services of the configuration, and forget those that are not there any more."""
    noted = _collection(settings, "storage")
    for service in services:
        name = service["storage"]
        cm = {"kind": "storage", "cloud": name, "name": name, "updated": now()}
        noted.replace_one({"_id": name}, {"_id": name, "cm": cm, **service}, upsert=True)
    noted.delete_many({"_id": {"$nin": [service["storage"] for service in services]}})


def note(settings: Settings, spot: Spot) -> Document:
    """Note what is in a folder; give how much that is."""
    store, path = spot.store, plan.folder(spot.path)
    noted = _collection(settings, "listings")
    name = f"{store.service}:{path}"
    try:
        entries = list(islice(_entries(store, path), _ENTRIES + 1))
    except Lost:
        noted.delete_one({"_id": name})
        raise
    about = {
        "storage": store.service,
        "path": path,
        "place": store.place,
        "truncated": len(entries) > _ENTRIES,
    }
    cm = {"kind": "listing", "cloud": store.service, "name": path, "updated": now()}
    kept = sorted(entries[:_ENTRIES], key=lambda entry: (entry["kind"] == "file", entry["name"]))
    noted.replace_one({"_id": name}, {"_id": name, "cm": cm, **about, "entries": kept}, upsert=True)
    _forget_old(noted)
    folders = sum(entry["kind"] == "folder" for entry in kept)
    return {"action": "recorded", **about, "folders": folders, "files": len(kept) - folders}


def _entries(store: Store, path: str) -> Iterator[Document]:
    empty = True
    for item in store.list(path, deep=False):
        empty = False
        # An object of the folder's own name is what shows a folder that is empty.
        if item.key != path:
            yield _entry(item)
    if empty and path and not _is_empty_directory(store, path):
        raise Lost(
            f"{store.service}: there is no folder {path!r}: "
            f"see cms storage --storage={store.service} list"
        )


def _is_empty_directory(store: Store, path: str) -> bool:
    """Say whether a folder is there although nothing is in it: on a disk it may be."""
    above = path[: path[:-1].rfind("/") + 1]
    return store.kind == "local" and any(item.key == path for item in store.list(above, deep=False))


def _entry(item: Item) -> Document:
    # What is no UTF-8 in a file system cannot be kept as it is.
    name = item.key.encode(errors="replace").decode()
    kind = "folder" if item.folder else "file"
    about = {"name": name, "kind": kind, "size": item.size, "modified": item.modified}
    return {**about, "problem": item.problem}


def _forget_old(noted: Collection[Document]) -> None:
    old = noted.find({}, {"_id": 1}).sort("cm.updated", -1).skip(_LISTINGS)
    names = [listing["_id"] for listing in old]
    if names:
        noted.delete_many({"_id": {"$in": names}})


def _collection(settings: Settings, name: str) -> Collection[Document]:
    server = mongo.server(settings)
    return mongo.client(server)[server.database][name]
