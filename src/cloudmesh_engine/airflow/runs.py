"""Runs of DAGs: starting one, finding it, and what its tasks do."""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from cloudmesh_engine.airflow.client import Client, NoEntry, Unknown, dag_path, run_path
from cloudmesh_engine.errors import ActionFailed, DependencyDown, Refused

ENDED = ("success", "failed")
TASK_ENDED = (*ENDED, "skipped", "upstream_failed", "removed")
LATEST = "latest"
_PAUSE = 1.0
# How long a wait outlives a web server that does not answer: it may be starting anew.
_PATIENCE = 180
# States of a task on its way to one that a person waits for.
_PASSING = (None, "scheduled", "queued")

Document = dict[str, Any]


def start(client: Client, dag: str, conf: Document, name: str = "") -> Document:
    """Start a run; a repeated request with the same name and parameters gives the same run.

    The id is made here, so that a request whose answer was lost can be sent again.
    """
    run = name or f"cms__{datetime.now(UTC):%Y%m%dT%H%M%SZ}_{secrets.token_hex(3)}"
    body = {"dag_run_id": run, "logical_date": None, "conf": conf}
    try:
        return dict(client.ask("POST", f"{dag_path(dag)}/dagRuns", body))
    except Refused:
        there = dict(client.ask("GET", run_path(dag, run)))
        if (there.get("conf") or {}) != conf:
            raise Refused(
                f"{dag} has a run {run} with other parameters: give another --run"
            ) from None
        return there


def find(client: Client, dag: str, run: str) -> Document:
    """Look a run up; `latest` is the one that was started last."""
    if run != LATEST:
        return dict(client.ask("GET", run_path(dag, run)))
    newest = list(listed(client, dag, most=1))
    if not newest:
        raise ActionFailed(f"{dag} has no run yet: cms airflow trigger {dag}")
    return newest[0]


def listed(
    client: Client, dag: str, most: int | None = None, state: str | None = None
) -> Iterator[Document]:
    """Give the runs of a DAG, the newest first."""
    path = f"{dag_path(dag)}/dagRuns"
    return client.all(path, "dag_runs", most, order_by="-run_after", state=state)


def tasks(client: Client, dag: str, run: str) -> list[Document]:
    """Give the tasks of a run in the order in which they began."""
    path = f"{run_path(dag, run)}/taskInstances"
    found = client.all(path, "task_instances")
    return sorted(found, key=lambda task: (task["start_date"] or "~", task["task_id"]))


def label(task: Mapping[str, Any]) -> str:
    """Name a task; of several made from one, each by its number."""
    number = task["map_index"]
    return str(task["task_id"]) + (f"[{number}]" if number >= 0 else "")


def named(found: list[Document], name: str) -> list[Document]:
    """Choose the tasks of a name; `load` also means all of `load[0]`, `load[1]`."""
    chosen = [task for task in found if name in (label(task), task["task_id"])]
    if not chosen:
        known = ", ".join(dict.fromkeys(task["task_id"] for task in found)) or "none yet"
        raise Unknown(f"the run has no task {name!r}: it has {known}")
    return chosen


def wait(client: Client, run: Document, look: Callable[[], object]) -> Document:
    """Return once a run has ended.

    :param look: called again and again, and once after the end; may say that it has seen enough
    """
    path = run_path(run["dag_id"], run["dag_run_id"])
    answered = time.monotonic()
    while True:
        try:
            # What has ended before the look has written all that it writes.
            if look() or run["state"] in ENDED:
                return run
            run = dict(client.ask("GET", path))
        except NoEntry:
            raise
        except DependencyDown:
            if time.monotonic() - answered > _PATIENCE:
                raise
        else:
            answered = time.monotonic()
        if run["state"] not in ENDED:
            time.sleep(_PAUSE)


class Progress:
    """Tells each task's state when it changes."""

    def __init__(self, client: Client, run: Document, say: Callable[[str], None]) -> None:
        self._client, self._run, self._say = client, run, say
        self._seen: dict[str, str] = {}

    def look(self) -> None:
        """Tell what has changed since the last look."""
        for task in tasks(self._client, self._run["dag_id"], self._run["dag_run_id"]):
            name, state = label(task), task["state"]
            if state not in _PASSING and self._seen.get(name) != state:
                self._seen[name] = state
                self._say(f"{name}: {state}")
