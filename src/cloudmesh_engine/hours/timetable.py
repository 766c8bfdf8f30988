"""Tells what the schedules say, and what they will do."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from cloudmesh_engine.hours.config import DAYS, Schedule, clock
from cloudmesh_engine.hours.schedule import transitions, wanted

Record = dict[str, Any]

_WEEK = timedelta(days=7)


def timetable(schedules: Sequence[Schedule], now: datetime) -> Record:
    """Give the schedules and a week to come, for who cannot read the file."""
    enabled = [schedule for schedule in schedules if schedule.enabled]
    return {
        "as_of": now.isoformat(),
        "schedules": [described(schedule, now) for schedule in schedules],
        "preview": coming(enabled, now, now + _WEEK),
    }


def described(schedule: Schedule, now: datetime) -> Record:
    """Describe a schedule."""
    hours = schedule.hours
    coming = transitions([hours], now, now + timedelta(days=366))[:1] if schedule.enabled else []
    return {
        "name": schedule.name,
        "enabled": schedule.enabled,
        "now": "on" if wanted([hours], now) else "off",
        "next": " ".join(_told(schedule, change.at, change.on) for change in coming),
        "timezone": hours.zone.key,
        "weekdays": [DAYS[day] for day in sorted(hours.weekdays)],
        "start": "" if hours.start is None else clock(hours.start),
        "stop": clock(hours.stop),
        "clouds": list(schedule.clouds),
        "vms": [f"{kind}: {one}" for kind, patterns in schedule.vms.items() for one in patterns],
    }


def coming(schedules: Iterable[Schedule], begin: datetime, end: datetime) -> list[Record]:
    """Give the starts and stops between two times, in their order."""
    records = [
        _entry(schedule, change.at, change.on)
        for schedule in schedules
        # What happens at the begin itself belongs to it.
        for change in transitions([schedule.hours], begin - timedelta(seconds=1), end)
    ]
    return sorted(records, key=lambda record: str(record["utc"]))


def _entry(schedule: Schedule, at: datetime, on: bool) -> Record:
    action, local = _told(schedule, at, on).split()
    return {"schedule": schedule.name, "action": action, "at": local, "utc": at.isoformat()}


def _told(schedule: Schedule, at: datetime, on: bool) -> str:
    local = at.astimezone(schedule.hours.zone).isoformat(timespec="minutes")
    return f"{'start' if on else 'stop'} {local}"
