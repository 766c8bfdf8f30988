"""Tells how many files and bytes are in each store, and in each folder of it."""

from datetime import timedelta

from airflow.sdk import Param, dag, task

LONGEST = timedelta(hours=2)


@dag(
    schedule=None,
    catchup=False,
    # It runs only when somebody asks: by its form or over REST.
    is_paused_upon_creation=False,
    tags=["cloudmesh", "files"],
    default_args={"owner": "cloudmesh", "retries": 2, "retry_delay": timedelta(seconds=30)},
    params={
        "stores": Param(
            "",
            type="string",
            pattern=r"^(\w[^:]*)?$",
            title="Stores",
            description="As aws,azure; empty: all that are filled in in cloudmesh.yaml",
        ),
        "path": Param(
            "",
            type="string",
            title="Folder",
            description="As runs/2026, in each of the stores; empty: all there is",
        ),
    },
    doc_md="""
    ### What is in the stores

    Counts files and bytes of each store as a whole and of each folder directly in it. The log has
    them as a table, the XCom as records. A store that does not answer, or whose bucket does
    not exist, makes the run red; the table then has the others.
    """,
)
def storage_report():
    """One command."""

    @task(execution_timeout=LONGEST, pool="transfers")
    def measure(params: dict) -> list[dict]:
        from cloudmesh_airflow import stores

        timeout = (LONGEST - timedelta(minutes=1)).total_seconds()
        return stores.measure(params["stores"], params["path"], timeout)

    measure()


storage_report()
