"""Runs when something was moved to one folder of Azure, and returns what it was told of it."""

from airflow.sdk import dag, task

from cloudmesh_airflow.assets import asset

NIGHTLY = asset("azure:stack ü/nightly")


@dag(schedule=NIGHTLY, is_paused_upon_creation=False)
def after_transfer():
    @task
    def told(triggering_asset_events=None) -> list[dict]:
        return [event.extra for event in triggering_asset_events[NIGHTLY]]

    told()


after_transfer()
