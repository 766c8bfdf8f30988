"""The collections of Cloudmesh in its database: their indexes, and how to be rid of them."""

from typing import Any

from pymongo.database import Database

from cloudmesh_engine import mongo
from cloudmesh_engine.config import Settings

# Whose documents are looked up by their label; beside the clouds there is `local`.
_KINDS = ("vm", "image", "flavor", "key", "secgroup", "secrule")
_ALL_KINDS = (*_KINDS, "node", "keygroup", "group")
LOCAL = "local"


def connect(settings: Settings) -> Database[dict[str, Any]]:
    """Give the database, which answers and lets us in."""
    server = mongo.server(settings)
    mongo.check(server)
    return mongo.client(server)[server.database]


def ensure_indexes(settings: Settings, cloud: str, dryrun: bool = False) -> bool:
    """Make the indexes of a cloud's collections, or the common ones; say if any lacked.

    That names are unique needs none of them: ledger and inventory make their `_id` of it.
    """
    database = connect(settings)
    wanted = [(f"{cloud}-{kind}", "cm.name") for kind in _KINDS]
    if cloud == LOCAL:
        wanted.append(("ledger", "state"))
    # Asking for the indexes of a collection that is not there is an error in some servers.
    there = set(database.list_collection_names())
    lacking = [
        (name, field)
        for name, field in wanted
        if name not in there or f"{field}_1" not in database[name].index_information()
    ]
    if not dryrun:
        for name, field in lacking:
            database[name].create_index(field)
    return bool(lacking)


def collections(settings: Settings, clouds: list[str]) -> list[str]:
    """Name the collections of Cloudmesh that are there."""
    ours = {f"{cloud}-{kind}" for cloud in (LOCAL, *clouds) for kind in _ALL_KINDS}
    return sorted({"ledger", "timesheets", *ours} & set(connect(settings).list_collection_names()))


def drop(settings: Settings, names: list[str]) -> None:
    """Drop collections."""
    database = connect(settings)
    for name in names:
        database.drop_collection(name)
