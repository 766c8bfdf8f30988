"""The arithmetic of office hours: from the times on a wall clock to moments.

A time counts from the moment when the clock first reads it or has passed it. So one that a
change of clocks skips counts at the change, and one that comes twice counts the first time.
"""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Hours:
    """When one schedule wants its VMs.

    :param weekdays: the days on which a span begins; 0 is Monday
    :param start: time after midnight; None for a schedule that only stops
    :param stop: time after midnight; not later than the start: on the next day
    :param holidays: dates on which no span begins
    :param yearly: the same as month and day, for every year
    """

    zone: ZoneInfo
    weekdays: frozenset[int]
    start: timedelta | None
    stop: timedelta
    holidays: frozenset[date] = frozenset()
    yearly: frozenset[tuple[int, int]] = frozenset()

    def begins_on(self, day: date) -> bool:
        """Say whether a span begins on that date."""
        holiday = day in self.holidays or (day.month, day.day) in self.yearly
        return day.weekday() in self.weekdays and not holiday


class Transition(NamedTuple):
    """A moment at which VMs become wanted, or no longer are."""

    at: datetime
    on: bool


class _Span(NamedTuple):
    start: datetime
    stop: datetime


def moment(wall: datetime, zone: ZoneInfo) -> datetime:
    """Give the first moment at which the clock reads this or has passed it."""
    late = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if _reading(late, zone) == wall:
        return late
    # Skipped: read with the offset after the change it is before the change, and the reverse.
    early = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    while late - early > _SECOND:
        middle = early + (late - early) // 2
        early, late = (early, middle) if _reading(middle, zone) >= wall else (middle, late)
    return late.replace(microsecond=0)


def transitions(many: Sequence[Hours], after: datetime, until: datetime) -> list[Transition]:
    """Give what happens after one moment and until another, to VMs that all these hours cover.

    VMs are wanted when any of the schedules wants them, so what one ends while another goes on
    is no transition.
    """
    spans = _union(many, after, until)
    found = {Transition(span.start, True) for span in spans}
    found |= {Transition(span.stop, False) for span in spans}
    for hours in many:
        if hours.start is None:
            for day in _days(hours, after, until):
                stop = _ends(hours, day)
                if not _within(spans, stop):
                    found.add(Transition(stop, False))
    return sorted(change for change in found if after < change.at <= until)


def wanted(many: Sequence[Hours], at: datetime) -> bool:
    """Say whether any of the schedules wants its VMs at that moment."""
    return _within(_union(many, at, at), at)


def _union(many: Sequence[Hours], after: datetime, until: datetime) -> list[_Span]:
    """Give the spans around a stretch of time; those that touch are one."""
    parts = (
        _span(hours, day)
        for hours in many
        if hours.start is not None
        for day in _days(hours, after, until)
    )
    joined: list[_Span] = []
    for span in sorted(part for part in parts if part.start < part.stop):
        if joined and span.start <= joined[-1].stop:
            joined[-1] = _Span(joined[-1].start, max(joined[-1].stop, span.stop))
        else:
            joined.append(span)
    return joined


def _within(spans: Sequence[_Span], at: datetime) -> bool:
    return any(span.start <= at < span.stop for span in spans)


def _days(hours: Hours, after: datetime, until: datetime) -> Iterator[date]:
    """Give the dates of which a span may touch that stretch of time."""
    # Two before: a span that began yesterday may follow one that began the day before.
    day = after.astimezone(hours.zone).date() - 2 * _DAY
    last = until.astimezone(hours.zone).date() + _DAY
    while day <= last:
        if hours.begins_on(day):
            yield day
        day += _DAY


@functools.lru_cache(10_000)
def _span(hours: Hours, day: date) -> _Span:
    start = datetime.combine(day, time()) + (hours.start or timedelta())
    return _Span(moment(start, hours.zone), _ends(hours, day))


@functools.lru_cache(10_000)
def _ends(hours: Hours, day: date) -> datetime:
    overnight = hours.start is not None and hours.stop <= hours.start
    wall = datetime.combine(day + _DAY if overnight else day, time()) + hours.stop
    return moment(wall, hours.zone)


def _reading(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None, fold=0)
