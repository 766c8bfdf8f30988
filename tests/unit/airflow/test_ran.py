"""The hours that VMs ran, added up by day."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from cloudmesh_airflow.ran import by_day, first_day

NOW = datetime(2026, 11, 21, 6, tzinfo=UTC)


def at(day: int, hour: float) -> str:
    moment = datetime(2026, 11, day, tzinfo=UTC) + timedelta(hours=hour)
    return moment.isoformat(timespec="microseconds")


def sheet(since: str, until: str, *past: tuple[str, str], cloud: str = "aws") -> dict:
    before = [{"since": begin, "until": end} for begin, end in past]
    return {"cloud": cloud, "since": since, "until": until, "past": before}


def spent(*sheets: dict, days: int = 3, now: datetime = NOW) -> dict[str, dict[str, float]]:
    return {str(day["day"]): day["clouds"] for day in by_day(sheets, days, now)}


def test_a_vm_that_runs_counts_until_now():
    assert spent(sheet(at(19, 22), "")) == {
        "2026-11-19": {"aws": 2},
        "2026-11-20": {"aws": 24},
        "2026-11-21": {"aws": 6},
    }


def test_only_the_days_that_are_asked_for_count():
    month = sheet(at(1, 0), at(20, 12))
    assert spent(month, days=2) == {"2026-11-20": {"aws": 12}, "2026-11-21": {}}
    assert spent(month, days=1) == {"2026-11-21": {}}


def test_a_stretch_that_ends_at_midnight_is_of_the_day_before():
    assert spent(sheet(at(19, 23), at(20, 0))) == {
        "2026-11-19": {"aws": 1},
        "2026-11-20": {},
        "2026-11-21": {},
    }


def test_vms_and_clouds_add_up():
    web = sheet(at(21, 3), "", (at(21, 1), at(21, 2)))
    days = by_day([web, sheet(at(21, 5), ""), sheet(at(21, 0), at(21, 4), cloud="azure")], 1, NOW)
    assert days == [
        {"day": NOW.date(), "hours": 9, "clouds": {"aws": 5, "azure": 4}},
    ]


def test_no_day_has_more_than_its_hours_whatever_the_clock_of_the_cloud_says():
    assert spent(sheet(at(21, 7), ""), days=1) == {"2026-11-21": {}}
    assert spent(sheet(at(21, 5), at(21, 4)), days=1) == {"2026-11-21": {}}


@pytest.mark.parametrize("hours", [-11, 0, 5.5, 13])
def test_days_are_those_of_utc(hours):
    here = NOW.astimezone(timezone(timedelta(hours=hours)))
    assert first_day(2, here) == datetime(2026, 11, 20, tzinfo=UTC)
    assert spent(sheet(at(20, 1), at(20, 2)), now=here)["2026-11-20"] == {"aws": 1}
