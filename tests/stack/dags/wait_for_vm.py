"""Waits in the triggerer for a VM; the cloud itself is asked again after an hour only."""

from airflow.sdk import Param, dag

from cloudmesh_airflow.sensors.vm import CloudmeshVmStateSensor


@dag(schedule=None, params={"name": Param(type="string")})
def wait_for_vm():
    CloudmeshVmStateSensor(
        task_id="wait", names="{{ params.name }}", poll_interval=1, poke_interval=3600, timeout=7200
    )


wait_for_vm()
