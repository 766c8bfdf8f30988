"""Reads moments as people write them on a command line."""

import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cloudmesh_engine.errors import UsageError
from cloudmesh_engine.hours.schedule import moment

_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")
# What can be reckoned with, with some days to spare.
_YEARS = range(1970, 9000)
_SPAN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?")


def parse(text: str, option: str) -> datetime:
    """Read an ISO 8601 time; it is UTC unless it says otherwise."""
    try:
        at = datetime.fromisoformat(text)
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        at = datetime.min
    if at.year not in _YEARS:
        raise UsageError(f"{option}={text}: no time: write it as 2026-03-29T18:00+02:00")
    return at


def until(text: str, option: str, zones: Collection[ZoneInfo], now: datetime) -> datetime:
    """Read a time to come: `2h`, `23:00` or ISO 8601, without an offset in the schedules' zone."""
    try:
        at = now if text == "now" else _after(text, now) or _local(text, option, zones, now)
    except (ValueError, OverflowError):
        hint = "write 2h, 23:00 or 2026-03-29T23:00+02:00"
        raise UsageError(f"{option}={text}: no time: {hint}") from None
    if at < now:
        raise UsageError(f"{option}={text}: has passed: give a time to come, or now")
    return at


def _after(text: str, now: datetime) -> datetime | None:
    found = _SPAN.fullmatch(text)
    if not text or not found:
        return None
    days, hours, minutes = (int(part or 0) for part in found.groups())
    return now + timedelta(days=days, hours=hours, minutes=minutes)


def _local(text: str, option: str, zones: Collection[ZoneInfo], now: datetime) -> datetime:
    clock = _CLOCK.fullmatch(text)
    given = datetime.min if clock else datetime.fromisoformat(text)
    if given.tzinfo:
        return given.astimezone(UTC)
    if len(set(zones)) > 1:
        names = ", ".join(sorted(zone.key for zone in zones))
        hint = "give it with its offset, as 2026-03-29T23:00+02:00, or as 2h"
        raise UsageError(f"{option}={text}: in which of the time zones {names}? {hint}")
    (zone,) = set(zones)
    if not clock:
        return moment(given, zone)
    today = now.astimezone(zone).replace(tzinfo=None, fold=0, second=0, microsecond=0)
    wall = today.replace(hour=int(clock[1]), minute=int(clock[2]))
    at = moment(wall, zone)
    return at if at > now else moment(wall + timedelta(days=1), zone)
