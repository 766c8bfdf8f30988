"""Notes what is in a folder of a store, for the page Clouds and the REST API."""

from datetime import timedelta

from airflow.sdk import Param, dag

from cloudmesh_airflow.operators.cloudmesh import CloudmeshCommandOperator


@dag(
    schedule=None,
    catchup=False,
    # It runs only when somebody asks: by its form, on the page Clouds or over REST.
    is_paused_upon_creation=False,
    tags=["cloudmesh", "files"],
    default_args={"owner": "cloudmesh", "retries": 1, "retry_delay": timedelta(seconds=5)},
    params={
        "service": Param(
            "aws",
            type="string",
            pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$",
            title="Service",
            description="A storage service of cloudmesh.yaml",
        ),
        "path": Param(
            "",
            type="string",
            title="Folder",
            description="As runs/2026/; empty is all of the store",
        ),
    },
    doc_md="""
    ### List a folder

    Looks into one folder of a store, and notes up to 1,000 of its names in MongoDB. The page
    Clouds and the REST API show that, because the web server has no login to any store.
    """,
)
def storage_listing():
    """One command."""
    CloudmeshCommandOperator(
        task_id="look",
        command=["storage", "record", "{{ params.service }}:{{ params.path }}", "--output=json"],
        parse_json=True,
        pool="clouds",
    )


storage_listing()
