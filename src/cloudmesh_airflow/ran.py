"""Adds up the hours that VMs ran, from what the engine noted of each."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from cloudmesh_airflow.inventory import Record

_DAY = timedelta(days=1)


def first_day(days: int, now: datetime) -> datetime:
    """Give the begin of the first of so many days, of which today is the last."""
    return (
        now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - (days - 1) * _DAY
    )


def by_day(sheets: Iterable[Record], days: int, now: datetime) -> list[dict[str, Any]]:
    """Give the hours of each day by cloud; what still runs counts until now."""
    first = first_day(days, now)
    spent = [defaultdict[str, float](float) for _ in range(days)]
    for sheet in sheets:
        for since, until in _stretches(sheet, first, now):
            for number in range((since - first).days, (until - first).days + 1):
                begin = first + number * _DAY
                part = min(until, begin + _DAY) - max(since, begin)
                if number < days and part:
                    spent[number][sheet["cloud"]] += part.total_seconds() / 3600
    return [
        {
            "day": (first + number * _DAY).date(),
            "hours": round(sum(clouds.values()), 2),
            "clouds": {cloud: round(hours, 2) for cloud, hours in sorted(clouds.items())},
        }
        for number, clouds in enumerate(spent)
    ]


def _stretches(
    sheet: Record, first: datetime, now: datetime
) -> Iterator[tuple[datetime, datetime]]:
    for one in (*sheet.get("past", ()), sheet):
        until = datetime.fromisoformat(one["until"]) if one["until"] else now
        since = max(datetime.fromisoformat(one["since"]), first)
        if since < until:
            yield since, until
