"""The verbs of `cms airflow` that change something."""

import getpass
import sys
from collections.abc import Callable
from pathlib import Path

from cloudmesh_engine.airflow import login, logs, params, runs
from cloudmesh_engine.airflow.client import Client, dag_path
from cloudmesh_engine.commands.airflow_logs import line
from cloudmesh_engine.commands.airflow_request import AirflowRequest, Document
from cloudmesh_engine.commands.airflow_views import RUNS, TASKS, run_record, task_record
from cloudmesh_engine.errors import ActionFailed, Refused, UsageError

_LOGIN = ("url", "user", "ends")
_PAUSED = ("dag", "paused")


def log_in(request: AirflowRequest) -> None:
    """Log in, and keep the login."""
    user = str(request.arguments["USER"] or "admin")
    entered = login.enter(request.url, user, _password(request, user))
    request.show([{"url": entered.url, "user": user, "ends": entered.ends}], _LOGIN)


def log_out(request: AirflowRequest) -> None:
    """Forget the login, and end its token."""
    login.leave(request.url)


def pause(request: AirflowRequest) -> None:
    """Switch a DAG off."""
    _set_paused(request, True)


def unpause(request: AirflowRequest) -> None:
    """Switch a DAG on."""
    _set_paused(request, False)


def trigger(request: AirflowRequest) -> None:
    """Start a run of a DAG."""
    given = request.arguments
    if given["--logs"] and not given["--wait"]:
        raise UsageError("--logs: goes with --wait")
    client, dag = request.client, request.dag
    details = client.ask("GET", f"{dag_path(dag)}/details")
    conf = params.conf(dag, details["params"] or {}, given["--param"], given["--conf"] or "")
    if details["is_paused"]:
        if not given["--unpause"]:
            raise Refused(f"{dag} is paused, its run would wait: add --unpause to switch it on")
        _patch(client, dag, False)
    run = runs.start(client, dag, conf, given["--run"] or "")
    if given["--wait"]:
        request.say(f"{dag}: {run['dag_run_id']}")
        run = runs.wait(client, run, _looking(request, run))
    request.show([run_record(run)], RUNS)
    if given["--wait"] and run["state"] == "failed":
        raise _failure(client, run)


def clear(request: AirflowRequest) -> None:
    """Let tasks of a run run again."""
    given, run = request.arguments, request.run()
    body = {
        "dag_run_id": run["dag_run_id"],
        "only_failed": bool(given["--failed"]),
        "include_downstream": bool(given["--downstream"]),
        "dry_run": bool(given["--dryrun"]),
        # What runs is not killed: somebody may wait for it.
        "prevent_running_task": True,
    }
    if given["TASK"]:
        found = runs.tasks(request.client, request.dag, run["dag_run_id"])
        chosen = runs.named(found, str(given["TASK"]))
        body["task_ids"] = [_marked(task) for task in chosen]
    elif given["--downstream"]:
        raise UsageError("--downstream: name the task")
    answer = request.client.ask("POST", f"{dag_path(request.dag)}/clearTaskInstances", body)
    request.show([task_record(task) for task in answer["task_instances"]], TASKS)


def _marked(task: Document) -> str | list[str | int]:
    number = task["map_index"]
    return [task["task_id"], number] if number >= 0 else str(task["task_id"])


def _looking(request: AirflowRequest, run: Document) -> Callable[[], object]:
    """Say how to show what a run does: its logs, or how its tasks end."""
    if request.arguments["--logs"]:
        tell = lambda task, content: request.say(line(task, content))  # noqa: E731
        return logs.Follower(request.client, run, tell).look
    return runs.Progress(request.client, run, request.say).look


def _failure(client: Client, run: Document) -> ActionFailed:
    dag, name = run["dag_id"], run["dag_run_id"]
    failed = [runs.label(task) for task in runs.tasks(client, dag, name)
              if task["state"] == "failed"]  # fmt: skip
    what = f"failed in {', '.join(failed)}" if failed else "failed"
    return ActionFailed(f"{dag} {name} {what}: cms airflow logs {dag} {name}")


def _set_paused(request: AirflowRequest, paused: bool) -> None:
    found = _patch(request.client, request.dag, paused)
    request.show([{"dag": found["dag_id"], "paused": found["is_paused"]}], _PAUSED)


def _patch(client: Client, dag: str, paused: bool) -> Document:
    return dict(client.ask("PATCH", dag_path(dag), {"is_paused": paused}, update_mask="is_paused"))


def _password(request: AirflowRequest, user: str) -> str:
    """Read the password from a file, a terminal or stdin: a command line could be read by all."""
    file = request.arguments["--password-file"]
    if file:
        try:
            text = Path(file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not text"
            raise UsageError(f"--password-file={file}: {reason}") from error
    elif sys.stdin.isatty():
        text = getpass.getpass(f"Password of {user} at {request.url}: ")
    else:
        text = sys.stdin.readline()
    password = text.removesuffix("\n").removesuffix("\r")
    if not password:
        raise UsageError("no password: give --password-file=FILE, or write it to stdin")
    return password
