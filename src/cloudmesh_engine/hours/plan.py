"""Decides what office hours do with a VM now; nothing here asks anybody or changes anything."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cloudmesh_engine.clouds import Machine
from cloudmesh_engine.hours.config import OPT_OUT, OPT_OUT_TAG, Schedule
from cloudmesh_engine.hours.schedule import Hours, Transition, transitions, wanted

STOP, START = "stop", "start"
RESULT = {STOP: "stopped", START: "running"}
_DOWN = ("stopping", "stopped")


@dataclass(frozen=True)
class Note:
    """What we remember of a VM.

    :param goal: what is being done to it, until that is done
    :param launched: when it was launched last before we stopped it; empty if we did not. Every
        start gives a VM another launch time, so one that a person started and stopped meanwhile
        is told apart.
    :param snoozed: it is not stopped before then
    """

    cloud: str
    instance: str
    name: str
    goal: str = ""
    launched: str = ""
    snoozed: datetime | None = None


def covering(machine: Machine, schedules: Iterable[Schedule]) -> list[Hours]:
    """Give the hours of a VM: none if it is opted out."""
    if machine.tags.get(OPT_OUT_TAG, "").lower() == OPT_OUT:
        return []
    return [schedule.hours for schedule in schedules if schedule.covers(machine)]


def is_due(
    schedules: Iterable[Schedule], notes: Iterable[Note], last: datetime, now: datetime
) -> bool:
    """Say whether there may be anything to do, as far as can be told without asking the cloud."""
    return any(transitions([schedule.hours], last, now) for schedule in schedules) or any(
        note.goal or (note.snoozed and note.snoozed <= now) for note in notes
    )


def settle(
    machine: Machine, note: Note, many: Sequence[Hours], last: datetime, now: datetime
) -> Note:
    """Give the note of a VM as it is to be from now on; its goal is what has to be done.

    Without a transition since the last time nothing is done, whatever state the VM is in: a
    person may have wanted it so. After one, only what is wanted now counts, however many were
    missed.
    """
    if not many:
        return replace(note, goal="", snoozed=None)
    changes = transitions(many, last, now)
    snooze_is_over = note.snoozed is not None and note.snoozed <= now
    if not (note.goal or snooze_is_over or changes):
        return note
    is_down = machine.state in _DOWN
    ours = is_down and note.launched == _launch(machine)
    snoozed = None if snooze_is_over else note.snoozed
    after = replace(note, goal="", launched=note.launched if ours else "", snoozed=snoozed)
    if wanted(many, now):
        return replace(after, goal=START) if ours else after
    if is_down:
        # A stop that we began and did not see the end of has to be confirmed.
        return replace(after, goal=STOP) if ours and note.goal == STOP else after
    if snoozed or (not snooze_is_over and _is_anothers(machine, note, changes)):
        return after
    return replace(after, goal=STOP, launched=_launch(machine))


def _is_anothers(machine: Machine, note: Note, changes: Sequence[Transition]) -> bool:
    """Say whether somebody started this VM after its hours ended, or after we began to stop it."""
    if changes and machine.launched:
        return datetime.fromisoformat(machine.launched) > changes[-1].at
    return note.goal == STOP and note.launched != _launch(machine)


def _launch(machine: Machine) -> str:
    # Not empty, which would mean that we did not stop it.
    return machine.launched or "at an unknown time"
