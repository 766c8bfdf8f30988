"""Deletes the VMs that are past their deadline, or all that one DAG run booted."""

from datetime import timedelta

from airflow.sdk import Param, dag, task

from cloudmesh_airflow.operators.vm import CloudmeshVmDeleteOperator, CloudmeshVmListOperator


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
            "Empty: all VMs that are past their deadline.",
        ),
    },
    doc_md="""
    ### Clean up VMs

    Every quarter of an hour, once you switch it on: asks the clouds for the VMs of this
    appliance and deletes those that are past the deadline they were booted with. Started by
    hand with a DAG run, it deletes what that run booted. A VM without a deadline stays, and so
    does what this appliance did not boot.
    """,
)
def vm_cleanup():
    """Ask the clouds, choose, delete."""
    look = CloudmeshVmListOperator(task_id="look", refresh=True, pool="clouds")

    @task
    def choose(vms: list[dict], params: dict) -> list[dict]:
        from datetime import UTC, datetime

        from cloudmesh_airflow.expiry import due

        return due(vms, datetime.now(UTC), params["run"])

    delete = CloudmeshVmDeleteOperator.partial(task_id="delete", pool="clouds", retries=3)
    delete.expand_kwargs(choose(look.output))


vm_cleanup()
