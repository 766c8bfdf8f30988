"""Stops VMs when their office hours end, and starts them when they begin."""

from datetime import UTC, datetime, timedelta

from airflow.sdk import dag, task

LONGEST = timedelta(minutes=20)


@dag(
    schedule="*/5 * * * *",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    # As shipped nothing is scheduled, and whoever writes a schedule should not have to come here.
    is_paused_upon_creation=False,
    tags=["cloudmesh", "vm"],
    default_args={"owner": "cloudmesh", "retries": 1, "retry_delay": timedelta(seconds=20)},
    doc_md="""
    ### Office hours

    Stops VMs in the evening and starts them in the morning, as `config/office-hours.yaml` says.
    As shipped nothing is scheduled there; a run then asks no cloud.

    * It acts when hours begin or end, and catches up on what it missed while the machine was
      off. In between it leaves every VM as it is: one that you start at night runs on.
    * It starts only what it stopped itself.
    * A red run means that a VM is not as it should be, or that a cloud or MongoDB did not answer;
      the log names it, and the next run tries again.

    What is to come: `cms fleet hours preview`. To keep a VM longer:
    `cms fleet hours snooze NAME --until=23:00`. To take it out: `cms fleet hours off NAME`.
    """,
)
def office_hours():
    """One command."""

    @task(execution_timeout=LONGEST)
    def apply() -> list[dict]:
        from cloudmesh_airflow.runner import run_cms

        command = ["fleet", "hours", "apply", "--output=json"]
        timeout = (LONGEST - timedelta(minutes=1)).total_seconds()
        return [
            {key: vm[key] for key in ("cloud", "name", "action")}
            for vm in run_cms(command, timeout=timeout).json()
        ]

    apply()


office_hours()
