"""`with vm(...) as m:` — VMs that live as long as the tasks in the block, whatever happens."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from airflow.sdk import BaseOperator, XComArg, task

from cloudmesh_airflow import arguments
from cloudmesh_airflow.operators.vm import CloudmeshVmBootOperator, CloudmeshVmDeleteOperator

if TYPE_CHECKING:
    from airflow.sdk.definitions.xcom_arg import PlainXComArg


@contextmanager
def vm(
    task_id: str = "vm",
    *,
    n: int = 1,
    cloud: str = "",
    shared: dict[str, Any] | None = None,
    **boot: Any,
) -> Iterator[XComArg]:
    """Boot VMs before the tasks in the block and delete them after, whatever became of those.

    The VMs are deleted also when only some of them came up. The block gets what the boot task
    returns: one record for each VM.

    :param task_id: the first part of the three tasks' ids
    :param n: how many VMs
    :param cloud: the cloud; the connection's or the default one of cloudmesh.yaml if empty
    :param shared: parameters of both the boot and the delete task, as `{"pool": "cloud_aws"}`
    :param boot: further parameters of CloudmeshVmBootOperator
    """
    both = {"cloud": cloud, **(shared or {})}

    @task(task_id=f"{task_id}_names")
    def name(count: int, ti: Any = None) -> list[str]:
        own = arguments.default_name(ti.dag_id, ti.run_id, ti.task_id, ti.map_index)
        return arguments.numbered(own, count)

    # A teardown runs when one of its setups succeeded: naming always does, booting may not.
    names = name(n)
    naming = cast("BaseOperator", cast("PlainXComArg", names).operator)
    booted = CloudmeshVmBootOperator(task_id=f"{task_id}_boot", names=names, **both, **boot)
    deleted = CloudmeshVmDeleteOperator(
        task_id=f"{task_id}_delete",
        names=names,
        retries=5,
        # What an interrupted boot made may stay invisible for two minutes.
        retry_delay=timedelta(seconds=60),
        **both,
    )
    with deleted.as_teardown(setups=[naming, booted], on_failure_fail_dagrun=True):
        yield booted.output
