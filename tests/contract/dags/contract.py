"""One DAG for each operator; a run's configuration says what it works on."""

import os
from datetime import datetime, timedelta

from airflow.sdk import DAG, Param, dag, task

from cloudmesh_airflow.lifespan import vm
from cloudmesh_airflow.operators.cloudmesh import CloudmeshCommandOperator
from cloudmesh_airflow.operators.files import (
    CloudmeshListFilesOperator,
    CloudmeshTransferOperator,
)
from cloudmesh_airflow.operators.ssh import CloudmeshSshOperator
from cloudmesh_airflow.operators.vm import (
    CloudmeshVmBootOperator,
    CloudmeshVmDeleteOperator,
    CloudmeshVmListOperator,
    CloudmeshVmStartOperator,
    CloudmeshVmStopOperator,
)
from cloudmesh_airflow.sensors.files import CloudmeshFileSensor
from cloudmesh_airflow.sensors.vm import CloudmeshVmStateSensor

MOST = float(os.environ.get("CONTRACT_MOST") or 120)
NAMES = "{{ params['names'] }}"
CLOUD = "{{ params['cloud'] }}"
SINGLE = {
    "boot": lambda: CloudmeshVmBootOperator(task_id="do", names=NAMES, n="{{ params['n'] }}"),
    "boot_on": lambda: CloudmeshVmBootOperator(task_id="do", cloud=CLOUD, skip_unsupported=True),
    "boot_deferred": lambda: CloudmeshVmBootOperator(
        task_id="do", names=NAMES, n="{{ params['n'] }}", deferrable=True
    ),
    "boot_hasty": lambda: CloudmeshVmBootOperator(
        task_id="do", names=NAMES, deferrable=True, wait_timeout=0
    ),
    "ssh": lambda: CloudmeshSshOperator(
        task_id="do", names=NAMES, command="{{ params['command'] }}"
    ),
    "ssh_file": lambda: CloudmeshSshOperator(task_id="do", names=NAMES, command="count.sh"),
    "start": lambda: CloudmeshVmStartOperator(task_id="do", names=NAMES),
    "stop": lambda: CloudmeshVmStopOperator(task_id="do", names=NAMES),
    "delete": lambda: CloudmeshVmDeleteOperator(task_id="do", names=NAMES),
    "delete_known": lambda: CloudmeshVmDeleteOperator(task_id="do", names=NAMES, missing_ok=False),
    "list": lambda: CloudmeshVmListOperator(task_id="do", refresh=True),
    "command": lambda: CloudmeshCommandOperator(
        task_id="do", command=["vm", "list", "--refresh", "--output=json"], parse_json=True
    ),
    "wait": lambda: CloudmeshVmStateSensor(
        task_id="do", names=NAMES, state="{{ params['state'] }}", poke_interval=1,
        poll_interval=0.2, timeout=3,
    ),
    "wait_long": lambda: CloudmeshVmStateSensor(
        task_id="do", names=NAMES, state="{{ params['state'] }}", poke_interval=600,
        poll_interval=0.2, timeout=600,
    ),
    "move": lambda: CloudmeshTransferOperator(
        task_id="do", source="{{ params['source'] }}", target="{{ params['target'] }}",
        include="{{ params['include'] }}", dryrun="{{ params['dryrun'] }}",
        command_timeout=MOST,
    ),
    "move_again": lambda: CloudmeshTransferOperator(
        task_id="do", source="{{ params['source'] }}", target="{{ params['target'] }}",
        retries=1, retry_delay=timedelta(0),
    ),
    "list_files": lambda: CloudmeshListFilesOperator(task_id="do", source="{{ params['source'] }}"),
    "list_some": lambda: CloudmeshListFilesOperator(
        task_id="do", source="{{ params['source'] }}", missing_ok=True
    ),
    "await_files": lambda: CloudmeshFileSensor(
        task_id="do", source="{{ params['source'] }}", at_least="{{ params['n'] }}",
        poke_interval=0.5, timeout=MOST,
    ),
}  # fmt: skip
FORM = {
    "names": Param("", type="string"),
    "n": Param(1, type="integer"),
    "cloud": Param("", type="string"),
    "state": Param("running", type="string"),
    "command": Param("", type="string"),
    "fail": Param(False, type="boolean"),
    "source": Param("", type="string"),
    "target": Param("", type="string"),
    "include": Param("", type="string"),
    "dryrun": Param(False, type="boolean"),
}

for name, make in SINGLE.items():
    with DAG(name, schedule=None, start_date=datetime(2026, 1, 1), params=FORM):
        make()


@dag(schedule=None, start_date=datetime(2026, 1, 1), params=FORM)
def decorated():
    @task.cms(parse_json=True)
    def do(params: dict) -> list[str]:
        return ["vm", "status", params["names"], "--output=json"]

    do()


@dag(schedule=None, start_date=datetime(2026, 1, 1), params=FORM)
def lifespan():
    with vm("m", n=2) as machines:

        @task
        def work(vms: list[dict], params: dict) -> list[str]:
            if params["fail"]:
                raise ValueError("as asked")
            return [one["status"] for one in vms]

        work(machines)


decorated()
lifespan()
