"""Boots VMs so that every repetition, at once or after any interruption, ends with one per name."""

import hashlib
import itertools
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, replace

from cloudmesh_engine import waiting
from cloudmesh_engine.clouds import (
    BROKEN,
    GONE,
    TOKEN_TAG,
    Driver,
    Machine,
    Request,
    TokenSpent,
)
from cloudmesh_engine.errors import ActionFailed, DependencyDown, EngineError, NotLetIn, Refused
from cloudmesh_engine.ledger import CREATING, PRESENT, Ledger, Row
from cloudmesh_engine.limits import Limits, Vm

# How many terminated VMs of one name, unknown to the ledger, a boot walks past.
_MOST_ATTEMPTS = 50
# How long a boot lets an earlier one of the same name go first; that one may be dead.
_TURN_SECONDS, _TURN_PAUSE = 10.0, 0.2


class Boot:
    """One boot command: claim the row, look in the cloud, adopt or create, read back, record.

    :param ensure_key: makes sure that the cloud's key of that name is ours
    :param ensure_group: makes the security group that VMs get when none is asked for
    :param budget: seconds to wait for a VM to run
    :param wait: False ends when the cloud has the VM, which may not run yet
    """

    def __init__(
        self,
        ledger: Ledger,
        driver: Driver,
        request: Request,
        *,
        ensure_key: Callable[[], object],
        ensure_group: Callable[[], object],
        budget: float,
        limits: Limits,
        wait: bool = True,
    ) -> None:
        self.ledger = ledger
        self.driver = driver
        self.request = request
        self.ensure_key = ensure_key
        self.ensure_group = ensure_group
        self.budget = budget
        self.limits = limits
        self.wait = wait
        self._id = secrets.token_hex(4)
        self._rows: dict[str, Row] = {}
        self._fresh: set[str] = set()

    def free_names(self, count: int, claim: bool) -> list[str]:
        """Find names that nobody uses: `vm-1` and so on."""
        taken = {machine.name for machine in self.driver.list_owned()}
        taken |= {row.name for row in self.ledger.wanted() if row.cloud == self.driver.cloud}
        names: list[str] = []
        for number in itertools.count(1):
            name = f"vm-{number}"
            if name not in taken and (not claim or self._claim(name)):
                names.append(name)
            if len(names) == count:
                break
        return names

    def prepare(self, names: list[str]) -> dict[str, Machine | None]:
        """Claim the names and find which VMs are there; nothing is made yet."""
        for name in names:
            if name not in self._rows:
                self._claim(name)
        try:
            found = {name: self._adoptable(name) for name in names}
            new = [name for name in names if not found[name]]
            self._check_limits(new)
            if new:
                self.ensure_key()
                self.ensure_group()
        except Exception:
            self.release(names)
            raise
        return found

    def preview(self, names: list[str]) -> dict[str, Machine | None]:
        """Do what `prepare` does without claiming anything."""
        found: dict[str, Machine | None] = {}
        for name in names:
            row = self.ledger.find(self.driver.cloud, name)
            if row and row.state in (CREATING, PRESENT):
                self._rows[name] = row
            found[name] = self._adoptable(name, settle=False)
        self._check_limits([name for name in names if not found[name]])
        return found

    def secure(self, name: str, there: Machine | None) -> tuple[Machine, str]:
        """Make sure that the VM runs, or soon will; say what had to be done."""
        if there and there.state == BROKEN:
            waiting.terminate(self.driver, there, self.budget)
            there = None
        machine, action = (there, "adopted") if there else self._obtain(name)
        if machine.state == "stopping":
            machine = waiting.until(self.driver, machine, "stopped", self.budget)
        if machine.state == "stopped":
            self.driver.start(machine)
            action = "started"
        floats = self.request.public and self.driver.floats
        if not self.wait and not floats:
            return self._look(machine), action
        machine = waiting.until(self.driver, machine, "running", self.budget)
        if floats and not machine.public_ips:
            machine = replace(machine, public_ips=[self.driver.assign_address(machine)])
        self.ledger.record_only(machine)
        return machine, action

    def _look(self, machine: Machine) -> Machine:
        """Record a VM as the cloud shows it now, which may be not at all yet."""
        seen = waiting.look(self.driver, machine)
        if not seen:
            # Its row stays `creating`: what is present and not seen would be taken for gone.
            seen = replace(machine, state="pending")
            self.ledger.show(seen)
            return seen
        if seen.state == BROKEN:
            raise waiting.failed(seen)
        self.ledger.record_only(seen)
        return seen

    def _check_limits(self, new: list[str]) -> None:
        vm = Vm(self.request.flavor, self.request.labels.get("deadline", ""))
        self.limits.check(self.ledger, self.driver, new, vm)

    def _claim(self, name: str) -> bool:
        self._rows[name], fresh = self.ledger.claim(self.driver.cloud, name, self.request)
        (self._fresh.add if fresh else self._fresh.discard)(name)
        return fresh

    def release(self, names: list[str]) -> None:
        """Give back what this command claimed and nobody has asked the cloud for."""
        for name in self._fresh.intersection(names):
            self.ledger.release(self._rows[name])

    def _adoptable(self, name: str, settle: bool = True) -> Machine | None:
        row = self._rows.get(name)
        machine = self._only(name, settle)
        if row and name not in self._fresh:
            self._refuse_other(name, self.request.differences(row.request))
        if machine and (row is None or name in self._fresh):
            self._refuse_other(name, self.request.differences(machine.as_request()))
        return machine

    def _only(self, name: str, settle: bool) -> Machine | None:
        found = self.driver.find(name)
        if len(found) > 1 and settle:
            found = self._settle_twins(self._rows[name], found)
        if len(found) > 1:
            ids = ", ".join(machine.id for machine in found)
            raise Refused(
                f"boot: {len(found)} VMs on {self.driver.cloud} are named {name}: {ids}: "
                "delete all but one by its id"
            )
        return found[0] if found else None

    def _settle_twins(self, row: Row, found: list[Machine]) -> list[Machine]:
        """Leave one VM where calls that met, or came late, made several for one attempt.

        Only a cloud without client tokens lets that happen.
        """
        if len({machine.tags.get(TOKEN_TAG, machine.id) for machine in found}) > 1:
            return found
        kept = next((machine for machine in found if machine.id == row.instance), found[0])
        if not self.ledger.created(row, self._id, kept.id):
            # Another command was faster; whose VM it noted counts.
            row = self.ledger.find(row.cloud, row.name) or row
            kept = next((machine for machine in found if machine.id == row.instance), kept)
            if kept.id != row.instance:
                return found
        for machine in found:
            if machine is not kept:
                waiting.terminate(self.driver, machine, self.budget)
        return [kept]

    def _refuse_other(self, name: str, differences: str) -> None:
        if differences:
            raise Refused(
                f"boot: {name} on {self.driver.cloud} was asked for differently: {differences}: "
                f"choose another name, or cms vm delete {name} first"
            )

    def _obtain(self, name: str) -> tuple[Machine, str]:
        """Create the VM, unless another command of that name comes first."""
        for _ in range(_MOST_ATTEMPTS):
            row = self._rows[name]
            if self.ledger.creating(row, self._id):
                machine = self._ask(row) if self._has_turn(row) else None
                if machine and self._settle(row, machine):
                    return machine, "created"
            # The attempt is over: whose VM there is now, or will be, is to be seen anew.
            del self._rows[name]
            there = self.prepare([name])[name]
            if there:
                return there, "adopted"
        raise ActionFailed(f"boot: {name}: {_MOST_ATTEMPTS} VMs of that name were just terminated")

    def _has_turn(self, row: Row) -> bool:
        """Wait for those who came first, where each call would make a VM; False: one is there."""
        deadline = time.monotonic() + _TURN_SECONDS
        while not self.driver.tokens and time.monotonic() < deadline:
            first = self.ledger.turn(row, self._id)
            if first is None:
                self.ledger.failed(row, self._id)
                return False
            if first:
                break
            time.sleep(_TURN_PAUSE)
        return True

    def _ask(self, row: Row) -> Machine | None:
        """Ask the cloud for the VM of an attempt; None: that one is dead."""
        try:
            if row.instance:
                self._check_known(row)
            machine = self.driver.create(row.name, row.request, _token(self.driver, row))
            _check_same(machine, row.name)
        except TokenSpent:
            self.ledger.reopen(row, self.request)
            return None
        except EngineError as error:
            # Without an answer nobody knows whether it was made: the attempt stays open for the
            # same request.
            if isinstance(error, NotLetIn) or not isinstance(error, DependencyDown):
                self.ledger.failed(row, self._id)
            raise
        return machine

    def _check_known(self, row: Row) -> None:
        known = self.driver.get(row.instance)
        if known:
            _refuse_renaming(known, row)
            _check_same(known, row.name)
        elif row.request.public is None:
            # What is not seen may be about to appear, but this row was restored by seeing it.
            raise TokenSpent(f"{row.name} ({row.instance}) was terminated")

    def _settle(self, row: Row, machine: Machine) -> bool:
        """Keep a new VM if the name still waits for it; else terminate it, so that one is left."""
        if self.ledger.created(row, self._id, machine.id):
            return True
        # Only a ledger that was lost, or a deletion in between, gets here.
        fresh = self._claim(row.name)
        row = self._rows[row.name]
        if row.instance == machine.id:
            return True
        if fresh and self.ledger.created(row, self._id, machine.id):
            return True
        waiting.terminate(self.driver, machine, self.budget)
        return False


def _check_same(machine: Machine, name: str) -> None:
    if machine.state in GONE:
        raise TokenSpent(f"{name} ({machine.id}) was terminated")
    if machine.name != name:
        raise TokenSpent(f"{name} ({machine.id}) was renamed to {machine.name}")


def _refuse_renaming(known: Machine, row: Row) -> None:
    if row.state == CREATING and known.state not in GONE and known.name != row.name:
        raise Refused(
            f"boot: {row.name} on {row.cloud} is claimed by a rename that is under way: repeat "
            f"cms vm rename {known.name} {row.name}, or give it up by cms vm delete {row.name}"
        )


def _token(driver: Driver, row: Row) -> str:
    """Derive the token from what identifies the attempt, so that a repetition has the same."""
    wanted = asdict(row.request)
    del wanted["labels"], wanted["image"]
    parts = [driver.owner, row.cloud, row.name, row.attempt, wanted]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
