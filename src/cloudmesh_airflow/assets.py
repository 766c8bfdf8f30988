"""The assets of finished transfers, on which other DAGs can be scheduled.

DAG(…, schedule=asset("azure:runs"))    what was moved to azure:runs
DAG(…, schedule=TRANSFERS)              whatever was moved
"""

from urllib.parse import quote

from airflow.sdk import Asset, AssetAlias

from cloudmesh_airflow import arguments

TRANSFERS = AssetAlias("cloudmesh-transfers")


def asset(place: str) -> Asset:
    """Give the asset of a place, as `azure:runs/2026`.

    It names the service and not its bucket, which only cloudmesh.yaml knows, and no credential.
    """
    service, path = arguments.place(place)
    # As cms reads it: one leading slash says nothing, and neither does the last one.
    path = path.removeprefix("./").removeprefix("/").rstrip("/")
    return Asset(f"cloudmesh://{quote(service, safe='')}/{quote(path)}")
