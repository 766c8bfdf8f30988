"""A small client of Airflow's REST API; as a program it runs one DAG to its end.

`python -m cloudmesh_airflow.client DAG_ID < password-file` prints how each task ended.
Standard library only: it works wherever there is a Python.
"""

import argparse
import json
import sys
import time
import urllib.error
import urllib.request
from typing import Any

from cloudmesh_airflow.errors import CloudmeshAirflowError

DONE = ("success", "failed")
# What Airflow gives at most ([api] maximum_page_limit), whatever is asked for.
_PAGE = 100
# States of a task on its way to one that a person waits for.
_PASSING = (None, "scheduled", "queued", "running")


class ApiError(CloudmeshAirflowError):
    """Airflow's REST API refused a request or could not be reached."""


class NoAnswerError(ApiError):
    """Airflow did not answer, or had trouble of its own: the same request may succeed later."""


class AirflowClient:
    """One login at one Airflow.

    :param url: where the web server listens, as in http://localhost:8080
    """

    def __init__(self, url: str, username: str, password: str, *, timeout: float = 30) -> None:
        self.url = url.rstrip("/")
        self.timeout = timeout
        self._token = ""
        login = {"username": username, "password": password}
        self._token = self.call("POST", "/auth/token", login)["access_token"]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One request; the JSON document it is answered with."""
        request = urllib.request.Request(self.url + path, method=method)
        request.add_header("Content-Type", "application/json")
        request.add_header("Accept", "application/json")
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, data, timeout=self.timeout) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            detail = error.read().decode(errors="replace")[:300]
            kind = NoAnswerError if error.code >= 500 else ApiError
            raise kind(f"{method} {path}: {error.code} {error.reason}: {detail}") from error
        except OSError as error:
            raise NoAnswerError(f"{method} {self.url}{path}: no answer: {error}") from error

    def wait_for_dag(self, dag_id: str, *, timeout: float = 120) -> None:
        """Return once the DAG processor has read the DAG's file."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                self.call("GET", f"/api/v2/dags/{dag_id}")
                return
            except ApiError as error:
                passing = isinstance(error, NoAnswerError) or "404" in str(error)
                if not passing or time.monotonic() > deadline:
                    raise
            time.sleep(0.5)

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None) -> str:
        """Start a run, unpausing the DAG if need be; the run's id."""
        self.call("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": False})
        body = {"logical_date": None, "conf": conf or {}}
        return self.call("POST", f"/api/v2/dags/{dag_id}/dagRuns", body)["dag_run_id"]

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """The state and times of a run."""
        return self.call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}")

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """The task instances of a run."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances?limit={_PAGE}&offset="
        found: list[dict[str, Any]] = []
        while True:
            page = self.call("GET", f"{path}{len(found)}")
            found += page["task_instances"]
            if len(found) >= page["total_entries"]:
                return found

    def log(self, dag_id: str, run_id: str, task_id: str, attempt: int = 1) -> list[str]:
        """The lines that a task logged."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{attempt}"
        content = self.call("GET", path)["content"]
        return [line["event"] if isinstance(line, dict) else str(line) for line in content]

    def wait(self, dag_id: str, run_id: str, *, timeout: float = 300, say: Any = None) -> str:
        """Return the run's final state.

        :param say: called with a line for each task that has come to an end or will be tried again
        """
        deadline = time.monotonic() + timeout
        seen: dict[str, str] = {}
        while True:
            try:
                state = self.run(dag_id, run_id)["state"]
                tasks = self.tasks(dag_id, run_id) if say else []
            except NoAnswerError:
                # The run goes on meanwhile; whether it does is seen when there is an answer again.
                if time.monotonic() > deadline:
                    raise
                time.sleep(1)
                continue
            for task in tasks:
                if task["state"] not in _PASSING and seen.get(task["task_id"]) != task["state"]:
                    seen[task["task_id"]] = task["state"]
                    say(f"{task['task_id']}: {task['state']}")
            if state in DONE:
                return state
            if time.monotonic() > deadline:
                raise ApiError(f"run {run_id} of {dag_id} is still {state} after {timeout:g} s")
            time.sleep(0.3)


def _run_dag(options: argparse.Namespace) -> int:
    client = AirflowClient(options.url, options.user, sys.stdin.read().strip())
    client.wait_for_dag(options.dag)
    run_id = client.trigger(options.dag)
    state = client.wait(options.dag, run_id, timeout=options.timeout, say=print)
    print(f"{options.dag}: {state}")
    if state != "success":
        for task in client.tasks(options.dag, run_id):
            if task["state"] == "failed":
                log = client.log(options.dag, run_id, task["task_id"], task["try_number"])
                print(f"--- {task['task_id']}", *log[-15:], sep="\n", file=sys.stderr)
    return 0 if state == "success" else 1


def main(arguments: list[str] | None = None) -> int:
    """Run a DAG to its end: 0 when it succeeded, 1 with the failed tasks' logs when not."""
    parser = argparse.ArgumentParser(prog="python -m cloudmesh_airflow.client", description=__doc__)
    parser.add_argument("dag", metavar="DAG_ID")
    parser.add_argument("--url", default="http://localhost:8080")
    parser.add_argument("--user", default="admin", help="login; the password is read from stdin")
    parser.add_argument("--timeout", type=float, default=300, help="seconds to wait for the run")
    try:
        return _run_dag(parser.parse_args(arguments))
    except CloudmeshAirflowError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
