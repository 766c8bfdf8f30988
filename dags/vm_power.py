"""Starts, stops or reboots the VMs that you name."""

from datetime import timedelta

from airflow.sdk import Param, dag

from cloudmesh_airflow import choices
from cloudmesh_airflow.operators.cloudmesh import CloudmeshCommandOperator

PROPOSED = choices.load()


@dag(
    schedule=None,
    catchup=False,
    # It runs only when somebody asks: by its form, on the page Clouds or over REST.
    is_paused_upon_creation=False,
    tags=["cloudmesh", "vm"],
    default_args={"owner": "cloudmesh", "retries": 3, "retry_delay": timedelta(seconds=15)},
    params={
        "action": Param("start", type="string", enum=["start", "stop", "reboot"], title="Action"),
        "names": Param(
            type="string",
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._,\[\]-]*$",
            examples=list(PROPOSED.names),
            title="VMs",
            description="As web, web1,db or web[1-5]",
        ),
        "cloud": Param("aws", type="string", examples=list(PROPOSED.clouds), title="Cloud"),
    },
    doc_md="""
    ### Start, stop or reboot VMs

    Ends when the cloud says that it is so. A VM that is started already is left alone, and so is
    one that is stopped.
    """,
)
def vm_power():
    """One command."""
    CloudmeshCommandOperator(
        task_id="act",
        command=[
            "vm",
            "{{ params.action }}",
            "{{ params.names }}",
            "--cloud={{ params.cloud }}",
            "--output=json",
        ],
        parse_json=True,
        pool="clouds",
    )


vm_power()
