"""Reads office-hours.yaml: the named schedules, and which VMs each of them covers."""

import difflib
import os
import re
import zoneinfo
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fnmatch import fnmatchcase
from pathlib import Path

from cloudmesh_engine import clouds
from cloudmesh_engine.clouds import Machine
from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import ConfigError
from cloudmesh_engine.hours.reading import Value, read
from cloudmesh_engine.hours.schedule import Hours

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
OPT_OUT_TAG, OPT_OUT = "cm-hours", "off"

_KEYS = (
    "enabled", "timezone", "weekdays", "start", "stop", "holidays", "holidays_file", "clouds",
    "vms",
)  # fmt: skip
_SELECTORS = ("names", "groups", "labels", "tags")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
_TIME = re.compile(r"(\d{1,2}):(\d{2})")
_YEARLY = re.compile(r"(\d{2})-(\d{2})")
_LEAP_YEAR = 2000
_LATEST_START, _LATEST_STOP = timedelta(hours=23, minutes=59), timedelta(hours=24)
_MISSING = "copy config/office-hours.yaml there, or point CLOUDMESH_OFFICE_HOURS at your file"

Holiday = date | tuple[int, int]


@dataclass(frozen=True)
class Schedule:
    """One named schedule.

    :param clouds: empty for all
    :param vms: for each kind of selector its patterns; a VM must match one of every kind
    """

    name: str
    enabled: bool
    hours: Hours
    clouds: tuple[str, ...]
    vms: Mapping[str, tuple[str, ...]]

    def covers(self, machine: Machine) -> bool:
        """Say whether a VM is one of those meant."""
        if self.clouds and machine.cloud not in self.clouds:
            return False
        tags = machine.tags
        facts = {
            "names": {machine.name},
            "groups": {tags.get("cm-group") or "default"},
            "labels": {tags.get("cm-label") or machine.name},
            "tags": {f"{key}={value}" for key, value in tags.items()},
        }
        return all(
            any(fnmatchcase(fact, pattern) for fact in facts[kind] for pattern in patterns)
            for kind, patterns in self.vms.items()
        )


def clock(after_midnight: timedelta) -> str:
    """Write a time of day as the file does."""
    hours, minutes = divmod(int(after_midnight.total_seconds()) // 60, 60)
    return f"{hours:02}:{minutes:02}"


def location(settings: Settings, environ: Mapping[str, str] | None = None) -> Path:
    """Say where the file is."""
    given = (os.environ if environ is None else environ).get("CLOUDMESH_OFFICE_HOURS")
    return Path(given) if given else settings.path.with_name("office-hours.yaml")


def load(settings: Settings, environ: Mapping[str, str] | None = None) -> list[Schedule]:
    """Read all schedules, also those that are not enabled."""
    top = read(location(settings, environ), _MISSING).mapping(["schedules"])
    if "schedules" not in top:
        raise ConfigError(f"{location(settings, environ)}: has no `schedules:`: {_MISSING}")
    known = list(clouds.known(settings))
    named = top["schedules"].mapping()
    return [_schedule(name, value, known) for name, value in named.items()]


def _schedule(name: str, value: Value, known_clouds: Collection[str]) -> Schedule:
    if not _NAME.fullmatch(name):
        raise value.error("is no name", "use letters, digits, '-' and '_', a letter first")
    given = value.mapping(_KEYS)
    for key in ("timezone", "weekdays", "stop", "vms"):
        if key not in given:
            raise value.error(f"{key} is missing", "add it")
    return Schedule(
        name=name,
        enabled=_truth(given["enabled"]) if "enabled" in given else True,
        hours=_hours(given),
        clouds=_clouds(given["clouds"], known_clouds) if "clouds" in given else (),
        vms=_selectors(given["vms"]),
    )


def _hours(given: Mapping[str, Value]) -> Hours:
    start = _time(given["start"], _LATEST_START) if "start" in given else None
    stop = _time(given["stop"], _LATEST_STOP)
    if start == stop:
        raise given["stop"].error("is the time of the start", "for a whole day write 00:00, 24:00")
    holidays = set[Holiday]()
    for item in given["holidays"].items() if "holidays" in given else ():
        holidays.add(_holiday(item.text(), item.error))
    if "holidays_file" in given:
        holidays |= _listed(given["holidays_file"])
    return Hours(
        zone=_zone(given["timezone"]),
        weekdays=_weekdays(given["weekdays"]),
        start=start,
        stop=stop,
        holidays=frozenset(day for day in holidays if isinstance(day, date)),
        yearly=frozenset(day for day in holidays if isinstance(day, tuple)),
    )


def _truth(value: Value) -> bool:
    text = value.text()
    if text not in ("true", "false"):
        raise value.error(f"{text!r} is neither true nor false", "write one of them")
    return text == "true"


def _time(value: Value, latest: timedelta) -> timedelta:
    text = value.text()
    found = _TIME.fullmatch(text)
    at = timedelta(hours=int(found[1]), minutes=int(found[2])) if found else None
    if found is None or at is None or int(found[2]) > 59 or at > latest:
        raise value.error(f"{text!r} is no time of day", f"write 00:00 to {clock(latest)}")
    return at


def _zone(value: Value) -> zoneinfo.ZoneInfo:
    key = value.text()
    try:
        return zoneinfo.ZoneInfo(key)
    except (KeyError, ValueError, OSError):
        names = {name.lower(): name for name in zoneinfo.available_timezones()}
        near = difflib.get_close_matches(key.lower(), names, n=1)
        hint = names[near[0]] if near else "a name like Europe/Berlin"
        raise value.error(f"{key!r} is no time zone", f"use {hint}") from None


def _weekdays(value: Value) -> frozenset[int]:
    days = frozenset(day for item in value.items() for day in _stretch(item))
    if not days:
        raise value.error("names no day", "name some, or write enabled: false")
    return days


def _stretch(value: Value) -> Iterable[int]:
    text = value.text().lower()
    first, _, last = text.partition("-")
    if first not in DAYS or (last or first) not in DAYS or text.endswith("-"):
        raise value.error(f"{text!r} is no weekday", f"use {', '.join(DAYS)}, or mon-fri")
    begin, end = DAYS.index(first), DAYS.index(last or first)
    return [day % 7 for day in range(begin, end + 1 if end >= begin else end + 8)]


def _clouds(value: Value, known: Collection[str]) -> tuple[str, ...]:
    chosen = value.items()
    for cloud in chosen:
        if cloud.text() not in known:
            hint = f"cloudmesh.yaml knows {', '.join(known)}"
            raise cloud.error(f"{cloud.text()!r} is no cloud", hint)
    if not chosen:
        raise value.error("names no cloud", "name some, or remove the line for all of them")
    return tuple(cloud.text() for cloud in chosen)


def _selectors(value: Value) -> dict[str, tuple[str, ...]]:
    given = value.mapping(_SELECTORS)
    if not given:
        raise value.error("selects nothing", f"give {', '.join(_SELECTORS)}; names: ['*'] is all")
    return {kind: _patterns(kind, patterns) for kind, patterns in given.items()}


def _patterns(kind: str, value: Value) -> tuple[str, ...]:
    if kind == "tags":
        patterns = [f"{tag}={text.text()}" for tag, text in value.mapping().items()]
    else:
        patterns = [item.text() for item in value.items()]
    if not patterns:
        raise value.error("selects nothing", "give at least one pattern, or remove the line")
    return tuple(patterns)


def _holiday(text: str, error: Callable[[str, str], ConfigError]) -> Holiday:
    try:
        if found := _YEARLY.fullmatch(text):
            day = date(_LEAP_YEAR, int(found[1]), int(found[2]))
            return (day.month, day.day)
        if len(text) == len("2026-12-25"):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise error(f"{text!r} is no date", "write 2026-12-25, or 12-25 for every year")


def _listed(value: Value) -> set[Holiday]:
    """Read a file of holidays: one date on each line, # begins a remark."""
    path = value.path.parent / value.text()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as failure:
        reason = getattr(failure, "strerror", None) or "not UTF-8 text"
        raise value.error(f"{path} cannot be read ({reason})", "correct the name") from None

    def error_in(number: int) -> Callable[[str, str], ConfigError]:
        return lambda problem, hint: ConfigError(f"{path}, line {number}: {problem}: {hint}")

    dates = ((number, line.partition("#")[0].strip()) for number, line in enumerate(lines, 1))
    return {_holiday(text, error_in(number)) for number, text in dates if text}
