"""Decides what should be gone from a cloud: an inventory in, findings out, and nothing else.

Nothing without our owner tag is ever found. What cannot be decided, because MongoDB does not
answer or its ledger is younger than the VM, is left to a person.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cloudmesh_engine.clouds import DEADLINE_TAG, GONE, TOKEN_TAG, Machine
from cloudmesh_engine.clouds.leftovers import FREE, KINDS, Holding
from cloudmesh_engine.errors import UsageError
from cloudmesh_engine.hours import times
from cloudmesh_engine.ledger import CREATING, PRESENT, Row

VM = "vm"
# No boot takes longer to note what it made.
_A_BOOT = timedelta(minutes=10)


@dataclass(frozen=True)
class Patience:
    """How long something is left alone that looks as if nobody wanted it.

    :param orphan: a VM that the ledger does not want; also how long a boot may be under way
    :param unused: an address, a disk or an interface
    :param free: what costs nothing
    """

    orphan: timedelta = timedelta(hours=1)
    unused: timedelta = timedelta(hours=24)
    free: timedelta = timedelta(days=30)

    def of(self, kind: str) -> timedelta:
        """Give how long it is for a kind."""
        if kind == VM:
            return self.orphan
        return self.free if kind in FREE else self.unused


@dataclass(frozen=True)
class Memory:
    """What MongoDB knows.

    :param rows: the ledger's, of all sections of cloudmesh.yaml: two may be of one account
    :param watched: since when the reaper has watched this ledger without a gap
    :param seen: since when something has looked as if nobody wanted it, by `key`
    :param lost: the ids of VMs that the ledger took for gone
    """

    rows: Sequence[Row]
    watched: datetime
    seen: Mapping[str, datetime]
    lost: Collection[str] = ()

    @property
    def wanted(self) -> list[Row]:
        """The rows of VMs that should be there."""
        return [row for row in self.rows if row.state in (CREATING, PRESENT)]

    def row(self, machine: Machine) -> Row | None:
        """Give what is wanted of a VM's name in its own section."""
        own = (row for row in self.wanted if row.cloud == machine.cloud)
        return next((row for row in own if row.name == machine.name), None)


@dataclass(frozen=True)
class Inventory:
    """All that is known of a cloud.

    :param holdings: None: the look at them failed
    :param memory: None: MongoDB does not answer
    :param kept: kind and name of what cloudmesh.yaml names, which stays though nobody uses it
    """

    owner: str
    now: datetime
    machines: Sequence[Machine]
    holdings: Sequence[Holding] | None = ()
    memory: Memory | None = None
    kept: Collection[tuple[str, str]] = ()
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True)
class Finding:
    """Something that should be gone, or that a person has to look at.

    :param since: since when it has looked so; None: that is of no matter
    :param due: from when on it is deleted; None: a person decides
    """

    thing: Machine | Holding
    why: str
    since: datetime | None = None
    due: datetime | None = None

    @property
    def kind(self) -> str:
        """What it is."""
        return self.thing.kind if isinstance(self.thing, Holding) else VM

    @property
    def key(self) -> str:
        """What tells it from everything else."""
        return key(self.thing)

    def is_due(self, now: datetime) -> bool:
        """Say whether it is to be deleted now."""
        return self.due is not None and self.due <= now


def key(thing: Machine | Holding) -> str:
    """Name a thing among those of all clouds."""
    kind = thing.kind if isinstance(thing, Holding) else VM
    return f"{thing.cloud}/{kind}/{thing.id}"


def findings(inventory: Inventory) -> list[Finding]:
    """Give what should be gone, in the order in which it can be deleted."""
    machines = (judge(machine, inventory) for machine in inventory.machines)
    return [*(one for one in machines if one), *_unused(inventory)]


def of_run(inventory: Inventory, run: str) -> list[Finding]:
    """Give the VMs that one DAG run booted."""
    return [
        Finding(machine, f"booted by {run}", due=inventory.now)
        for machine in inventory.machines
        if _is_ours(machine, inventory) and machine.tags.get("cm-run") == run
    ]


def judge(machine: Machine, inventory: Inventory) -> Finding | None:
    """Say why a VM should be gone, if it should."""
    if not _is_ours(machine, inventory):
        return None
    text = machine.tags.get(DEADLINE_TAG)
    if not text:
        return _orphan(machine, inventory)
    try:
        deadline = times.parse(text, DEADLINE_TAG)
    except UsageError:
        return Finding(machine, f"its deadline {text!r} is no time")
    if deadline <= inventory.now:
        return Finding(machine, f"past its deadline {text}", due=deadline)
    return _orphan(machine, inventory)


def _is_ours(machine: Machine, inventory: Inventory) -> bool:
    return machine.owner == inventory.owner and machine.state not in GONE


def _orphan(machine: Machine, inventory: Inventory) -> Finding | None:
    memory = inventory.memory
    if memory is None:
        return None
    why, decided = _unwanted(machine, inventory, memory)
    if not why:
        return None
    if not _is_after(machine.created, memory.watched):
        decided, why = False, f"{why}; it was made before the reaper watched this ledger"
    if not decided:
        return Finding(machine, f"{why}: cms fleet adopt, or cms vm delete")
    since = max(memory.seen.get(key(machine), inventory.now), memory.watched)
    return Finding(machine, why, since, since + inventory.patience.orphan)


def _unwanted(machine: Machine, inventory: Inventory, memory: Memory) -> tuple[str, bool]:
    """Say why nobody wants a VM, nothing if somebody does; and whether that is certain."""
    if any(row.instance == machine.id for row in memory.wanted):
        return "", True
    if machine.id in memory.lost:
        return "the ledger took it for gone, as its cloud did not show it", False
    named = [row for row in memory.wanted if row.name == machine.name]
    row = memory.row(machine)
    # A boot of another section, which has not noted its VM yet, may have made it.
    boots = [other for other in named if other is row or not other.instance]
    patience = max(inventory.patience.orphan, _A_BOOT)
    if any(_is_newer(other, inventory.now - patience) for other in boots):
        return "", True
    if row is None:
        return "an orphan: the ledger does not know it", True
    if not row.instance:
        return "half of a boot that died", True
    twin = next((one for one in inventory.machines if one.id == row.instance), None)
    if twin is None:
        return f"an orphan: the ledger knows {row.instance} by that name", True
    # Of two that were booted apart nobody can say which one is used.
    token = machine.tags.get(TOKEN_TAG)
    return f"a twin of {twin.id}", bool(token) and token == twin.tags.get(TOKEN_TAG)


def _is_newer(row: Row, moment: datetime) -> bool:
    return datetime.fromisoformat(row.updated) > moment


def _is_after(created: str, moment: datetime) -> bool:
    if not created:
        return False
    at = datetime.fromisoformat(created)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)) > moment


def _unused(inventory: Inventory) -> Iterator[Finding]:
    memory, holdings = inventory.memory, inventory.holdings
    if memory is None or holdings is None:
        return
    alive = {machine.id for machine in inventory.machines if machine.state not in GONE}
    alive |= {row.instance for row in memory.wanted}
    boots = any(
        row.state == CREATING and _is_newer(row, inventory.now - _A_BOOT) for row in memory.wanted
    )
    for holding in sorted(holdings, key=lambda one: KINDS.index(one.kind)):
        if holding.owner != inventory.owner or holding.used or holding.vm in alive - {""}:
            continue
        if (holding.kind, holding.name) in inventory.kept or (boots and holding.kind in FREE):
            continue
        since = memory.seen.get(key(holding), inventory.now)
        why = "nobody uses it" if not holding.vm else f"its VM {holding.vm} is gone"
        yield Finding(holding, why, since, since + inventory.patience.of(holding.kind))
