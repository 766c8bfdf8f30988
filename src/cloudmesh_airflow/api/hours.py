"""Routes of hours: office hours, and those that VMs ran."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query

from cloudmesh_airflow.api.models import DayHours, OfficeHours, VmHours, remembered
from cloudmesh_airflow.api.problems import documented
from cloudmesh_airflow.api.rights import LOOK
from cloudmesh_airflow.api.sharing import CommonRoute
from cloudmesh_airflow.api.snapshot import SnapshotDep
from cloudmesh_airflow.ran import by_day, first_day

router = APIRouter(dependencies=[LOOK], route_class=CommonRoute)

# As long as the engine keeps what it noted.
_Days = Annotated[int, Query(ge=1, le=90, description="How many days, today is the last")]


@router.get("/office-hours", tags=["Office hours"], responses=documented(503))
async def office_hours(snapshot: SnapshotDep) -> OfficeHours:
    """Give schedules and what is to come, and the VMs that are snoozed or on the way."""
    noted = await snapshot.hours()
    told = next((one for one in noted if one["kind"] == "timetable"), {})
    return OfficeHours(
        as_of=told.get("as_of"),
        schedules=told.get("schedules", []),
        preview=told.get("preview", []),
        vms=[remembered(note) for note in noted if note["kind"] == "vm"],
    )


@router.get("/vm-hours", tags=["Machines"], responses=documented(503))
async def vm_hours(snapshot: SnapshotDep, days: _Days = 14) -> VmHours:
    """Give the hours that VMs ran, by day (of UTC) and cloud."""
    now = datetime.now(UTC)
    sheets = await snapshot.timesheets(first_day(days, now))
    # A year of office hours on a thousand VMs takes a while to add up.
    spent = await asyncio.to_thread(by_day, sheets, days, now)
    return VmHours(days=[DayHours(**day) for day in spent])
