"""How long VMs ran in this month, and how long they may yet: the months are those of UTC."""

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from cloudmesh_engine.errors import UsageError
from cloudmesh_engine.hours import times
from cloudmesh_engine.timesheets import Sheet


def hours(sheets: Iterable[Sheet], now: datetime) -> Iterator[tuple[str, str, float]]:
    """Give the clouds and flavors that ran in this month, and for how many hours."""
    begin = _begin(now)
    ran: defaultdict[tuple[str, str], float] = defaultdict(float)
    for sheet in sheets:
        for stretch in sheet.stretches:
            ran[sheet.cloud, stretch.flavor] += stretch.hours(begin, now)
    return ((cloud, flavor, spent) for (cloud, flavor), spent in ran.items() if spent)


def hours_left(deadline: str, now: datetime) -> float:
    """Say how many hours of this month a VM has until its deadline; without one all of them."""
    end = _begin(_begin(now) + timedelta(days=32))
    if deadline:
        # One that nobody can read never comes.
        with contextlib.suppress(UsageError):
            end = min(end, times.parse(deadline, "deadline"))
    return max((end - now).total_seconds(), 0) / 3600


def _begin(at: datetime) -> datetime:
    return at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
