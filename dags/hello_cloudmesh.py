"""The first DAG: proves that Airflow, the worker, `cms` and MongoDB work together."""

from datetime import timedelta

from airflow.sdk import dag, task

KEY = "hello-cloudmesh"


@dag(
    schedule=None,
    catchup=False,
    tags=["cloudmesh", "example"],
    default_args={"owner": "cloudmesh", "retries": 1, "retry_delay": timedelta(seconds=5)},
    doc_md="""
    ### Hello, Cloudmesh

    Asks `cms` for its version, adds the appliance's public key to Cloudmesh under
    the name `hello-cloudmesh`, lists the keys and checks that this one is among
    them. Every step goes scheduler → Redis → worker → `cms` → MongoDB. Run it as
    often as you like: adding a key that is already there changes nothing.
    """,
)
def hello_cloudmesh():
    """Version, key add, key list, check."""

    @task
    def greet() -> str:
        from cloudmesh_airflow.runner import run_cms

        run_cms(["banner", "Hello, Cloudmesh"])
        return run_cms(["version"]).stdout

    @task
    def add_key() -> None:
        from cloudmesh_airflow.runner import run_cms

        run_cms(["key", "add", KEY, "--source=ssh"])

    @task
    def list_keys() -> list[dict]:
        from cloudmesh_airflow.runner import run_cms

        return run_cms(["key", "list", "--output=json"]).json()

    @task
    def check(keys: list[dict]) -> None:
        names = sorted(key["name"] for key in keys)
        if KEY not in names:
            raise ValueError(f"key {KEY!r} is not in MongoDB, which holds {names}")
        print(f"MongoDB holds {len(names)} keys: {', '.join(names)}")

    listed = list_keys()
    greet() >> add_key() >> listed
    check(listed)


hello_cloudmesh()
