"""Reports every week how long VMs ran, and what that cost."""

from datetime import timedelta

from airflow.sdk import Param, dag

from cloudmesh_airflow.operators.cloudmesh import CloudmeshCommandOperator


@dag(
    schedule="0 6 * * mon",
    catchup=False,
    max_active_runs=1,
    tags=["cloudmesh", "vm"],
    default_args={"owner": "cloudmesh", "retries": 3, "retry_delay": timedelta(seconds=60)},
    params={
        "days": Param(7, type="integer", minimum=1, maximum=90, title="Days"),
        "by": Param(
            "cloud,dag,owner",
            type="string",
            pattern=r"^[a-z]+(,[a-z]+)*$",
            title="A line for each",
            description="Any of cloud, dag, run, owner, group, name, flavor",
        ),
    },
    doc_md="""
    ### VM hours and cost

    Every Monday morning, once you switch it on: how many VMs ran in the last days, how long, and
    what that cost by the prices that are known then. The table stands in the log of the task
    `show`, the numbers are what the task `report` returns. `prices` asks AWS and Azure for theirs
    first, where they are no sandbox; if it fails, the prices of before count.
    """,
)
def fleet_report():
    """Prices first; then the same twice, for people and for programs."""
    refresh = ["fleet", "prices", "--refresh", "--output=csv"]
    prices = CloudmeshCommandOperator(task_id="prices", command=refresh)
    command = ["fleet", "report", "--days={{ params.days }}", "--by={{ params.by }}"]
    show = CloudmeshCommandOperator(task_id="show", command=command, trigger_rule="all_done")
    report = CloudmeshCommandOperator(
        task_id="report",
        command=[*command, "--output=json"],
        parse_json=True,
        trigger_rule="all_done",
    )
    prices >> [show, report]


fleet_report()
