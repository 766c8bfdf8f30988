"""Boots VMs on a cloud of your choice."""

from datetime import timedelta

from airflow.sdk import Param, dag, task

from cloudmesh_airflow import choices
from cloudmesh_airflow.operators.vm import CloudmeshVmBootOperator

PROPOSED = choices.load()


@dag(
    schedule=None,
    catchup=False,
    # It runs only when somebody asks: by its form, on the page Clouds or over REST.
    is_paused_upon_creation=False,
    tags=["cloudmesh", "vm"],
    default_args={"owner": "cloudmesh", "retries": 3, "retry_delay": timedelta(seconds=15)},
    params={
        "cloud": Param("aws", type="string", examples=list(PROPOSED.clouds), title="Cloud"),
        "n": Param(1, type="integer", minimum=1, maximum=100, title="How many VMs"),
        "name": Param(
            "",
            type="string",
            pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,55})?$",
            title="Name",
            description="One VM gets this name, several get web-0, web-1 …; empty: a new one.",
        ),
        "flavor": Param(
            "", type="string", examples=["", *PROPOSED.flavors], title="Flavor, or the default"
        ),
        "image": Param(
            "", type="string", examples=["", *PROPOSED.images], title="Image, or the default"
        ),
        "hours": Param(
            None,
            type=["null", "number"],
            exclusiveMinimum=0,
            title="Hours to live",
            description="After that the reaper deletes them. Empty: they stay until you do.",
        ),
    },
    doc_md="""
    ### Boot VMs

    Boots any number of VMs and ends when they run. A run that is retried, cleared or
    interrupted ends with the same VMs, never with more: what is there already is adopted.
    The task's XCom has their addresses.
    """,
)
def vm_boot():
    """Boot, then tell the addresses."""

    @task
    def seconds(params: dict) -> float | None:
        return params["hours"] and params["hours"] * 3600

    boot = CloudmeshVmBootOperator(
        task_id="boot",
        names="{{ params.name }}",
        n="{{ params.n }}",
        cloud="{{ params.cloud }}",
        flavor="{{ params.flavor }}",
        image="{{ params.image }}",
        lifetime=seconds(),
        pool="clouds",
    )

    @task
    def tell(vms: list[dict]) -> None:
        for vm in vms:
            print(vm["name"], vm["status"], *vm["public_ips"])

    tell(boot.output)


vm_boot()
