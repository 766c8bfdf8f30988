"""What VMs we want and know of, in MongoDB: the cloud is the truth, the ledger is intent.

A row of `ledger` says what was asked for and how far that is; its `_id` is made of cloud and
name, so of two commands at once one claims the row. Beside it `{cloud}-vm` holds the VMs as
they were last seen, in the shape that upstream's code reads.

    creating ── present ── deleted      a boot claims a deleted or failed row anew,
        └────── failed                  with the next attempt

An attempt is an idempotency token. `creators` names the commands that may be asking the cloud for
the VM of this attempt right now, also one that died while it asked: as long as one is there, the
attempt is not given up, for the cloud may still make its VM.

`ending` is the VM whose deletion was asked for last. `lost` are VMs that were gone without that:
a cloud may show them again, as when its section named another region for a while.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from cloudmesh_engine import mongo
from cloudmesh_engine.clouds import OWNER_TAG, Machine, Request
from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import ConfigError
from cloudmesh_engine.prices import Prices
from cloudmesh_engine.timesheets import Timesheets

Document = dict[str, Any]

CREATING, PRESENT, FAILED, DELETED = "creating", "present", "failed", "deleted"
# How long a VM that was just made can stay invisible.
UNSEEN_SECONDS = 120
_FIRST = {"attempt": 1, "creators": []}


@dataclass(frozen=True)
class Row:
    """One row of the ledger."""

    cloud: str
    name: str
    attempt: int
    request: Request
    state: str
    instance: str
    updated: str
    ending: str = ""

    @property
    def key(self) -> str:
        """The `_id` of the row."""
        return _key(self.cloud, self.name)

    @property
    def age(self) -> float:
        """Seconds since it was changed."""
        return (datetime.now(UTC) - datetime.fromisoformat(self.updated)).total_seconds()

    @property
    def fresh(self) -> bool:
        """Whether its VM may be there although the cloud does not show it yet."""
        return self.state == CREATING and self.age < UNSEEN_SECONDS

    def expected(self, owner: str) -> Machine:
        """Describe the VM that the cloud was asked for and does not show yet."""
        wanted = self.request
        tags = {OWNER_TAG: owner, **{f"cm-{key}": text for key, text in wanted.labels.items()}}
        return Machine(
            cloud=self.cloud,
            name=self.name,
            id=self.instance,
            state="pending",
            image=wanted.image_id,
            flavor=wanted.flavor,
            key=wanted.key,
            public_ips=[],
            private_ips=[],
            launched="",
            tags=tags,
        )


class Ledger:
    """The ledger and the inventory."""

    def __init__(self, settings: Settings) -> None:
        server = mongo.server(settings)
        self._database = mongo.client(server)[server.database]
        self._rows = self._database["ledger"]
        self.timesheets = Timesheets(self._database)
        self._prices = Prices(settings)

    def find(self, cloud: str, name: str) -> Row | None:
        """Look one row up."""
        stored = self._rows.find_one({"_id": _key(cloud, name)})
        return _row(stored) if stored else None

    def wanted(self) -> list[Row]:
        """Give the rows of the VMs that should be there."""
        return [_row(row) for row in self._rows.find({"state": {"$in": [CREATING, PRESENT]}})]

    def lost(self) -> set[str]:
        """Name the VMs that were taken for gone, though nobody had asked to delete them."""
        return set(self._rows.distinct("lost"))

    def claim(self, cloud: str, name: str, request: Request) -> tuple[Row, bool]:
        """Give the row of a name, and whether this command is the one that claimed it."""
        new: Document = {"_id": _key(cloud, name), "cloud": cloud, "name": name, "created": now()}
        new |= {**_FIRST, **_intent(request)}
        try:
            self._rows.insert_one(new)
            return _row(new), True
        except DuplicateKeyError:
            row = self._existing(cloud, name)
        if row.state == DELETED or (row.state == FAILED and row.request != request):
            return self.reopen(row, request)
        if row.state == FAILED:
            # Nothing was made, so the old token still stands for the same request.
            query = {**_attempt(row), "state": FAILED}
            change = {"$set": {"state": CREATING, "updated": now()}}
            claimed = self._rows.update_one(query, change).matched_count == 1
            return self._existing(cloud, name), claimed
        return row, False

    def take(self, machine: Machine, name: str) -> bool:
        """Claim another name for a VM that is there, unless a VM has it or shall have it."""
        key = _key(machine.cloud, name)
        taken = {**_intent(machine.as_request()), "instance": machine.id}
        try:
            row = {"_id": key, "cloud": machine.cloud, "name": name, "attempt": 1, **taken}
            self._rows.insert_one({**row, "created": now()})
            return True
        except DuplicateKeyError:
            free = [{"state": {"$in": [FAILED, DELETED]}}, {"instance": machine.id}]
            change = {"$set": taken, "$inc": {"attempt": 1}}
            return bool(self._rows.update_one({"_id": key, "$or": free}, change).matched_count)

    def reopen(self, row: Row, request: Request) -> tuple[Row, bool]:
        """Begin the next attempt, unless another command has done so: then give its row."""
        changed = self._rows.find_one_and_update(
            # Of a failed attempt another command may have made a live one.
            {**_attempt(row), "state": row.state},
            {"$set": {**_intent(request), "attempt": row.attempt + 1, "creators": []}},
            return_document=ReturnDocument.AFTER,
        )
        if changed and row.state != DELETED:
            self._lose(row)
        return (_row(changed), True) if changed else (self._existing(row.cloud, row.name), False)

    def creating(self, row: Row, creator: str) -> bool:
        """Note that a command asks the cloud now; False: the attempt is over."""
        query = {**_attempt(row), "state": {"$in": [CREATING, PRESENT]}}
        change = {"$addToSet": {"creators": creator}, "$set": {"updated": now()}}
        return self._rows.update_one(query, change).matched_count == 1

    def turn(self, row: Row, creator: str) -> bool | None:
        """Say whether a command is the first registered; None: the VM is there, or it is over."""
        stored = self._rows.find_one({**_attempt(row), "instance": row.instance})
        return stored["creators"][:1] == [creator] if stored else None

    def created(self, row: Row, creator: str, instance: str) -> bool:
        """Note which VM an attempt made; False: the name has been given to another."""
        query = {**_attempt(row), "state": {"$in": [CREATING, PRESENT]}}
        query["instance"] = {"$in": ["", row.instance, instance]}
        change = {"$pull": {"creators": creator}, "$set": {"instance": instance, "updated": now()}}
        noted = self._rows.update_one(query, change).matched_count == 1
        if noted and row.instance != instance:
            self._lose(row)
        return noted

    def failed(self, row: Row, creator: str) -> None:
        """Note that the cloud refused: this command made no VM."""
        self._rows.update_one(_attempt(row), {"$pull": {"creators": creator}})
        self._give_up(row, FAILED)

    def release(self, row: Row) -> None:
        """Give a claimed row back."""
        self._give_up(row, DELETED)

    def record(self, machine: Machine) -> None:
        """Note that a VM is there, as it is now."""
        self.timesheets.saw([machine], now())
        self._write(machine)

    def _write(self, machine: Machine) -> None:
        row, request = self.find(machine.cloud, machine.name), machine.as_request()
        if row and not row.request.differences(request):
            # An image's name may stand for another image now than when the VM was made.
            request = replace(row.request, image_id=request.image_id)
        there = {"instance": machine.id, "state": PRESENT, "updated": now(), "ending": ""}
        first = {"cloud": machine.cloud, "name": machine.name, "created": now(), **_FIRST}
        self._rows.update_one(
            {"_id": _key(machine.cloud, machine.name)},
            {"$set": {**there, "request": asdict(request)}, "$setOnInsert": first},
            upsert=True,
        )
        self.show(machine)

    def show(self, machine: Machine) -> None:
        """Put a VM into the inventory, whatever its row says."""
        documents = self._documents(machine.cloud)
        priced = {**document(machine), "cost_per_hour": self._cost(machine)}
        documents.replace_one({"_id": machine.id}, priced, upsert=True)

    def _cost(self, machine: Machine) -> float | None:
        """Give what a VM costs an hour as it is now, or None if nobody knows."""
        if not machine.costs:
            return 0.0
        try:
            return self._prices.hourly(machine.cloud, machine.size)
        except ConfigError:
            # What is there has to be noted; who asks for the price is told of the mistake.
            return None

    def record_only(self, machine: Machine) -> None:
        """Note a VM as the only one of its name."""
        # What is left is of a VM that died without us, or was written by upstream.
        stale = {"cm.name": machine.name, "_id": {"$ne": machine.id}}
        self._documents(machine.cloud).delete_many(stale)
        self.record(machine)

    def ends(self, cloud: str, name: str, instance: str) -> None:
        """Note that the deletion of a VM was asked for."""
        change = {"$set": {"ending": instance}, "$pull": {"lost": instance}}
        self._rows.update_one({"_id": _key(cloud, name)}, change)

    def forget(self, cloud: str, name: str, instance: str, row: Row | None = None) -> None:
        """Note that a VM is gone.

        :param row: as it was while the VM was there: its attempt ends too, if it named no VM yet
            and nobody has touched it since
        """
        if instance:
            self.leave(cloud, name, instance)
        if row and not row.instance:
            self._close({**_attempt(row), "instance": "", "updated": row.updated})
        self.timesheets.gone(cloud, instance, now())
        self._documents(cloud).delete_many({"_id": instance})

    def leave(self, cloud: str, name: str, instance: str) -> None:
        """Note that a name does not stand for this VM any more."""
        self._close({"_id": _key(cloud, name), "instance": instance})

    def _close(self, query: Document) -> None:
        self._rows.update_one(query, {"$set": {"state": DELETED, "updated": now()}})

    def inventory(self, cloud: str) -> list[Document]:
        """Give the VMs of a cloud as they were last seen."""
        found = self._documents(cloud).find({"cm.kind": "vm"})
        return sorted(found, key=lambda entry: str(entry["cm"].get("name")))

    def heal(self, cloud: str, machines: list[Machine], began: str) -> None:
        """Make the inventory of a cloud what the cloud says.

        :param began: when the cloud was asked; what changed since is left alone
        """
        self.timesheets.saw(machines, began)
        for machine in machines:
            self._write(machine)
        alive = {machine.id: machine.name for machine in machines}
        self.timesheets.only(cloud, [*alive], began)
        self.prune(cloud, alive, began)

    def prune(self, cloud: str, alive: Mapping[str, str], began: str) -> None:
        """Note which VMs of a cloud are gone.

        :param alive: the names of all VMs that are there, by id
        :param began: as in `heal`
        """
        for row in self.wanted():
            if row.cloud != cloud or not row.instance or row.updated >= began:
                continue
            if row.instance not in alive and not row.fresh:
                self._lose(row)
                self.forget(cloud, row.name, row.instance)
            elif row.state == PRESENT and alive[row.instance] != row.name:
                # What a rename that was killed near its end left behind.
                self.leave(cloud, row.name, row.instance)
        for entry in self.inventory(cloud):
            if entry["_id"] not in alive and str(entry["cm"].get("updated")) < began:
                self._documents(cloud).delete_one({"_id": entry["_id"]})

    def _lose(self, row: Row) -> None:
        if row.instance and row.ending != row.instance:
            self._rows.update_one({"_id": row.key}, {"$addToSet": {"lost": row.instance}})

    def _existing(self, cloud: str, name: str) -> Row:
        return _row(self._rows.find_one({"_id": _key(cloud, name)}) or {})

    def _give_up(self, row: Row, state: str) -> None:
        # What another command of this attempt has noted, or may yet get from the cloud, stays.
        query = {**_attempt(row), "state": CREATING, "instance": "", "creators": []}
        self._rows.update_one(query, {"$set": {"state": state, "updated": now()}})

    def _documents(self, cloud: str) -> Any:
        return self._database[f"{cloud}-vm"]


def document(machine: Machine) -> Document:
    """Describe a VM in upstream's shape."""
    tags = machine.tags
    return {
        "_id": machine.id,
        "cm": {
            "kind": "vm",
            "cloud": machine.cloud,
            "name": machine.name,
            "label": tags.get("cm-label") or machine.name,
            "group": tags.get("cm-group") or "default",
            "status": machine.state,
            "created": machine.launched,
            "updated": now(),
        },
        "name": machine.name,
        "cloud": machine.cloud,
        "instance_id": machine.id,
        "status": machine.state,
        "image": machine.image,
        "flavor": machine.flavor,
        "key": machine.key,
        "username": tags.get("cm-username") or "",
        "public_ips": machine.public_ips,
        "private_ips": machine.private_ips,
        "created": machine.launched,
        "run": tags.get("cm-run") or "",
        "deadline": tags.get("cm-deadline") or "",
        "owner": machine.owner,
        **({"fault": machine.fault} if machine.fault else {}),
    }


def now() -> str:
    """Give the time as text that sorts."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _key(cloud: str, name: str) -> str:
    return f"{cloud}/{name}"


def _attempt(row: Row) -> Document:
    return {"_id": row.key, "attempt": row.attempt}


def _intent(request: Request) -> Document:
    return {
        "request": asdict(request),
        "instance": "",
        "state": CREATING,
        "updated": now(),
    }


def _row(stored: Document) -> Row:
    return Row(
        cloud=stored["cloud"],
        name=stored["name"],
        attempt=stored["attempt"],
        request=Request(**stored["request"]),
        state=stored["state"],
        instance=stored["instance"],
        updated=stored["updated"],
        ending=stored.get("ending", ""),
    )
