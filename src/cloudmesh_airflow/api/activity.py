"""Routes of jobs."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Security

from cloudmesh_airflow.api.jobs import JobsDep, Wait
from cloudmesh_airflow.api.models import (
    JobDetails,
    JobPage,
    Offset,
)
from cloudmesh_airflow.api.problems import documented
from cloudmesh_airflow.api.rights import LOOK, may
from cloudmesh_airflow.api.sharing import PersonalRoute

router = APIRouter(dependencies=[LOOK])
# One job is told as it is now: whoever asks waits for its end.
_kept = APIRouter(route_class=PersonalRoute)

_Dag = Literal["", "vm_boot", "vm_delete", "vm_power", "vm_snooze", "move_file", "storage_listing"]
# What Airflow gives at most ([api] maximum_page_limit).
_JobLimit = Annotated[int, Query(ge=1, le=100, description="How many at most")]


@_kept.get("/jobs", tags=["Jobs"], responses=documented(503))
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


router.include_router(_kept)


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
