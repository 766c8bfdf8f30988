"""Waits in the triggerer for files in a store."""

from airflow.sdk import Param, dag

from cloudmesh_airflow.sensors.files import CloudmeshFileSensor


@dag(schedule=None, params={"source": Param(type="string")})
def wait_for_file():
    CloudmeshFileSensor(
        task_id="wait", source="{{ params.source }}", poke_interval=10, timeout=3600
    )


wait_for_file()
