"""One look of the reaper at one cloud, and what follows from it."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from cloudmesh_engine import access, causes, clouds, ending, owner
from cloudmesh_engine.clouds import GONE, Machine
from cloudmesh_engine.clouds.leftovers import Holding
from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import EngineError
from cloudmesh_engine.ledger import Document, Ledger, now
from cloudmesh_engine.reaping.book import Book
from cloudmesh_engine.reaping.plan import (
    Finding,
    Inventory,
    Memory,
    Patience,
    findings,
    judge,
    of_run,
)

DELETED, WOULD, WAITS, LEFT, FAILED = "deleted", "would delete", "waits", "left", "failed"
_AT_ONCE = 8


@dataclass(frozen=True)
class Orders:
    """What a sweep is to do.

    :param act: False changes nothing
    :param budget: seconds that the end of one VM may take
    :param run: only what this DAG run booted, whatever its deadline
    """

    act: bool
    budget: float
    patience: Patience = field(default_factory=Patience)
    run: str = ""


class Sweep:
    """The look, the deletions, and what there is to say of both.

    :ivar records: what was found, with what was done about it
    :ivar errors: what went wrong; it hinders nothing that can do without it
    """

    def __init__(self, settings: Settings, cloud: str, orders: Orders) -> None:
        self.settings = settings
        self.cloud = cloud
        self.orders = orders
        self.records: list[Document] = []
        self.errors: list[EngineError] = []
        self._owner = owner.current(make=orders.act)
        self._driver = clouds.open_driver(settings, cloud, self._owner)
        self._leftovers = clouds.open_leftovers(settings, cloud, self._owner)
        self._ledger = Ledger(settings)
        self._book = Book(settings)

    def run(self) -> "Sweep":
        """Do all of it."""
        began = now()
        inventory = self._look()
        run = self.orders.run
        found = of_run(inventory, run) if run else findings(inventory)
        if not self.orders.act:
            self.records = [_told(one, self._plan(one, inventory)) for one in found]
            return self
        if inventory.memory and not run:
            self._write_down(inventory, inventory.memory, found, began)
        vms = [one for one in found if isinstance(one.thing, Machine)]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            self.records = list(pool.map(lambda one: self._settle(one, inventory), vms))
        # Only now: what a VM holds is free when the VM is gone.
        rest = [one for one in found if isinstance(one.thing, Holding)]
        self.records += [self._settle(one, inventory) for one in rest]
        return self

    def _look(self) -> Inventory:
        """Ask the cloud, then MongoDB: a row is there before its VM, so each VM has its row."""
        machines = self._driver.list_owned()
        holdings: Sequence[Holding] | None = None
        if not self.orders.run:
            holdings = self._tried(self._leftovers.look, None)
        return Inventory(
            owner=self._owner,
            now=datetime.now(UTC),
            machines=machines,
            holdings=holdings,
            memory=self._tried(self._remember, None),
            kept=_kept(self.settings),
            patience=self.orders.patience,
        )

    def _remember(self) -> Memory | None:
        at = datetime.now(UTC)
        return Memory(
            rows=self._ledger.wanted(),
            watched=self._book.watched(self.cloud, at),
            seen=self._book.seen(self.cloud),
            lost=self._ledger.lost(),
        )

    def _write_down(
        self, inventory: Inventory, memory: Memory, found: list[Finding], began: str
    ) -> None:
        alive = {machine.id: machine.name for machine in inventory.machines}

        def work() -> None:
            self._ledger.prune(self.cloud, alive, began)
            self._book.note(inventory, self.cloud, memory.watched, found)
            self._book.tidy(inventory.now)

        self._tried(work, None)

    def _plan(self, finding: Finding, inventory: Inventory) -> str:
        if finding.due is None:
            return LEFT
        return WOULD if finding.is_due(inventory.now) else WAITS

    def _settle(self, finding: Finding, inventory: Inventory) -> Document:
        action = self._plan(finding, inventory)
        if action != WOULD:
            return _told(finding, action)
        thing = finding.thing
        try:
            if isinstance(thing, Machine):
                done = self._end(finding, thing, inventory)
            else:
                done = self._leftovers.discard(thing)
        except Exception as error:
            self._failed(error, f"{finding.kind} {thing.name} ({thing.id}): ")
            return _told(finding, FAILED)
        if done:
            self._tried(lambda: self._book.deleted(finding, datetime.now(UTC)), None)
        return _told(finding, DELETED if done else LEFT)

    def _end(self, finding: Finding, machine: Machine, inventory: Inventory) -> bool:
        """End a VM, if a last look says that it still should; False: it is gone, or wanted."""
        seen = self._driver.get(machine.id)
        if seen is None or seen.state in GONE:
            return False
        # From before it was seen last: so it is of no later boot.
        row = inventory.memory.row(seen) if inventory.memory else None
        if finding.since:
            # A person or a boot may have taken it up since.
            inventory = replace(inventory, memory=self._remember())
        if not self.orders.run:
            again = judge(seen, inventory)
            if not again or not again.is_due(inventory.now):
                return False
        ending.terminate(self._driver, seen, self.orders.budget)
        self._tried(lambda: self._ledger.forget(self.cloud, seen.name, seen.id, row), None)
        return True

    def _tried[T](self, work: Callable[[], T], otherwise: T) -> T:
        """Do what the rest can do without; tell once what is wrong."""
        try:
            return work()
        except Exception as error:
            self._failed(error)
            return otherwise

    def _failed(self, error: Exception, what: str = "") -> None:
        reason = causes.explain("fleet", error, self.settings)
        self.errors.append(type(reason)(f"{what}{reason}"))


def _kept(settings: Settings) -> set[tuple[str, str]]:
    """Name what cloudmesh.yaml gives to VMs that ask for nothing, whichever section they are of."""
    general = settings.data["cloudmesh"].get("default") or {}
    sections = clouds.known(settings).values()
    groups = {access.group_name(one) or access.DEFAULT_GROUP for one in sections}
    groups |= {str(access.part(one, "default").get("secgroup") or "") for one in sections}
    return {("key", str(general.get("key") or "")), *(("group", name) for name in groups)}


def _told(finding: Finding, action: str) -> Document:
    thing = finding.thing
    return {
        "action": action,
        "cloud": thing.cloud,
        "kind": finding.kind,
        "name": thing.name,
        "id": thing.id,
        "why": finding.why,
        "due": finding.due.isoformat(timespec="seconds") if finding.due else "",
    }
