"""Asks one service how it is: `python -m cloudmesh_airflow.health SERVICE`.

The container health checks run it every few seconds, so it costs a tenth of
Airflow's own `jobs check` and `celery inspect ping`: it imports neither.
Exit code 0 is healthy; 1 comes with one line that names the reason.
"""

import json
import os
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

TIMEOUT = 5
# Airflow's own thresholds for these jobs are 30 s; their heartbeats come every 5 s.
STALE_AFTER = 30


class Unhealthy(Exception):
    """The service answered wrongly or not at all."""


def setting(section: str, key: str) -> str:
    """A secret Airflow setting, which reaches every service as AIRFLOW__…_CMD="cat FILE"."""
    name = f"AIRFLOW__{section}__{key}_CMD".upper()
    cat, path = os.environ[name].split()
    if cat != "cat":
        raise Unhealthy(f"{name} is not 'cat FILE'")
    return Path(path).read_text().strip()


def get(url: str) -> bytes:
    """The body of a successful answer."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        raise Unhealthy(f"{url} answers {error.code} {error.reason}") from error
    except OSError as error:
        raise Unhealthy(f"{url} does not answer: {error}") from error


def webserver(url: str = "http://localhost:8080/api/v2/monitor/health") -> None:
    """The web server answers and reaches its database (HTTP 200 alone means nothing)."""
    answer = json.loads(get(url))
    if answer["metadatabase"]["status"] != "healthy":
        raise Unhealthy(f"the metadata database is {answer['metadatabase']['status']}")


def scheduler(url: str = "http://localhost:8974/health") -> None:
    """The scheduler's own health server finds its heartbeat fresh (503 when not)."""
    get(url)


def _job(job_type: str) -> None:
    import psycopg2

    url = setting("database", "sql_alchemy_conn").replace("+psycopg2", "")
    try:
        connection = psycopg2.connect(url, connect_timeout=TIMEOUT)
    except psycopg2.OperationalError as error:
        raise Unhealthy(f"the metadata database does not answer: {error}") from error
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM now() - max(latest_heartbeat)) FROM job"
            " WHERE job_type = %s AND hostname = %s AND state = 'running'",
            (job_type, socket.gethostname()),
        )
        (age,) = cursor.fetchone() or (None,)
    connection.close()
    if age is None:
        raise Unhealthy(f"no running {job_type} on {socket.gethostname()}")
    if age > STALE_AFTER:
        raise Unhealthy(f"the last heartbeat of {job_type} is {age:.0f} s old")


def dag_processor() -> None:
    """This container's DAG processor wrote a heartbeat within the last 30 s."""
    _job("DagProcessorJob")


def triggerer() -> None:
    """This container's triggerer wrote a heartbeat within the last 30 s."""
    _job("TriggererJob")


def worker() -> None:
    """This container's Celery worker answers a ping that goes through the broker."""
    from celery import Celery

    app = Celery(broker=setting("celery", "broker_url"), set_as_current=False)
    name = f"celery@{socket.gethostname()}"
    if not app.control.ping(destination=[name], timeout=TIMEOUT, limit=1):
        raise Unhealthy(f"{name} does not answer a ping through the broker")


def flower(url: str = "http://localhost:5555/healthcheck") -> None:
    """Flower's own check answers OK."""
    body = get(url)
    if body.strip() != b"OK":
        raise Unhealthy(f"Flower says {body[:100]!r}")


CHECKS: dict[str, Callable[[], None]] = {
    "webserver": webserver,
    "scheduler": scheduler,
    "dag-processor": dag_processor,
    "triggerer": triggerer,
    "worker": worker,
    "flower": flower,
}


def main(arguments: list[str]) -> int:
    """Check the one service named; 2 when there is none of that name."""
    if len(arguments) != 1 or arguments[0] not in CHECKS:
        print(f"usage: python -m cloudmesh_airflow.health {{{','.join(CHECKS)}}}", file=sys.stderr)
        return 2
    try:
        CHECKS[arguments[0]]()
    except Exception as error:  # whatever it is, the service is not healthy
        print(f"{arguments[0]}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
