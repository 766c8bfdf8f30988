"""Moments as people write them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from cloudmesh_engine.errors import UsageError
from cloudmesh_engine.hours.times import parse, until

BERLIN, YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
NOW = datetime(2026, 3, 28, 20, 30, tzinfo=UTC)  # 21:30 in Berlin; the clock changes this night


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("now", "2026-03-28T20:30"),
        ("2h", "2026-03-28T22:30"),
        ("1d2h30m", "2026-03-29T23:00"),
        ("23:00", "2026-03-28T22:00"),
        ("21:30", "2026-03-29T19:30"),  # has just passed: tomorrow's, in summer time
        ("2:30", "2026-03-29T01:00"),  # is skipped: at the change
        ("2026-03-29T08:00", "2026-03-29T06:00"),
        ("2026-03-29T08:00Z", "2026-03-29T08:00"),
        ("2026-03-29T08:00-05:00", "2026-03-29T13:00"),
    ],
)
def test_until(text: str, utc: str) -> None:
    assert until(text, "--until", [BERLIN], NOW) == datetime.fromisoformat(f"{utc}+00:00")


@pytest.mark.parametrize("text", ["", "2", "h", "24:00", "8pm", "2026-13-01", "9" * 12 + "d"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no time: write 2h, 23:00"):
        until(text, "--until", [BERLIN], NOW)


def test_a_time_of_day_needs_one_time_zone() -> None:
    with pytest.raises(UsageError, match="in which of the time zones America/New_York, Europe/B"):
        until("23:00", "--until", [BERLIN, YORK], NOW)
    assert until("1h", "--until", [BERLIN, YORK], NOW).hour == 21


def test_a_time_without_offset_is_utc_on_the_command_line() -> None:
    assert parse("2026-03-29T18:00", "--at").isoformat() == "2026-03-29T18:00:00+00:00"
    assert parse("2026-03-29T18:00+02:00", "--at").hour == 16
