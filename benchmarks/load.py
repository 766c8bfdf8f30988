"""Runs of the two DAGs and their times, as Airflow itself noted them."""

import statistics
from dataclasses import dataclass
from datetime import datetime

from benchmarks.process import BenchError, say
from cloudmesh_airflow.client import AirflowClient

CHAIN = ("bench_chain", 40)
PARALLEL = ("bench_parallel", 200)


@dataclass(frozen=True)
class Times:
    """Seconds of one run, or the medians of several.

    :param wall: from the trigger to the run's end
    :param span: from the first task's start to the last one's end
    """

    wall: float
    span: float


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def _run(client: AirflowClient, dag_id: str, count: int, timeout: float) -> Times:
    run_id = client.trigger(dag_id)
    state = client.wait(dag_id, run_id, timeout=timeout)
    tasks = client.tasks(dag_id, run_id)
    done = sum(task["state"] == "success" for task in tasks)
    if state != "success" or done != count:
        raise BenchError(f"{dag_id}: {state}, {done} of {count} tasks succeeded")
    run = client.run(dag_id, run_id)
    first = min(task["start_date"] for task in tasks)
    last = max(task["end_date"] for task in tasks)
    return Times(_seconds(run["queued_at"], run["end_date"]), _seconds(first, last))


def measure(
    client: AirflowClient, dag: tuple[str, int], *, runs: int, timeout: float
) -> list[Times]:
    """Times of some runs, after one that only warms up.

    :param timeout: seconds that one run may take
    """
    dag_id, count = dag
    client.wait_for_dag(dag_id)
    times = [_run(client, dag_id, count, timeout) for _ in range(runs + 1)]
    walls = ", ".join(f"{time.wall:.1f}" for time in times)
    say(f"  {dag_id}: {walls} s (the first is the warm-up)")
    return times[1:]


def median(times: list[Times]) -> Times:
    """The middle of each figure by itself."""
    return Times(
        statistics.median(time.wall for time in times),
        statistics.median(time.span for time in times),
    )
