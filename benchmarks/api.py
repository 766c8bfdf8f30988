"""Measures reading over REST while the stack runs DAGs.

It starts a Compose project of its own (cloudmesh-airflow-bench), puts VMs into its inventory, runs
DAGs without a pause, and lets clients read meanwhile: each again as soon as it has its answer, and
as open pages do. The result is printed and kept in benchmarks/results/api.md. The promise is 100 ms
for 95 of 100 answers. Nothing here passes or fails: what a figure is worth, its reader decides.
"""

import argparse
import os
import shlex
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import load, reading
from benchmarks.process import ROOT, BenchError, exit_code, keep, say
from benchmarks.project import FOLDER, Project, choose_mode, only_one
from benchmarks.report import commit, machine, table
from cloudmesh_airflow.client import AirflowClient
from cloudmesh_airflow.errors import CloudmeshAirflowError

DAG, TASKS = load.PARALLEL
# Writes VMs into the inventory as the engine does, from where its login lies.
FILL = """
import sys, pymongo
password = open("/run/secrets/mongo_password").read().strip()
login = {"username": "cloudmesh", "password": password, "authSource": "admin"}
with pymongo.MongoClient("mongo", authMechanism="SCRAM-SHA-256", **login) as client:
    now = "2026-11-21T08:00:00.000000+00:00"
    about = {"cloud": "aws", "image": "ami-1", "flavor": "t2.micro", "created": now}
    about |= {"public_ips": ["192.0.2.7"], "private_ips": ["10.0.0.7"], "cost_per_hour": 0.0116}
    about |= {"run": "vm_boot/manual__1", "deadline": ""}
    def vm(number):
        name, state = f"vm-{number:04}", "stopped" if number % 3 else "running"
        cm = {"kind": "vm", "cloud": "aws", "name": name, "status": state, "updated": now}
        return {**about, "cm": cm, "name": name, "status": state, "instance_id": f"i-{number}"}
    client["cloudmesh"]["aws-vm"].insert_many([vm(number) for number in range(int(sys.argv[1]))])
"""
ABOUT = {
    "busy clients": "Each asks again as soon as it has its answer.",
    "open pages": "Each asks for what the page Clouds shows, every five seconds.",
}


@dataclass
class Kind:
    """One kind of load, and how long the answers took."""

    name: str
    taken: reading.Taken
    average: float
    tasks: int


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks/api",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name, default, about in (
        ("--vms", 1000, "VMs in the inventory"),
        ("--clients", 20, "clients at once"),
        ("--seconds", 60, "seconds for each kind of load"),
    ):
        parser.add_argument(
            name, type=int, default=default, metavar="N", help=f"{about} (default {default})"
        )
    parser.add_argument(
        "--mode",
        choices=["docker", "offline"],
        default="",
        help="where Postgres, Redis and MongoDB come from (default: what the machine can)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=ROOT / "benchmarks/results/api.md",
        help="where to keep the result (default benchmarks/results/api.md)",
    )
    return parser.parse_args()


def _fill(project: Project, count: int) -> None:
    """Let the inventory hold so many VMs, and wait until the web server tells of them."""
    python = "/opt/venv-cms/bin/python"
    project.compose("exec", "--no-TTY", "worker", python, "-c", FILL, str(count))
    client, deadline = project.client(), time.monotonic() + 60
    while client.call("GET", f"{reading.BASE}healthz")["vms"] != count:
        if time.monotonic() > deadline:
            raise BenchError(f"the web server does not tell of {count} VMs")
        time.sleep(0.2)


@contextmanager
def _working(client: AirflowClient) -> Iterator[Callable[[], int]]:
    """Let the stack run DAGs meanwhile; how many tasks have ended since the start."""
    ended, runs = threading.Event(), list[str]()

    def work() -> None:
        while not ended.is_set():
            try:
                runs.append(client.trigger(DAG))
                client.wait(DAG, runs[-1], timeout=900)
            except (CloudmeshAirflowError, OSError):
                if not ended.is_set():
                    raise

    def done() -> int:
        tasks = (task for run in list(runs) for task in client.tasks(DAG, run))
        return sum(task["state"] == "success" for task in tasks)

    client.wait_for_dag(DAG)
    threading.Thread(target=work, daemon=True).start()
    try:
        yield done
    finally:
        # The stack is removed next, and its last tasks with it.
        ended.set()


def _measure(options: argparse.Namespace, project: Project) -> list[Kind]:
    """Everything, in a project of its own."""
    say("start")
    project.prepare()
    project.up()
    _fill(project, options.vms)
    client, found = project.client(), list[Kind]()
    password = (project.secrets / "admin_password").read_text().strip()
    login = {"username": "admin", "password": password}
    # As people do, each has a login of its own.
    tokens = [
        client.call("POST", "/auth/token", login)["access_token"] for _ in range(options.clients)
    ]
    server = reading.Server("127.0.0.1", project.port, tokens)
    with _working(client) as done:
        for name, read in (("busy clients", reading.busy), ("open pages", reading.pages)):
            say(f"{options.clients} {name} for {options.seconds} s")
            before = done()
            taken = read(server, options.seconds)
            found.append(Kind(name, taken, os.getloadavg()[0], done() - before))
    return found


def _row(name: str, seconds: list[float]) -> list[str]:
    shares = [f"{reading.percentile(seconds, share) * 1000:.0f}" for share in (0.5, 0.95, 1)]
    return [name, str(len(seconds)), *shares]


def _markdown(options: argparse.Namespace, mode: str, kinds: list[Kind]) -> str:
    facts = [
        f"Date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"Machine: {machine()}, which runs the stack and the clients; mode: {mode}",
        f"Commit: {commit()}",
        f"Command: `{shlex.join(['benchmarks/api', *sys.argv[1:]])}`",
        f"{options.vms} VMs; {options.clients} clients for {options.seconds} s; meanwhile"
        f" {DAG}, {TASKS} tasks at once, again and again",
    ]
    parts = ["# Reading over REST", "\n".join(f"- {fact}" for fact in facts)]
    for kind in kinds:
        rate = len(kind.taken) / options.seconds
        parts.append(f"## {options.clients} {kind.name}")
        parts.append(
            f"{rate:.0f} answers a second; {kind.tasks} tasks ended meanwhile; load average"
            f" {kind.average:.1f}. {ABOUT[kind.name]}"
        )
        rows = [_row("all", [seconds for _, seconds in kind.taken])]
        for route in sorted({route for route, _ in kind.taken}):
            seconds = [taken for asked, taken in kind.taken if asked == route]
            rows.append(_row(f"`{route}`", seconds))
        parts.append(table(["route", "answers", "median, ms", "95 of 100, ms", "worst, ms"], rows))
    return "\n\n".join(parts) + "\n"


def main() -> int:
    """Measure and keep the result; the exit code."""
    options = _options()

    def work() -> None:
        with only_one():
            project = Project(choose_mode(options.mode))
            project.remove()
            FOLDER.mkdir(parents=True)
            try:
                report = _markdown(options, project.mode, _measure(options, project))
            finally:
                project.remove()
        keep(report, options.output)

    return exit_code("api", work, CloudmeshAirflowError)


if __name__ == "__main__":
    sys.exit(main())
