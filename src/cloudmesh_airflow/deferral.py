"""Builds what a task says when it leaves its worker until it is time to ask again."""

import time
from datetime import timedelta
from typing import Any

# How long a task waits more than it wants to, for a triggerer that does not run.
_GRACE = 600


def wait(
    names: list[str],
    cloud: str,
    state: str,
    *,
    pause: float,
    deadline: float,
    cloudmesh_conn_id: str,
    poll_interval: float = 5,
) -> dict[str, Any]:
    """Give the arguments of `defer` while VMs are on their way to a state.

    :param pause: seconds until the cloud is to be asked, unless the inventory shows the state
    :param deadline: when the task gives up, in seconds since 1970
    :param poll_interval: seconds between two looks at the inventory
    """
    from cloudmesh_airflow.triggers.vm import CloudmeshVmStateTrigger

    trigger = CloudmeshVmStateTrigger(
        names=names,
        cloud=cloud,
        state=state,
        until=min(time.time() + pause, deadline),
        deadline=deadline,
        poll_interval=poll_interval,
        cloudmesh_conn_id=cloudmesh_conn_id,
    )
    return _arguments(trigger, deadline)


def pause(seconds: float, deadline: float) -> dict[str, Any]:
    """Give the arguments of `defer` where only the clock tells when to ask again.

    :param deadline: when the task gives up, in seconds since 1970
    """
    from cloudmesh_airflow.triggers.files import CloudmeshPauseTrigger

    until = min(time.time() + seconds, deadline)
    return _arguments(CloudmeshPauseTrigger(until=until, deadline=deadline), deadline)


def _arguments(trigger: Any, deadline: float) -> dict[str, Any]:
    """The trigger's event goes to the task's `execute_complete`."""
    timeout = timedelta(seconds=deadline - time.time() + _GRACE)
    return {"trigger": trigger, "method_name": "execute_complete", "timeout": timeout}
