"""Deletes the VMs that you name."""

from datetime import timedelta

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Param, TriggerRule, dag, task

from cloudmesh_airflow import choices
from cloudmesh_airflow.operators.vm import CloudmeshVmDeleteOperator

PROPOSED = choices.load()
# To delete more VMs than this at once needs a person's approval.
UNASKED = 5


@dag(
    schedule=None,
    catchup=False,
    # It runs only when somebody asks: by its form, on the page Clouds or over REST.
    is_paused_upon_creation=False,
    tags=["cloudmesh", "vm"],
    default_args={"owner": "cloudmesh", "retries": 3, "retry_delay": timedelta(seconds=60)},
    params={
        "names": Param(
            type="string",
            minLength=1,
            examples=list(PROPOSED.names),
            title="VMs",
            description="As web, web1,db or web[1-5]",
        ),
        "cloud": Param("aws", type="string", examples=list(PROPOSED.clouds), title="Cloud"),
    },
    doc_md=f"""
    ### Delete VMs

    Deletes the VMs and ends when the cloud says that they are gone. What this appliance did not
    boot is refused. To delete more than {UNASKED} at once waits a day for somebody to approve it,
    below *Required Actions*; nothing is deleted if nobody does.
    """,
)
def vm_delete():
    """Name them, have it approved if they are many, delete them."""

    @task
    def names(params: dict) -> list[str]:
        from cloudmesh_airflow.arguments import some_names

        return some_names(params["names"])

    @task.branch
    def are_many(named: list[str]) -> str:
        return "approve" if len(named) > UNASKED else "delete"

    named = names()
    approve = ApprovalOperator(
        task_id="approve",
        subject="Delete {{ ti.xcom_pull(task_ids='names') | length }} VMs?",
        body="{{ ti.xcom_pull(task_ids='names') | join(', ') }} on {{ params.cloud }}",
        ignore_downstream_trigger_rules=True,
        response_timeout=timedelta(days=1),
    )
    delete = CloudmeshVmDeleteOperator(
        task_id="delete",
        names=named,
        cloud="{{ params.cloud }}",
        pool="clouds",
        trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
    )
    many = are_many(named)
    many >> [approve, delete]
    approve >> delete


vm_delete()
