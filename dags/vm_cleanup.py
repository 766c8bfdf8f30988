"""Deletes the VMs that are past their deadline, or all that one DAG run booted."""

from datetime import timedelta

from airflow.sdk import Param, dag

from cloudmesh_airflow.operators.cloudmesh import CloudmeshCommandOperator


@dag(
    schedule="*/15 * * * *",
    catchup=False,
    max_active_runs=1,
    tags=["cloudmesh", "vm"],
    default_args={"owner": "cloudmesh", "retries": 3, "retry_delay": timedelta(seconds=60)},
    params={
        "run": Param(
            "",
            type="string",
            title="DAG run",
            description="As vm_boot/manual__2026-11-21T08:00:00: all VMs that it booted. "
            "Empty: all VMs that are past their deadline, and what nobody uses.",
        ),
    },
    doc_md="""
    ### Clean up VMs

    Started by hand with a DAG run, it deletes what that run booted. Without one it does what the
    service `reaper` does every five minutes anyway: it deletes the VMs that are past their
    deadline, and what the appliance owns and nobody uses. Switch it on where that service does not
    run, or where you want each look as a run with a log. What others made stays.
    """,
)
def vm_cleanup():
    """One command."""
    CloudmeshCommandOperator(
        task_id="reap",
        command=["fleet", "reap", "--yes", "--run={{ params.run }}", "--output=json"],
        parse_json=True,
        pool="clouds",
    )


vm_cleanup()
