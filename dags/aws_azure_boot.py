"""Boots a VM on AWS and one on Azure at the same time, looks at them, and deletes them."""

from datetime import timedelta

from airflow.sdk import AsyncCallback, DeadlineAlert, DeadlineReference, dag, task_group

from cloudmesh_airflow.alerts import too_slow
from cloudmesh_airflow.lifespan import vm
from cloudmesh_airflow.sensors.vm import CloudmeshVmStateSensor

MOST = timedelta(minutes=30)


@dag(
    schedule=None,
    catchup=False,
    tags=["cloudmesh", "vm", "example"],
    default_args={"owner": "cloudmesh", "retries": 2, "retry_delay": timedelta(seconds=30)},
    deadline=DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=MOST,
        callback=AsyncCallback(too_slow, kwargs={"text": f"takes more than {MOST}"}),
    ),
    doc_md="""
    ### Boot on AWS and Azure

    The example to copy for work on several clouds: a VM on each at the same time, then a look
    at its state, then its deletion, which happens whatever became of the tasks before, on this
    cloud or on the other. Each cloud has a pool of its own, which bounds how many tasks work on
    it at once. A run that takes more than half an hour is told in the triggerer's log.
    """,
)
def aws_azure_boot():
    """Do the same on both clouds."""
    for cloud in ("aws", "azure"):
        on_one_cloud.override(group_id=cloud)(cloud)


@task_group
def on_one_cloud(cloud: str):
    """Boot, look, delete."""
    shared = {"pool": f"cloud_{cloud}"}
    with vm(cloud=cloud, lifetime=3600, shared=shared) as machines:
        CloudmeshVmStateSensor(
            task_id="status", names=machines, state="running", cloud=cloud, timeout=600
        )


aws_azure_boot()
