"""How many tasks a minute the stack gets done: two hundred that do nothing, all at once."""

from airflow.sdk import dag, task


# Above the number of tasks, so that the workers are the limit and not the DAG.
@dag(schedule=None, catchup=False, max_active_tasks=256, tags=["benchmark"])
def bench_parallel() -> None:
    """Two hundred side by side."""

    @task
    def nothing() -> None:
        """Reaches a worker, unlike EmptyOperator, and costs nothing there."""

    for number in range(1, 201):
        nothing.override(task_id=f"task_{number:03}")()


bench_parallel()
