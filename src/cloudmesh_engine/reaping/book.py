"""What the reaper remembers, in the MongoDB collection `reaper`.

One document for each thing that looks as if nobody wanted it says since when; one for each
deletion, what was deleted and why. Since when the ledger of a cloud has been watched stands in the
ledger itself: whatever loses the one loses the other.
"""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.errors import DuplicateKeyError

from cloudmesh_engine import mongo
from cloudmesh_engine.config import Settings
from cloudmesh_engine.reaping.plan import VM, Finding, Inventory

Document = dict[str, Any]

# A ledger that nobody has watched for longer may be another one, as from a backup.
GAP = timedelta(minutes=30)
KEPT_DAYS = 90
_SEEN, _DELETED = "seen", "deleted"


class Book:
    """The collection."""

    def __init__(self, settings: Settings) -> None:
        server = mongo.server(settings)
        database = mongo.client(server)[server.database]
        self._stored, self._ledger = database["reaper"], database["ledger"]

    def watched(self, cloud: str, now: datetime) -> datetime:
        """Say since when the ledger of a cloud has been watched without a gap."""
        stored = self._ledger.find_one({"_id": _mark(cloud)})
        if not stored or now - datetime.fromisoformat(stored["last"]) > GAP:
            return now
        return datetime.fromisoformat(stored["watched"])

    def seen(self, cloud: str) -> dict[str, datetime]:
        """Say since when things have looked as if nobody wanted them."""
        found = self._stored.find({"cloud": cloud, "kind": _SEEN})
        return {str(one["_id"]): datetime.fromisoformat(one["since"]) for one in found}

    def note(
        self, inventory: Inventory, cloud: str, watched: datetime, found: list[Finding]
    ) -> None:
        """Write down what was found, and forget what is not so any more."""
        now = inventory.now
        mark, last = {"_id": _mark(cloud)}, {"last": _text(now)}
        if not self._ledger.update_one(
            {**mark, "watched": _text(watched)}, {"$set": last}
        ).matched_count:
            # A new ledger, or one that was lost since it was read.
            self._ledger.update_one(mark, {"$set": {**last, "watched": _text(now)}}, upsert=True)
        known = self.seen(cloud)
        since = {one.key: one.since for one in found if one.since}
        for key in since.keys() - known.keys():
            first = {"cloud": cloud, "kind": _SEEN, "since": _text(since[key])}
            self._stored.update_one({"_id": key}, {"$setOnInsert": first}, upsert=True)
        gone = known.keys() - since.keys()
        if inventory.holdings is None:
            # Of what was not looked at nobody knows whether it is so any more.
            gone = {one for one in gone if one.startswith(f"{cloud}/{VM}/")}
        self._forget(gone)

    def deleted(self, finding: Finding, now: datetime) -> None:
        """Write down that something was deleted, once."""
        thing = finding.thing
        record = {
            "kind": _DELETED,
            "at": _text(now),
            "cloud": thing.cloud,
            "what": finding.kind,
            "name": thing.name,
            "id": thing.id,
            "why": finding.why,
        }
        try:
            self._stored.insert_one({"_id": f"{finding.key}/{_DELETED}", **record})
        except DuplicateKeyError:
            return  # another reaper was at it too

    def history(self, begin: datetime) -> list[Document]:
        """Give what was deleted since a time, the last first."""
        found = self._stored.find({"kind": _DELETED, "at": {"$gte": _text(begin)}})
        return sorted(found, key=lambda one: str(one["at"]), reverse=True)

    def tidy(self, now: datetime) -> None:
        """Forget deletions that are too long ago."""
        oldest = _text(now - timedelta(days=KEPT_DAYS))
        self._stored.delete_many({"kind": _DELETED, "at": {"$lt": oldest}})

    def _forget(self, keys: Collection[str]) -> None:
        if keys:
            self._stored.delete_many({"_id": {"$in": [*keys]}})


def _mark(cloud: str) -> str:
    # No VM's row can have that id.
    return f"/watched/{cloud}"


def _text(at: datetime) -> str:
    # Text of one length in one zone sorts as the times do.
    return at.astimezone(UTC).isoformat(timespec="microseconds")
