"""What clouds offer, as it was last seen: `{cloud}-image` and `{cloud}-flavor` in MongoDB."""

from pymongo import ReplaceOne
from pymongo.errors import BulkWriteError

from cloudmesh_engine import database
from cloudmesh_engine.clouds.resources import Document
from cloudmesh_engine.config import Settings

_DUPLICATE = 11000


def refresh(settings: Settings, cloud: str, kind: str, found: list[Document]) -> bool:
    """Make a collection what the cloud says; say whether that changed anything.

    What is the same is not written again, because a catalogue has a thousand entries.
    """
    collection = database.connect(settings)[f"{cloud}-{kind}"]
    stored = {str(entry["cm"].get("name")): entry for entry in collection.find()}
    wanted = {str(entry["cm"]["name"]): entry for entry in found}
    stale = [entry["_id"] for name, entry in stored.items() if name not in wanted]
    changes = [
        ReplaceOne({"_id": _id(stored, cloud, name)}, entry, upsert=True)
        for name, entry in wanted.items()
        if _timeless(entry) != _timeless(stored.get(name, {}))
    ]
    if changes:
        try:
            collection.bulk_write(changes, ordered=False)
        except BulkWriteError as error:
            # Another command was faster with the same entry.
            if {one["code"] for one in error.details["writeErrors"]} != {_DUPLICATE}:
                raise
    if stale:
        collection.delete_many({"_id": {"$in": stale}})
    return bool(changes or stale)


def _id(stored: dict[str, Document], cloud: str, name: str) -> object:
    # Upstream's database class lets MongoDB choose the id.
    return stored[name]["_id"] if name in stored else f"{cloud}/{name}"


def _timeless(entry: Document) -> Document:
    """Leave out when an entry was seen."""
    label = {"kind", "driver", "cloud", "name"}
    kept = {key: value for key, value in entry.items() if key not in ("_id", "updated")}
    return kept | {"cm": {key: value for key, value in entry.get("cm", {}).items() if key in label}}
