"""Does on one cloud what office hours ask for now."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime

from cloudmesh_engine import power
from cloudmesh_engine.clouds import GONE, Driver, Machine
from cloudmesh_engine.errors import ActionFailed, EngineError
from cloudmesh_engine.hours.book import Book
from cloudmesh_engine.hours.config import Schedule
from cloudmesh_engine.hours.plan import RESULT, STOP, Note, covering, settle
from cloudmesh_engine.ledger import Ledger

SNOOZED = "snoozed meanwhile"
_AT_ONCE = 8

Done = tuple[Machine, str]
_Goal = tuple[Machine, Note]


@dataclass(frozen=True)
class Applying:
    """One cloud's part of `apply`: plan, write the goals down, act, read back.

    :param last: until when this cloud's transitions are dealt with
    :param budget: seconds that one VM may take
    """

    driver: Driver
    ledger: Ledger
    book: Book
    schedules: Sequence[Schedule]
    notes: Sequence[Note]
    last: datetime
    now: datetime
    budget: float

    def preview(self) -> list[Done]:
        """Say what would be done, and change nothing."""
        settled = ((machine, *self._settle(machine)) for machine in self.driver.list_owned())
        return [(machine, f"would {after.goal}") for machine, _, after in settled if after.goal]

    def run(self) -> tuple[list[Done], list[EngineError]]:
        """Do it; give what was done, and what is not as it should be."""
        goals = self._plan()
        if not goals:
            return [], []
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            outcomes = list(pool.map(self._reach, goals))
        return self._read_back(goals, outcomes)

    def _plan(self) -> list[_Goal]:
        machines = self.driver.list_owned()
        self._forget_others({machine.id for machine in machines})
        goals: list[_Goal] = []
        for machine in machines:
            before, after = self._settle(machine)
            if before != after:
                self.book.settled(before, after)
            if after.goal:
                goals.append((machine, after))
        # Only now: had we died before all goals are written, they must be found once more.
        self.book.passed(self.driver.cloud, self.now)
        return goals

    def _settle(self, machine: Machine) -> tuple[Note, Note]:
        fresh = Note(machine.cloud, machine.id, machine.name)
        before = next((note for note in self.notes if note.instance == machine.id), fresh)
        many = covering(machine, self.schedules)
        if many:
            machine = replace(machine, launched=self.driver.last_launch(machine))
        return before, settle(machine, before, many, self.last, self.now)

    def _forget_others(self, there: set[str]) -> None:
        for note in self.notes:
            if note.instance not in there and self._is_gone(note.instance):
                self.book.forget(note)

    def _is_gone(self, instance: str) -> bool:
        known = self.driver.get(instance)
        return known is None or known.state in GONE

    def _reach(self, pair: _Goal) -> str | EngineError:
        """Reach one goal, and give what had to be done for it or what went wrong."""
        machine, note = pair
        act = power.stop if note.goal == STOP else power.start
        try:
            # Others may have kept us waiting, and a person was told that it would not be stopped.
            if note.goal == STOP and self.book.snoozed(note, self.now):
                self.book.dropped(note)
                return SNOOZED
            after, action = act(self.driver, machine, self.budget)
            self.ledger.record(after)
        except EngineError as error:
            return error
        self.book.reached(note)
        return action

    def _read_back(
        self, goals: list[_Goal], outcomes: Sequence[str | EngineError]
    ) -> tuple[list[Done], list[EngineError]]:
        there = {machine.id: machine for machine in self.driver.list_owned()}
        done: list[Done] = []
        errors: list[EngineError] = []
        for (machine, note), outcome in zip(goals, outcomes, strict=True):
            seen = there.get(machine.id)
            if seen is None and self._is_gone(machine.id):
                self.book.forget(note)
                done.append((machine, "gone"))
            elif outcome == SNOOZED or (seen and _is_as_wanted(seen, note.goal)):
                done.append((seen or machine, self._told(note, outcome)))
            else:
                errors.append(_not_as_it_should_be(seen or machine, note, outcome))
        return done, errors

    def _told(self, note: Note, outcome: str | EngineError) -> str:
        if isinstance(outcome, str):
            return outcome
        # It went wrong and is right all the same, as when only the answer was lost.
        self.book.reached(note)
        return RESULT[note.goal]


def _is_as_wanted(machine: Machine, goal: str) -> bool:
    return power.is_off(machine) if goal == STOP else machine.state == RESULT[goal]


def _not_as_it_should_be(machine: Machine, note: Note, outcome: str | EngineError) -> EngineError:
    why = str(outcome) if isinstance(outcome, EngineError) else "somebody changed it again"
    return ActionFailed(
        f"{machine.name} ({machine.id}) on {machine.cloud} {power.told(machine)} "
        f"and should be {RESULT[note.goal]}: {why}"
    )
