"""Moves a file, a folder or what matches a glob from any store to any store."""

from datetime import timedelta

from airflow.sdk import Param, dag

from cloudmesh_airflow.operators.files import CloudmeshTransferOperator

PLACE = r"^[A-Za-z0-9_][^:]*:.*$"


@dag(
    schedule=None,
    catchup=False,
    # It runs only when somebody asks: by its form or over REST.
    is_paused_upon_creation=False,
    tags=["cloudmesh", "files"],
    default_args={"owner": "cloudmesh", "retries": 3, "retry_delay": timedelta(seconds=30)},
    params={
        "source": Param(
            type="string",
            pattern=PLACE,
            title="Source",
            description="SERVICE:PATH, as aws:runs/one.csv, aws:runs or aws:logs/**/*.gz",
        ),
        "target": Param(
            type="string",
            pattern=PLACE,
            title="Target",
            description="SERVICE:PATH, a name for one file, otherwise a folder",
        ),
        "include": Param("", type="string", title="Only names like", description="As *.csv"),
        "exclude": Param("", type="string", title="No names like", description="As tmp*"),
        "delete": Param(
            False,
            type="boolean",
            title="Delete",
            description="Delete at the target what the source does not have",
        ),
        "verify": Param(
            "store",
            type="string",
            enum=["store", "read"],
            title="Verify",
            description="read reads everything back as well",
        ),
        "bwlimit": Param(
            "",
            type="string",
            pattern=r"^(\d+(\.\d+)?[KMG]?)?$",
            title="Bytes a second",
            description="As 500K or 10M; empty: no limit",
        ),
        "dryrun": Param(
            False, type="boolean", title="Dry run", description="Say what would be moved"
        ),
    },
    doc_md="""
    ### Move files

    Moves one file, a folder with all that is in it, or what matches a glob, and ends when every
    byte has arrived: each file is checked by its SHA-256. What is there already is not moved
    again, so a run that was killed or cleared goes on where it ended. The services are those of
    `cms storage config list`. The source keeps its files.

    The task's XCom is the report. Other DAGs can be scheduled on the target's asset.
    """,
)
def move_file():
    """One command."""
    CloudmeshTransferOperator(
        task_id="move",
        source="{{ params.source }}",
        target="{{ params.target }}",
        include="{{ params.include }}",
        exclude="{{ params.exclude }}",
        delete="{{ params.delete }}",
        verify="{{ params.verify }}",
        bwlimit="{{ params.bwlimit }}",
        dryrun="{{ params.dryrun }}",
        pool="transfers",
    )


move_file()
