"""How long one hop takes: forty tasks that do nothing, each waiting for the one before."""

from airflow.sdk import chain, dag, task


@dag(schedule=None, catchup=False, tags=["benchmark"])
def bench_chain() -> None:
    """Forty in a row."""

    @task
    def nothing() -> None:
        """Reaches a worker, unlike EmptyOperator, and costs nothing there."""

    chain(*(nothing.override(task_id=f"step_{number:02}")() for number in range(1, 41)))


bench_chain()
