"""Measures the stack in Docker: build, start, idle memory and CPU, tasks a minute.

It starts a Compose project of its own (cloudmesh-airflow-bench) beside whatever runs,
and removes it at the end. The result is printed and kept in benchmarks/results/stack.md.
Nothing here passes or fails: what a figure is worth, its reader decides.
"""

import argparse
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from benchmarks import load, usage
from benchmarks.process import ROOT, SIGNALS, exit_code, keep, say
from benchmarks.project import FOLDER, Project, choose_mode, only_one
from benchmarks.report import DEFAULTS, OURS, Result, Start, Work, markdown
from cloudmesh_airflow.errors import CloudmeshAirflowError


def _between(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"choose a number from {least} to {most}")
        return int(text)

    return number


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks/stack",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--runs",
        type=_between(0, 20),
        default=3,
        metavar="N",
        help="cold and warm starts; 0 leaves them out (default 3)",
    )
    parser.add_argument(
        "--task-runs",
        type=_between(1, 20),
        default=1,
        metavar="N",
        help="measured runs of each DAG (default 1)",
    )
    parser.add_argument("--no-build", action="store_true", help="leave out the build's times")
    parser.add_argument(
        "--airflow-defaults",
        action="store_true",
        help="measure idling and tasks a second time with Airflow's own values for what"
        " config/airflow.cfg tunes, and print both",
    )
    for name, most, default, about in (
        ("--settle", 600, 30, "that the stack may calm down before idling counts"),
        ("--idle", 600, 30, "over which idling is measured"),
        ("--timeout", 3600, 900, "that one DAG run may take"),
    ):
        parser.add_argument(
            name,
            type=_between(1, most),
            default=default,
            metavar="S",
            help=f"seconds {about} (default {default})",
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
        default=ROOT / "benchmarks/results/stack.md",
        help="where to keep the result (default benchmarks/results/stack.md)",
    )
    return parser.parse_args()


class Bench:
    """The measurements in their order."""

    def __init__(self, options: argparse.Namespace, project: Project, result: Result) -> None:
        self.options = options
        self.project = project
        self.result = result
        self.started = time.monotonic()

    def step(self, message: str) -> None:
        """Progress with the time since the start."""
        say(f"[{time.monotonic() - self.started:.0f} s] {message}")

    def run(self) -> None:
        """Everything that the options ask for."""
        self.step("images and secrets")
        self.project.prepare()
        if not self.options.no_build:
            self.build()
        self.starts()
        self.result.ours = self.work(OURS)
        if self.options.airflow_defaults:
            self.result.dropped = self.project.use_airflow_defaults()
            self.result.defaults = self.work(DEFAULTS)

    def build(self) -> None:
        """Once without Docker's build cache, once with."""
        for name, cold in (("cold (--no-cache)", True), ("warm (nothing changed)", False)):
            self.step(f"build, {name}")
            self.result.build[name] = self.project.build(cold=cold)
            say(f"  {self.result.build[name]:.1f} s")

    def starts(self) -> None:
        """Starts with empty volumes and with the volumes of the start before."""
        for number in range(1, self.options.runs + 1):
            for name, volumes in (("cold (empty volumes)", True), ("warm (volumes kept)", False)):
                self.step(f"start {number} of {self.options.runs}, {name}")
                self.project.down(volumes=volumes)
                average = os.getloadavg()[0]
                start = Start(self.project.up(), average)
                self.result.starts.setdefault(name, []).append(start)
                say(f"  {start.seconds:.1f} s (load average before: {average:.2f})")

    def work(self, name: str) -> Work:
        """Idle, both DAGs, idle again; from empty volumes, whatever ran before."""
        self.step(f"{name}: start")
        self.project.down(volumes=True)
        self.project.up()
        fresh, source = self.idle(name)
        average = os.getloadavg()[0]
        self.step(f"{name}: tasks")
        client = self.project.client()
        runs, timeout = self.options.task_runs, self.options.timeout
        chain = load.measure(client, load.CHAIN, runs=runs, timeout=timeout)
        parallel = load.measure(client, load.PARALLEL, runs=runs, timeout=timeout)
        used, _ = self.idle(name)
        return Work(fresh, used, chain, parallel, source, average)

    def idle(self, name: str) -> tuple[dict[str, usage.Usage], str]:
        """Let it settle, then look."""
        self.step(f"{name}: idle for {self.options.settle:g} + {self.options.idle:g} s")
        time.sleep(self.options.settle)
        return usage.measure(self.project.containers(), self.options.idle)


def _once(number: int, frame: FrameType | None) -> None:
    """Nothing: the project is being removed already."""


def _measure(options: argparse.Namespace) -> Result:
    project = Project(choose_mode(options.mode))
    command = shlex.join(["benchmarks/stack", *sys.argv[1:]])
    result = Result(project.mode, command, options.settle, options.idle)
    project.remove()
    FOLDER.mkdir(parents=True)
    try:
        Bench(options, project, result).run()
    finally:
        # A second Ctrl-C must not leave half of it behind. No SIG_IGN: children inherit it.
        for number in SIGNALS:
            signal.signal(number, _once)
        project.remove()
    return result


def main() -> int:
    """Measure and keep the result; the exit code."""
    options = _options()

    def work() -> None:
        with only_one():
            report = markdown(_measure(options))
        keep(report, options.output)

    return exit_code("stack", work, CloudmeshAirflowError)


if __name__ == "__main__":
    sys.exit(main())
