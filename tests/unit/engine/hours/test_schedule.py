"""The arithmetic of office hours against a clock on the wall that is read every minute."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cloudmesh_engine.hours.schedule import Hours, moment, transitions, wanted

MINUTE = timedelta(minutes=1)
WEEK = frozenset(range(5))
DAILY = frozenset(range(7))


def hours(zone: str, start: str, stop: str, days: frozenset[int] = DAILY, **more) -> Hours:
    return Hours(ZoneInfo(zone), days, after_midnight(start), after_midnight(stop), **more)


def after_midnight(text: str) -> timedelta:
    hour, minute = text.split(":")
    return timedelta(hours=int(hour), minutes=int(minute))


@dataclass(frozen=True)
class Wall:
    """Whoever looks at a clock on the wall every minute, and at nothing else.

    The one rule: a time has come when the clock has shown it or a later one. So the latest that
    it ever showed is what counts, also while an hour is there for the second time.
    """

    zone: ZoneInfo

    def latest(self, first: datetime, last: datetime) -> Iterator[tuple[datetime, datetime]]:
        shown = datetime.min
        while first < last:
            shown = max(shown, first.astimezone(self.zone).replace(tzinfo=None, fold=0))
            yield first, shown
            first += MINUTE


def is_open(one: Hours, shown: datetime) -> bool:
    """Say whether that time on the wall lies in the hours of its date or of the one before."""
    for day in (shown.date(), shown.date() - timedelta(days=1)):
        if not one.begins_on(day) or one.start is None:
            continue
        midnight = datetime(day.year, day.month, day.day)
        stop = midnight + one.stop + timedelta(days=one.stop <= one.start)
        if midnight + one.start <= shown < stop:
            return True
    return False


HOLIDAYS = frozenset({date(2026, 4, 3), date(2026, 10, 25), date(2026, 12, 31)})
YEARS = [
    # Summer time: north, south, by half an hour, with offsets of 30 and 45 minutes; and none.
    hours("Europe/Berlin", "08:00", "18:00", WEEK, holidays=HOLIDAYS),
    hours("Europe/Berlin", "02:30", "03:30"),
    hours("America/New_York", "20:00", "02:30", WEEK, yearly=frozenset({(7, 4), (12, 25)})),
    hours("America/New_York", "01:15", "02:45"),
    hours("America/St_Johns", "01:45", "24:00", WEEK),
    hours("America/Sao_Paulo", "07:00", "19:30", WEEK),
    hours("America/Santiago", "22:00", "00:30"),
    hours("Asia/Kolkata", "09:30", "18:30", WEEK),
    hours("Australia/Adelaide", "22:00", "02:30"),
    hours("Australia/Lord_Howe", "01:45", "02:15"),
    hours("Pacific/Chatham", "03:00", "02:50"),
    hours("UTC", "00:00", "24:00", WEEK),
    hours("UTC", "18:00", "08:00", frozenset({4, 5, 6})),
]


def tell(one: Hours) -> str:
    return f"{one.zone.key} {one.start} to {one.stop}"


@pytest.mark.parametrize("one", YEARS, ids=tell)
def test_every_minute_of_a_year_is_as_the_clock_on_the_wall_has_it(one: Hours) -> None:
    first, last = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    state, changes = wanted([one], first), iter(transitions([one], first, last))
    change = next(changes, None)
    seen = 0
    for at, shown in Wall(one.zone).latest(first, last):
        while change and change.at <= at:
            state, change = change.on, next(changes, None)
        assert state is is_open(one, shown), f"{at} reads {shown}"
        seen += state
        if at.minute % 30 == 0:
            assert wanted([one], at) is state, at
    assert seen > 60 * 100


@pytest.mark.parametrize(
    "pair",
    list(itertools.combinations(YEARS[:8], 2)),
    ids=lambda pair: " and ".join(map(tell, pair)),
)
def test_schedules_that_overlap_want_what_any_of_them_wants(pair: tuple[Hours, Hours]) -> None:
    first, last = datetime(2026, 3, 25, tzinfo=UTC), datetime(2026, 4, 8, tzinfo=UTC)
    changes = transitions(pair, first, last)
    for before, after in itertools.pairwise(changes):
        assert before.on is not after.on
        assert before.at < after.at
    state, rest = wanted(pair, first), iter(changes)
    change = next(rest, None)
    walls = [Wall(one.zone).latest(first - timedelta(days=1), last) for one in pair]
    for (at, one), (_, other) in zip(*walls, strict=True):
        if at < first:
            continue
        while change and change.at <= at:
            state, change = change.on, next(rest, None)
        assert state is (is_open(pair[0], one) or is_open(pair[1], other)), at


@pytest.mark.parametrize(
    ("zone", "wall", "utc"),
    [
        ("Europe/Berlin", "2026-03-29 02:30", "2026-03-29 01:00"),  # skipped: at the change
        ("Europe/Berlin", "2026-10-25 02:30", "2026-10-25 00:30"),  # twice: the first
        ("America/New_York", "2026-03-08 02:00", "2026-03-08 07:00"),
        ("America/New_York", "2026-11-01 01:30", "2026-11-01 05:30"),
        ("America/Santiago", "2026-09-06 00:00", "2026-09-06 04:00"),  # a midnight is skipped
        ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03 15:30"),  # by half an hour
        ("Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04 14:45"),
        ("Pacific/Chatham", "2026-09-27 03:00", "2026-09-26 14:00"),
        ("Pacific/Apia", "2011-12-30 12:00", "2011-12-30 10:00"),  # a whole day is skipped
        ("Asia/Kolkata", "2026-06-01 09:30", "2026-06-01 04:00"),
    ],
)
def test_a_time_that_is_skipped_or_comes_twice(zone: str, wall: str, utc: str) -> None:
    assert moment(datetime.fromisoformat(wall), ZoneInfo(zone)) == datetime.fromisoformat(
        f"{utc}+00:00"
    )


def starts_and_stops(one: Hours, first: str, last: str) -> list[str]:
    changes = transitions([one], *(datetime.fromisoformat(text) for text in (first, last)))
    return [
        f"{'on' if change.on else 'off'} {change.at.astimezone(one.zone):%m-%d %H:%M}"
        for change in changes
    ]


# The failures of other schedulers, each by the report that tells of it.


def test_a_schedule_that_only_stops_stops_at_midnight_too() -> None:
    # aws-solutions/instance-scheduler-on-aws 225
    only = Hours(ZoneInfo("America/New_York"), WEEK, None, timedelta(hours=24))
    assert starts_and_stops(only, "2026-11-19T00:00-05:00", "2026-11-24T00:00-05:00") == [
        "off 11-20 00:00", "off 11-21 00:00", "off 11-24 00:00",
    ]  # fmt: skip
    early = Hours(ZoneInfo("America/New_York"), WEEK, None, timedelta())
    assert starts_and_stops(early, "2026-11-18T12:00-05:00", "2026-11-19T12:00-05:00") == [
        "off 11-19 00:00"
    ]


def test_hours_across_midnight_end_on_the_next_day_even_if_that_is_none_of_theirs() -> None:
    friday = hours("Europe/Berlin", "20:00", "04:00", frozenset({4}))
    assert starts_and_stops(friday, "2026-11-16T00:00Z", "2026-11-23T00:00Z") == [
        "on 11-20 20:00", "off 11-21 04:00",
    ]  # fmt: skip


def test_days_that_touch_at_midnight_are_not_interrupted() -> None:
    whole = hours("UTC", "00:00", "24:00", WEEK)
    assert starts_and_stops(whole, "2026-11-15T12:00Z", "2026-11-22T12:00Z") == [
        "on 11-16 00:00", "off 11-21 00:00",
    ]  # fmt: skip


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_a_change_of_clocks_neither_skips_nor_doubles_a_day(zone: str) -> None:
    # apache/airflow 38098
    first, last = datetime(2026, 1, 1, 12, tzinfo=UTC), datetime(2026, 12, 31, 12, tzinfo=UTC)
    for start, stop in (("08:00", "18:00"), ("02:30", "12:00"), ("01:30", "02:00")):
        changes = transitions([hours(zone, start, stop)], first, last)
        starts = [change.at.astimezone(ZoneInfo(zone)) for change in changes if change.on]
        assert len({at.date() for at in starts}) == len(starts)
        assert 363 <= len(starts) <= 365
        assert len(changes) - 2 * len(starts) in (-1, 0, 1)


def test_every_schedule_has_its_own_time_zone() -> None:
    # aws-solutions/instance-scheduler-on-aws 302 and 100
    berlin = hours("Europe/Berlin", "08:00", "18:00")
    york = hours("America/New_York", "08:00", "18:00")
    changes = transitions(
        [berlin, york],
        datetime(2026, 3, 10, tzinfo=UTC),  # New York has summer time, Berlin not yet
        datetime(2026, 3, 11, tzinfo=UTC),
    )
    assert [(change.at.hour, change.on) for change in changes] == [(7, True), (22, False)]


def test_a_stop_within_the_hours_of_another_schedule_is_none() -> None:
    noon = Hours(ZoneInfo("UTC"), DAILY, None, timedelta(hours=12))
    first, last = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 6, tzinfo=UTC)
    changes = transitions([hours("UTC", "08:00", "18:00"), noon], first, last)
    assert [change.at.hour for change in changes] == [8, 18]


def test_a_holiday_takes_the_night_that_begins_on_it_and_leaves_the_one_before() -> None:
    night = hours("UTC", "20:00", "04:00", holidays=frozenset({date(2026, 12, 25)}))
    assert starts_and_stops(night, "2026-12-24T12:00Z", "2026-12-27T00:00Z") == [
        "on 12-24 20:00", "off 12-25 04:00", "on 12-26 20:00",
    ]  # fmt: skip


def test_hours_that_a_change_of_clocks_swallows_do_nothing() -> None:
    short = hours("Europe/Berlin", "02:10", "02:50")
    changes = starts_and_stops(short, "2026-03-28T12:00Z", "2026-03-30T12:00Z")
    assert changes == ["on 03-30 02:10", "off 03-30 02:50"]
