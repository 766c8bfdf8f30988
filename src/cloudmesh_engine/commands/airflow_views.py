"""The verbs of `cms airflow` that only look: dags, params, runs, state."""

from typing import Any

from cloudmesh_engine.airflow import params, runs
from cloudmesh_engine.airflow.client import API, dag_path
from cloudmesh_engine.commands.airflow_request import AirflowRequest, Document
from cloudmesh_engine.errors import UsageError
from cloudmesh_engine.output import render

_DAGS = ("dag", "paused", "schedule", "tags", "next_run", "broken")
_PARAMS = ("name", "type", "default", "description")
RUNS = ("dag", "run", "state", "started", "ended", "type", "user")
TASKS = ("task", "state", "try", "started", "ended", "seconds")
_STATES = ("queued", "running", "success", "failed")


def list_dags(request: AirflowRequest) -> None:
    """List the DAGs."""
    part, tag = str(request.arguments["PART"] or ""), request.arguments["--tag"]
    found = request.client.all(f"{API}/dags", "dags", order_by="dag_id", tags=tag)
    request.show([dag_record(dag) for dag in found if part in dag["dag_id"]], _DAGS)


def list_params(request: AirflowRequest) -> None:
    """List the parameters of a DAG."""
    details = request.client.ask("GET", f"{dag_path(request.dag)}/details")
    request.show(params.described(details["params"] or {}), _PARAMS)


def list_runs(request: AirflowRequest) -> None:
    """List the runs of a DAG."""
    state = request.arguments["--state"]
    if state is not None and state not in _STATES:
        raise UsageError(f"--state={state}: use {', '.join(_STATES)}")
    found = runs.listed(request.client, request.dag, request.number("--limit"), state)
    request.show([run_record(run) for run in found], RUNS)


def show_state(request: AirflowRequest) -> None:
    """Show a run and its tasks."""
    run = request.run()
    found = runs.tasks(request.client, run["dag_id"], run["dag_run_id"])
    record, tasks = run_record(run), [task_record(task) for task in found]
    if request.form in ("json", "yaml"):
        return request.write(render({**record, "tasks": tasks}, request.form))
    if request.form == "table":
        request.show([record], RUNS)
    request.show(tasks, TASKS)


def dag_record(dag: Any) -> Document:
    """Describe a DAG."""
    return {
        "dag": dag["dag_id"],
        "paused": dag["is_paused"],
        "schedule": dag["timetable_summary"] or "",
        "tags": [tag["name"] for tag in dag["tags"]],
        "next_run": dag["next_dagrun_run_after"] or "",
        "broken": dag["has_import_errors"],
        "description": dag["description"] or "",
    }


def run_record(run: Any) -> Document:
    """Describe a run."""
    return {
        "dag": run["dag_id"],
        "run": run["dag_run_id"],
        "state": run["state"],
        "started": run["start_date"] or "",
        "ended": run["end_date"] or "",
        "type": run["run_type"],
        "user": run["triggering_user_name"] or "",
        "parameters": run["conf"] or {},
    }


def task_record(task: Any) -> Document:
    """Describe a task of a run."""
    return {
        "task": runs.label(task),
        "state": task["state"] or "",
        "try": task["try_number"],
        "started": task["start_date"] or "",
        "ended": task["end_date"] or "",
        "seconds": task["duration"],
    }
