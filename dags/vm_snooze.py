"""Lets VMs run longer than their office hours."""

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
        "names": Param(
            type="string",
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._,\[\]-]*$",
            examples=list(PROPOSED.names),
            title="VMs",
            description="As web, web1,db or web[1-5]",
        ),
        "cloud": Param("aws", type="string", examples=list(PROPOSED.clouds), title="Cloud"),
        "until": Param(
            "2h",
            type="string",
            minLength=1,
            title="Until",
            description="As 2h, 1d, 23:00 or 2026-11-23T22:00+01:00; now ends a snooze",
        ),
    },
    doc_md="""
    ### Snooze office hours

    Office hours do not stop the VMs before that time. They stop them then, unless a schedule
    wants them to run. A VM without office hours needs no snooze, and the run says so.
    """,
)
def vm_snooze():
    """One command."""
    CloudmeshCommandOperator(
        task_id="snooze",
        command=[
            "fleet",
            "hours",
            "snooze",
            "{{ params.names }}",
            "--until={{ params.until }}",
            "--cloud={{ params.cloud }}",
            "--output=json",
        ],
        parse_json=True,
        pool="clouds",
    )


vm_snooze()
