"""DAGs that the tests of `cms airflow` run."""

import json
import time
from datetime import timedelta
from pathlib import Path

from airflow.sdk import Param, dag, task


@dag(
    schedule=None,
    tags=["talkative"],
    params={
        "n": Param(1, type="integer", minimum=1, description="How many"),
        "name": Param("nobody", type="string"),
        "hours": Param(None, type=["null", "number"]),
        "days": Param([], type="array"),
        "loud": Param(False, type="boolean"),
        "choice": Param("1", enum=["1", "2"]),
    },
)
def speaks():
    """Prints what it was given."""

    @task
    def say(params: dict) -> None:
        print(json.dumps(params, sort_keys=True))

    @task
    def count() -> list[int]:
        return [4, 5]

    @task
    def load(number: int) -> None:
        print(f"the number is {number}")

    say()
    load.expand(number=count())


@dag(schedule=None, is_paused_upon_creation=False)
def breaks():
    """Fails twice."""

    @task(retries=1, retry_delay=timedelta(0))
    def fail(ti=None) -> None:
        print(f"this is attempt {ti.try_number}")
        raise ValueError("it \x1b[31mbroke\x07")

    @task
    def after() -> None:
        print("never")

    fail() >> after()


@dag(schedule=None, is_paused_upon_creation=False, params={"file": Param("", type="string")})
def waits():
    """Goes on when a file is there."""

    @task
    def look(params: dict) -> None:
        print("not yet", flush=True)
        while not Path(params["file"]).exists():
            time.sleep(0.05)
        print("there it is")

    look()


speaks()
breaks()
waits()
