"""Makes the inventory what the clouds say, and with it what the forms of the DAGs propose."""

from datetime import timedelta

from airflow.sdk import dag, task

LONGEST = timedelta(minutes=15)


@dag(
    schedule="@hourly",
    catchup=False,
    max_active_runs=1,
    tags=["cloudmesh", "vm"],
    default_args={"owner": "cloudmesh", "retries": 3, "retry_delay": timedelta(seconds=20)},
    doc_md="""
    ### Refresh the inventory

    Every hour, once you switch it on: asks the clouds for the VMs of this appliance, corrects
    the inventory, and writes the file from which the other DAGs' forms take their proposals.
    A cloud that is broken makes the run red and has a line in the log; it hinders no other.
    """,
)
def vm_inventory_refresh():
    """Ask the clouds, write the file."""

    @task(pool="clouds", execution_timeout=LONGEST)
    def refresh() -> None:
        from cloudmesh_airflow import choices
        from cloudmesh_airflow.runner import run_cms

        command, timeout = ["vm", "list", "--output=json"], LONGEST.total_seconds() - 60
        try:
            run_cms([*command, "--refresh"], timeout=timeout, log_stdout=False)
        finally:
            # Also when it failed: what the other clouds said is in the inventory.
            vms = run_cms(command, log_stdout=False).json()
            changed = choices.write(choices.collected(vms))
            print(f"{choices.path()}: {'written' if changed else 'says so already'}")

    refresh()


vm_inventory_refresh()
