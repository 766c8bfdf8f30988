"""Jobs: each is one run of a DAG, and all that is known of it is what Airflow says."""

import asyncio
import hashlib
import time
import uuid
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Header, HTTPException, Query, Request

from cloudmesh_airflow.api.caller import Airflow
from cloudmesh_airflow.api.models import Job, JobDetails, Progress
from cloudmesh_airflow.plugin import PREFIX

# The DAGs whose runs are jobs, with the task that returns their result.
RESULTS = {
    "vm_boot": "boot",
    "vm_delete": "delete",
    "vm_power": "act",
    "vm_snooze": "snooze",
    "move_file": "move",
    "storage_listing": "look",
}
ENDED = ("success", "failed")
_PAUSE_SECONDS = 0.5
_ENDED_TASKS = ("success", "failed", "skipped", "upstream_failed", "removed")


class Jobs:
    """Starts and reads jobs for the user who sent a request."""

    def __init__(self, request: Request) -> None:
        self._airflow = Airflow(request)
        self._user = str(request.state.cloudmesh_user.get_name())
        self._root = str(request.scope.get("root_path", "")).removesuffix(PREFIX)

    async def start(self, dag: str, parameters: dict[str, Any], key: str | None) -> JobDetails:
        """Start a job, or give the one that was started with the same key."""
        run_id = f"api__{self._digest(key) if key else uuid.uuid4().hex}"
        path = _path(dag, run_id)
        if not key or not await self._airflow.found(path):
            await self._refuse_paused(dag)
            await self._trigger(dag, run_id, parameters)
        run = await self._airflow.call("GET", path)
        if run["conf"] != parameters:
            raise HTTPException(
                409,
                f"Idempotency-Key {key!r} belongs to {dag} with other parameters: use a new one",
            )
        return await self._details(run)

    async def get(self, job: str) -> JobDetails:
        """Give a job with what its tasks did."""
        return await self._details(await self._run(job))

    async def page(self, limit: int, offset: int, dag: str, state: str) -> tuple[list[Job], int]:
        """Give jobs, the newest first, and how many there are."""
        body = {
            "dag_ids": [dag] if dag else list(RESULTS),
            "order_by": "-run_after",
            "page_limit": limit,
            "page_offset": offset,
            "states": [state] if state else None,
        }
        found = await self._airflow.call("POST", "/dags/~/dagRuns/list", json=body)
        return [Job(**self._job(run)) for run in found["dag_runs"]], found["total_entries"]

    async def cancel(self, job: str) -> JobDetails:
        """End a job that has not ended; Airflow then ends its tasks."""
        run = await self._run(job)
        if run["state"] in ENDED:
            raise HTTPException(409, f"job {job} has ended: {run['state']}")
        path = _path(run["dag_id"], run["dag_run_id"])
        return await self._details(await self._airflow.change("PATCH", path, {"state": "failed"}))

    async def waited(self, job: JobDetails, seconds: float) -> JobDetails:
        """Give a job when it has ended, or as it is after so long."""
        deadline = time.monotonic() + seconds
        state, run = job.state, None
        while state not in ENDED and time.monotonic() < deadline:
            await asyncio.sleep(_PAUSE_SECONDS)
            run = await self._run(job.id)
            state = run["state"]
        # Its tasks are read once: nobody looks at them while we wait.
        return await self._details(run) if run else job

    async def _run(self, job: str) -> Any:
        dag, _, run_id = job.partition(".")
        found = await self._airflow.found(_path(dag, run_id)) if dag in RESULTS and run_id else None
        if not found:
            raise HTTPException(404, f"there is no job {job!r}")
        return found

    async def _refuse_paused(self, dag: str) -> None:
        if (await self._airflow.call("GET", f"/dags/{dag}"))["is_paused"]:
            raise HTTPException(409, f"the DAG {dag} is paused: switch it on in Airflow")

    async def _trigger(self, dag: str, run_id: str, parameters: dict[str, Any]) -> None:
        body = {"dag_run_id": run_id, "logical_date": None, "conf": parameters}
        try:
            await self._airflow.change("POST", f"/dags/{dag}/dagRuns", body)
        except HTTPException:
            # A request with the same key may have been quicker.
            if not await self._airflow.found(_path(dag, run_id)):
                raise

    async def _details(self, run: dict[str, Any]) -> JobDetails:
        path = _path(run["dag_id"], run["dag_run_id"])
        told = await self._airflow.call("GET", f"{path}/taskInstances", params={"limit": 100})
        tasks = told["task_instances"]
        done = sum(task["state"] in _ENDED_TASKS for task in tasks)
        result = None
        if run["state"] == "success":
            key = f"{path}/taskInstances/{RESULTS[run['dag_id']]}/xcomEntries/return_value"
            result = (await self._airflow.found(key) or {}).get("value")
        return JobDetails(
            **self._job(run),
            progress=Progress(done=done, total=told["total_entries"]),
            failed_tasks=[task["task_id"] for task in tasks if task["state"] == "failed"],
            result=result,
        )

    def _job(self, run: dict[str, Any]) -> dict[str, Any]:
        dag, run_id = run["dag_id"], run["dag_run_id"]
        return {
            "id": f"{dag}.{run_id}",
            "dag": dag,
            "state": run["state"],
            "user": run["triggering_user_name"] or "",
            "parameters": run["conf"] or {},
            "created": run["run_after"],
            "started": run["start_date"],
            "ended": run["end_date"],
            "url": f"{self._root}/dags/{dag}/runs/{quote(run_id)}",
        }

    def _digest(self, key: str) -> str:
        return hashlib.sha256(f"{self._user}\n{key}".encode()).hexdigest()[:32]


def _path(dag: str, run_id: str) -> str:
    return f"/dags/{dag}/dagRuns/{quote(run_id, safe='')}"


JobsDep = Annotated[Jobs, Depends(Jobs)]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="Repeated by the same user it gives the same job",
    ),
]
Wait = Annotated[float, Query(ge=0, le=30, description="Seconds to wait for the job's end")]
