"""Makes the inventory what the clouds say, and with it what the forms of the DAGs propose."""

from datetime import timedelta

from airflow.sdk import dag, task

from cloudmesh_airflow.operators.vm import CloudmeshVmListOperator


@dag(
    schedule="@hourly",
    catchup=False,
    max_active_runs=1,
    tags=["cloudmesh", "vm"],
    default_args={"owner": "cloudmesh", "retries": 3, "retry_delay": timedelta(seconds=60)},
    doc_md="""
    ### Refresh the inventory

    Every hour, once you switch it on: asks the clouds for the VMs of this appliance, corrects
    the inventory, and writes the file from which the other DAGs' forms take their proposals.
    """,
)
def vm_inventory_refresh():
    """Ask the clouds, write the file."""
    look = CloudmeshVmListOperator(task_id="look", refresh=True, pool="clouds")

    @task
    def write(vms: list[dict]) -> None:
        from cloudmesh_airflow import choices

        changed = choices.write(choices.collected(vms))
        print(f"{choices.path()}: {'written' if changed else 'says so already'}")

    write(look.output)


vm_inventory_refresh()
