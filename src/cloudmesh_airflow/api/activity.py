"""Routes of jobs and of office hours."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Security

from cloudmesh_airflow.api.caller import AirflowDep
from cloudmesh_airflow.api.jobs import JobsDep, Wait
from cloudmesh_airflow.api.models import (
    JobDetails,
    JobPage,
    OfficeHours,
    Offset,
    remembered,
)
from cloudmesh_airflow.api.problems import documented
from cloudmesh_airflow.api.rights import LOOK, may
from cloudmesh_airflow.api.snapshot import SnapshotDep

router = APIRouter(dependencies=[LOOK])
_HOURS = "office_hours"


_Dag = Literal["", "vm_boot", "vm_delete", "vm_power", "vm_snooze", "move_file", "storage_listing"]
# What Airflow gives at most ([api] maximum_page_limit).
_JobLimit = Annotated[int, Query(ge=1, le=100, description="How many at most")]


@router.get("/jobs", tags=["Jobs"], responses=documented(503))
async def jobs(
    jobs: JobsDep,
    limit: _JobLimit = 20,
    offset: Offset = 0,
    dag: _Dag = "",
    state: Literal["", "queued", "running", "success", "failed"] = "",
) -> JobPage:
    """List jobs, the newest first."""
    items, total = await jobs.page(limit, offset, dag, state)
    return JobPage(items=items, total=total, limit=limit, offset=offset)


@router.get("/jobs/{job}", tags=["Jobs"], responses=documented(404, 503))
async def one_job(job: str, jobs: JobsDep, wait: Wait = 0) -> JobDetails:
    """Describe a job, with the progress and the result."""
    return await jobs.waited(await jobs.get(job), wait)


@router.post(
    "/jobs/{job}/cancel",
    tags=["Jobs"],
    # Airflow itself asks for the right to change the run of this very DAG.
    dependencies=[Security(may("PUT", "vm_boot"))],
    responses=documented(404, 409, 503),
)
async def cancel(job: str, jobs: JobsDep) -> JobDetails:
    """End a job. What it has done by then stays done."""
    return await jobs.cancel(job)


@router.get("/office-hours", tags=["Office hours"], responses=documented(503))
async def office_hours(airflow: AirflowDep, snapshot: SnapshotDep) -> OfficeHours:
    """Give schedules and what is to come, and the VMs that are snoozed or on the way."""
    vms = [remembered(note) for note in await snapshot.hours() if note["kind"] == "vm"]
    query = {"state": "success", "task_id": "preview", "order_by": "-end_date", "limit": 1}
    told = await airflow.found(f"/dags/{_HOURS}/dagRuns/~/taskInstances", params=query)
    for task in told["task_instances"] if told else ():
        path = f"/dags/{_HOURS}/dagRuns/{task['dag_run_id']}/taskInstances/preview"
        entry = await airflow.found(f"{path}/xcomEntries/return_value")
        if entry:
            return OfficeHours(as_of=task["end_date"], vms=vms, **entry["value"])
    return OfficeHours(as_of=None, schedules=[], preview=[], vms=vms)
