"""Copies what is new in S3 to Azure Blob Storage, every night."""

from datetime import timedelta

from airflow.sdk import Param, dag, task

from cloudmesh_airflow.operators.files import CloudmeshTransferOperator

# What the nightly run moves: a folder, or everything if empty.
PREFIX = ""


@dag(
    schedule="0 3 * * *",
    catchup=False,
    max_active_runs=1,
    tags=["cloudmesh", "files"],
    default_args={"owner": "cloudmesh", "retries": 3, "retry_delay": timedelta(minutes=5)},
    params={
        "prefix": Param(
            PREFIX,
            type="string",
            pattern=r"^[^*?\[]*$",
            title="Prefix",
            description="A folder, as runs/2026; empty: all there is. It keeps its name.",
        ),
        "s3": Param("aws", type="string", pattern=r"^\w[^:]*$", title="S3 service"),
        "azure": Param("azure", type="string", pattern=r"^\w[^:]*$", title="Azure service"),
        "delete": Param(
            False,
            type="boolean",
            title="Delete",
            description="Delete in Azure what S3 does not have",
        ),
        "verify": Param(
            "store",
            type="string",
            enum=["store", "read"],
            title="Verify",
            description="read reads everything back as well",
        ),
    },
    doc_md="""
    ### S3 to Azure

    Every night at three (UTC), once you switch it on: moves to Azure what S3 has and Azure has
    not, each file checked by its SHA-256. What is there already costs no byte. A run that was
    interrupted goes on where it ended. The run is skipped, and the log of `ready` says why, while
    one of the two stores is not filled in in `cloudmesh.yaml`.

    For the nightly run of one folder copy the file, and write it to `PREFIX`. Other DAGs can be
    scheduled on what arrived: `schedule=asset("azure:")`, or `asset("azure:runs")` with a prefix.
    """,
)
def s3_to_azure():
    """Look whether both stores are there, then move."""

    @task
    def ready(params: dict) -> None:
        from cloudmesh_airflow.stores import skip_unless_ready

        skip_unless_ready(params["s3"], params["azure"])

    move = CloudmeshTransferOperator(
        task_id="move",
        source="{{ params.s3 }}:{{ params.prefix }}",
        target="{{ params.azure }}:{{ params.prefix }}",
        delete="{{ params.delete }}",
        verify="{{ params.verify }}",
        pool="transfers",
    )
    ready() >> move


s3_to_azure()
