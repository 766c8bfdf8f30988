"""What office hours decide, played over months on VMs that live in memory alone."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cloudmesh_engine.clouds import Machine
from cloudmesh_engine.hours.config import Schedule
from cloudmesh_engine.hours.plan import RESULT, START, STOP, Note, is_due, settle
from cloudmesh_engine.hours.schedule import Hours, transitions, wanted

WEEK = frozenset(range(5))
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
RUN = timedelta(minutes=5)
NOTE = Note("aws", "i-1", "web")
MACHINE = Machine("aws", "web", "i-1", "running", "", "", "", [], [], "", {})


def hours(zone: str, start: float | None, stop: float, days: frozenset[int] = WEEK) -> Hours:
    begin = None if start is None else timedelta(hours=start)
    return Hours(ZoneInfo(zone), days, begin, timedelta(hours=stop))


@dataclass
class Vm:
    """A VM, and what is remembered of it."""

    many: list[Hours]
    machine: Machine = MACHINE
    note: Note = NOTE
    last: datetime = BEGIN
    launches: int = 0
    stopper: str = ""

    def start(self, now: datetime) -> None:
        self.launches += 1
        self.machine = replace(self.machine, state="running", launched=now.isoformat())
        self.stopper = ""

    def stop(self, by: str) -> None:
        if self.machine.state == "running":
            self.machine, self.stopper = replace(self.machine, state="stopped"), by

    def decide(self, now: datetime) -> str:
        self.note = settle(self.machine, self.note, self.many, self.last, now)
        self.last = now
        return self.note.goal

    def apply(self, now: datetime) -> str:
        goal = self.decide(now)
        if goal == STOP:
            self.stop("us")
        if goal == START:
            self.start(now)
        launched = "" if goal == START else self.note.launched
        self.note = replace(self.note, goal="", launched=launched)
        assert goal == "" or self.machine.state == RESULT[goal]
        return goal


def clock(zone: ZoneInfo, days: int) -> Iterator[tuple[datetime, datetime]]:
    """Read a clock on the wall every minute; it never goes back further than it was."""
    shown = datetime.min
    for minute in range(days * 24 * 60):
        at = BEGIN + timedelta(minutes=minute)
        shown = max(shown, at.astimezone(zone).replace(tzinfo=None))
        yield at, shown


@pytest.mark.parametrize(
    ("zone", "start", "stop"),
    [
        ("Europe/Berlin", 8, 18), ("America/New_York", 2.5, 23), ("Asia/Kolkata", 9.5, 18.5),
        ("Australia/Lord_Howe", 1.75, 14), ("America/Sao_Paulo", 7, 19.5),
        ("Pacific/Chatham", 2.75, 17), ("UTC", 0, 12),
    ],
)  # fmt: skip
def test_a_year_of_runs_keeps_the_vm_as_the_clock_on_the_wall_has_it(
    zone: str, start: float, stop: float
) -> None:
    vm = Vm([hours(zone, start, stop)])
    touched = False
    for at, shown in clock(ZoneInfo(zone), 365):
        if (at - BEGIN) % RUN == timedelta():
            touched = bool(vm.apply(at)) or touched
        since = timedelta(hours=shown.hour, minutes=shown.minute)
        on = shown.weekday() < 5 and timedelta(hours=start) <= since < timedelta(hours=stop)
        # Whether it should have run before the first stop, nobody had said yet.
        assert not touched or vm.machine.state == ("running" if on else "stopped"), at
    assert vm.launches > 250


@pytest.mark.parametrize("seed", range(20))
def test_after_any_outage_the_vm_is_soon_as_it_should_be(seed: int) -> None:
    dice = random.Random(seed)
    vm = Vm([hours("Europe/Berlin", 8, 18), hours("America/New_York", 20, 3)])
    now = datetime(2026, 1, 5, 12, tzinfo=UTC)
    vm.last = now
    for _ in range(400):
        now += timedelta(minutes=dice.choice([1, 5, 5, 60, 700, 3000]))
        vm.apply(now)
        if vm.launches or vm.machine.state == "stopped":
            on = wanted(vm.many, now)
            assert vm.machine.state == ("running" if on else "stopped"), now
    assert vm.launches > 15


@pytest.mark.parametrize("seed", range(40))
def test_whatever_a_person_does_is_respected_until_the_next_transition(seed: int) -> None:
    dice = random.Random(seed)
    vm = Vm([hours("Europe/Berlin", 8, 18), hours("Europe/Berlin", None, 22)])
    now = BEGIN
    for _ in range(1500):
        now += timedelta(minutes=dice.randint(1, 300))
        act = dice.choice(["", "", "start", "stop", "snooze"])
        if act == "start" and vm.machine.state == "stopped":
            vm.start(now)
        if act == "stop":
            vm.stop("a person")
        if act == "snooze":
            until = now + timedelta(minutes=dice.randint(0, 600))
            vm.note = replace(vm.note, snoozed=until)
        before, stopper, last = vm.machine.state, vm.stopper, vm.last
        ended = vm.note.snoozed is not None and vm.note.snoozed <= now
        goal = vm.apply(now)
        changes = transitions(vm.many, last, now)
        due = bool(changes) or ended
        since = vm.machine.launched and changes and vm.machine.launched > changes[-1].at.isoformat()
        on, snoozed = wanted(vm.many, now), vm.note.snoozed is not None
        if not due:
            assert goal == ""
        elif on:
            assert goal == (START if before == "stopped" and stopper == "us" else "")
        elif snoozed or (since and not ended and before == "running"):
            assert goal == ""
        else:
            assert goal == (STOP if before == "running" else "")
            assert vm.machine.state == "stopped"


@pytest.mark.parametrize("died", ["before the call", "after the call"])
@pytest.mark.parametrize("back", ["in the evening", "in the morning", "next evening"])
def test_a_run_that_died_is_finished_by_the_next(died: str, back: str) -> None:
    vm = Vm([hours("UTC", 8, 18)])
    vm.last = datetime(2026, 1, 5, 17, tzinfo=UTC)
    assert vm.decide(datetime(2026, 1, 5, 18, tzinfo=UTC)) == STOP
    if died == "after the call":
        vm.stop("us")
    later = {"in the evening": 1, "in the morning": 15, "next evening": 25}[back]
    goal = vm.apply(datetime(2026, 1, 5, 18, tzinfo=UTC) + timedelta(hours=later))
    # In the evening it is confirmed, though the VM may have stopped by then.
    assert back != "in the evening" or goal == STOP
    assert vm.machine.state == ("running" if back == "in the morning" else "stopped")
    vm.apply(datetime(2026, 1, 7, 9, tzinfo=UTC))
    assert vm.machine.state == "running"


def test_a_vm_started_after_its_hours_ended_is_left_alone_by_a_stop_that_comes_late() -> None:
    evening = datetime(2026, 1, 5, 18, tzinfo=UTC)
    for minutes, goal in ((-1, STOP), (1, "")):
        vm = Vm([hours("UTC", 8, 18)], last=evening - timedelta(hours=1))
        vm.start(evening + timedelta(minutes=minutes))
        assert vm.decide(evening + timedelta(minutes=2)) == goal


def test_a_vm_started_while_its_stop_failed_again_and_again_is_left_alone() -> None:
    evening = datetime(2026, 1, 5, 18, tzinfo=UTC)
    vm = Vm([hours("UTC", 8, 18)], last=evening - timedelta(hours=1))
    assert [vm.decide(evening), vm.decide(evening + RUN)] == [STOP, STOP]
    vm.stop("a person")
    vm.start(evening + 2 * RUN)
    assert vm.decide(evening + 3 * RUN) == ""


def test_a_start_that_died_too_late_is_not_stopped_for_good() -> None:
    vm = Vm([hours("UTC", 8, 18)])
    vm.last = datetime(2026, 1, 5, 17, tzinfo=UTC)
    vm.apply(datetime(2026, 1, 5, 18, tzinfo=UTC))
    assert vm.decide(datetime(2026, 1, 6, 8, tzinfo=UTC)) == START
    # Nothing came of it all day.
    assert vm.apply(datetime(2026, 1, 6, 19, tzinfo=UTC)) == ""
    assert vm.apply(datetime(2026, 1, 7, 8, tzinfo=UTC)) == START


def test_a_snooze_ends_with_a_stop_only_when_nothing_wants_the_vm() -> None:
    vm = Vm([hours("UTC", 8, 18)])
    vm.last = datetime(2026, 1, 5, 17, tzinfo=UTC)
    for day, until, states in (
        (5, 23, ["running", "running", "stopped"]),
        (6, 33, ["running", "running", "running"]),
    ):
        midnight = datetime(2026, 1, day, tzinfo=UTC)
        if vm.machine.state == "stopped":
            vm.start(midnight)
        vm.note = replace(vm.note, snoozed=midnight + timedelta(hours=until))
        seen = []
        for hour in (18, 22.5, until):
            vm.apply(midnight + timedelta(hours=hour))
            seen.append(vm.machine.state)
        assert seen == states
        assert vm.note.snoozed is None
        vm.last = datetime(2026, 1, day + 1, 17, tzinfo=UTC)


def test_a_vm_that_is_opted_out_or_covered_no_more_is_left_alone() -> None:
    vm = Vm([])
    vm.note = replace(vm.note, goal=STOP, snoozed=BEGIN)
    assert vm.decide(datetime(2026, 1, 5, 18, tzinfo=UTC)) == ""
    assert vm.note.snoozed is None


def test_nothing_due_is_told_without_asking_the_cloud() -> None:
    early, late = (datetime(2026, 1, 5, hour, tzinfo=UTC) for hour in (9, 17))
    quiet = Note("aws", "i-1", "web", launched="launch 1", snoozed=late + RUN)
    schedule = Schedule("office", True, hours("UTC", 8, 18), (), {"names": ("*",)})
    assert not is_due([schedule], [quiet], early, late)
    assert is_due([schedule], [quiet], early, late + timedelta(hours=1))
    assert is_due([schedule], [replace(quiet, goal=STOP)], early, late)
    assert is_due([schedule], [replace(quiet, snoozed=late)], early, late)
