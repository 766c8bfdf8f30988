"""What all routes share that make a job."""

from typing import Any

from fastapi import Response, Security

from cloudmesh_airflow.api.jobs import ENDED, Jobs
from cloudmesh_airflow.api.models import JobDetails
from cloudmesh_airflow.api.problems import documented
from cloudmesh_airflow.api.rights import LOOK, may

JOB: dict[str, Any] = {
    "status_code": 202,
    "response_model": JobDetails,
    "responses": {
        200: {"model": JobDetails, "description": "The job has ended while we waited"},
        **documented(400, 404, 409, 503),
    },
}


def starts(dag: str) -> list[Any]:
    """Make the dependencies of a route that starts a DAG."""
    return [LOOK, Security(may("POST", dag))]


async def started(
    jobs: Jobs,
    response: Response,
    dag: str,
    parameters: dict[str, Any],
    key: str | None,
    wait: float,
) -> JobDetails:
    """Start a job, wait for it if that is wanted, and say where it is."""
    job = await jobs.waited(await jobs.start(dag, parameters, key), wait)
    response.status_code = 200 if job.state in ENDED else 202
    response.headers["Location"] = f"jobs/{job.id}"
    return job
