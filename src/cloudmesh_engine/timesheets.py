"""When each VM ran, in the MongoDB collection `timesheets`: one document for each VM.

`since` and `until` are the last stretch in which it ran, `until` is empty while it runs; `past`
holds the stretches before, and another flavor begins a new one. A VM is taken to run from its
launch until it is first seen down and not charged on: what `cms` does counts to the second, what is
done past it counts from when it is next looked at.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from cloudmesh_engine.clouds import Machine

Document = dict[str, Any]

KEPT_DAYS = 90
_STRETCH = ("since", "until", "flavor")


@dataclass(frozen=True)
class Stretch:
    """A time in which a VM ran; `until` is None while it does."""

    flavor: str
    since: datetime
    until: datetime | None

    def hours(self, begin: datetime, end: datetime) -> float:
        """Say how much of it lies between two times."""
        spent = min(self.until or end, end) - max(self.since, begin)
        return max(spent.total_seconds(), 0) / 3600


@dataclass(frozen=True)
class Sheet:
    """When one VM ran, the last stretch last."""

    cloud: str
    instance: str
    name: str
    run: str
    owner: str
    group: str
    stretches: list[Stretch]


class Timesheets:
    """The collection."""

    def __init__(self, database: Database[Document]) -> None:
        self._stored = database["timesheets"]

    def saw(self, machines: Iterable[Machine], at: str) -> None:
        """Note in which states VMs were when their cloud was asked."""
        by_key = {_key(machine.cloud, machine.id): machine for machine in machines}
        found = self._stored.find({"_id": {"$in": [*by_key]}}, {"past": 0})
        known = {stored["_id"]: stored for stored in found}
        for key, machine in by_key.items():
            if key not in known:
                self._begin(key, machine, at)
            elif change := _change(known[key], machine, at):
                # Unless another command has noted it first.
                unchanged = {name: known[key][name] for name in ("_id", "since", "until")}
                self._stored.update_one(unchanged, change)

    def gone(self, cloud: str, instance: str, at: str) -> None:
        """Note that a VM is there no more."""
        query = {"_id": _key(cloud, instance), "until": ""}
        self._stored.update_one(query, {"$set": {"until": at}})

    def only(self, cloud: str, instances: list[str], at: str) -> None:
        """Note that these are all VMs of a cloud, and forget what is too long ago."""
        others = {"cloud": cloud, "instance": {"$nin": instances}}
        on = {"until": "", "since": {"$lt": at}}
        self._stored.update_many(others | on, {"$set": {"until": at}})
        oldest = (datetime.fromisoformat(at) - timedelta(days=KEPT_DAYS)).isoformat(
            timespec="microseconds"
        )
        self._stored.delete_many(others | {"until": {"$gt": "", "$lt": oldest}})
        self._stored.update_many(
            {"cloud": cloud, "past.until": {"$lt": oldest}},
            {"$pull": {"past": {"until": {"$lt": oldest}}}},
        )

    def read(self) -> Iterator[Sheet]:
        """Give all that is known."""
        for stored in self._stored.find({}):
            yield Sheet(
                **{name: stored[name] for name in ("cloud", "instance", *_labels_of(stored))},
                stretches=[_stretch(one) for one in (*stored["past"], stored)],
            )

    def _begin(self, key: str, machine: Machine, at: str) -> None:
        runs, launched = machine.costs, _launched(machine)
        stored = {"_id": key, "cloud": machine.cloud, "instance": machine.id, "past": []}
        stored |= {"flavor": machine.size, "launched": launched, **_labels(machine)}
        stored |= {"since": (launched or at) if runs else at, "until": "" if runs else at}
        try:
            self._stored.insert_one(stored)
        except DuplicateKeyError:
            return  # another command has just noted it


def _change(stored: Document, machine: Machine, at: str) -> Document | None:
    """Give what has to be written when a VM is seen, if anything."""
    runs, launched, labels = machine.costs, _launched(machine), _labels(machine)
    ended = stored["until"]
    if not runs:
        return {"$set": {"until": at}} if not ended and stored["since"] < at else None
    same = launched == stored["launched"]
    resized = machine.size != stored["flavor"] and stored["since"] < at
    if not ended and same and not resized:
        return {"$set": labels} if labels != _labels_of(stored) else None
    # Of a stop that nobody saw it is only known that it was before the launch that followed, of
    # a resize without a launch that it was before this look.
    ended = ended or (at if same else max(launched, stored["since"]))
    if ended > at:
        return None  # seen before what is known by now
    # Some clouds tell only of the first launch.
    since = launched if launched >= ended else at
    fresh = {"since": since, "until": "", "launched": launched, "flavor": machine.size}
    before = {**{name: stored[name] for name in _STRETCH}, "until": ended}
    return {"$set": fresh | labels, "$push": {"past": before}}


def _labels(machine: Machine) -> Document:
    tags = machine.tags
    return {
        "name": machine.name,
        "run": tags.get("cm-run") or "",
        "owner": machine.owner,
        "group": tags.get("cm-group") or "default",
    }


def _labels_of(stored: Document) -> Document:
    return {name: stored[name] for name in ("name", "run", "owner", "group")}


def _launched(machine: Machine) -> str:
    if not machine.launched:
        return ""
    # Text of one length in one zone sorts as the times do.
    return (
        datetime.fromisoformat(machine.launched).astimezone(UTC).isoformat(timespec="microseconds")
    )


def _stretch(stored: Document) -> Stretch:
    until = datetime.fromisoformat(stored["until"]) if stored["until"] else None
    return Stretch(stored["flavor"], datetime.fromisoformat(stored["since"]), until)


def _key(cloud: str, instance: str) -> str:
    return f"{cloud}/{instance}"
