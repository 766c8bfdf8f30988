"""The sensor that waits for VMs to be in a state."""

import time
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from airflow.sdk import BaseSensorOperator
from airflow.sdk.exceptions import AirflowSensorTimeout, AirflowSkipException

from cloudmesh_airflow import arguments, deferral
from cloudmesh_airflow.failures import BadArgument, PauseLonger
from cloudmesh_airflow.hooks.cloudmesh import CloudmeshHook
from cloudmesh_airflow.inventory import ABSENT, by_name

STATES = ("running", "stopped", ABSENT)


class CloudmeshVmStateSensor(BaseSensorOperator):
    """Waits until VMs are in a state, without holding a worker's slot.

    Asks the cloud, then waits in the triggerer, which watches the inventory; what that shows is
    verified with the cloud, which is also asked every `poke_interval` seconds.

    :param names: the VMs, as `web1,db`, a list, or what the boot task returned
    :param state: running, stopped or absent
    :param cloud: the cloud; the connection's or the default one of cloudmesh.yaml if empty
    :param poll_interval: seconds between two looks at the inventory
    :param deferrable: False waits in the worker, and asks the cloud only
    :param cloudmesh_conn_id: the connection, of type `cloudmesh`
    """

    template_fields: Sequence[str] = ("names", "state", "cloud", "cloudmesh_conn_id")
    ui_color = "#e6e0f8"

    def __init__(
        self,
        *,
        names: Any,
        state: str = "running",
        cloud: str = "",
        poll_interval: float = 5,
        deferrable: bool = True,
        cloudmesh_conn_id: str = CloudmeshHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("retry_policy", PauseLonger())
        super().__init__(**kwargs)
        self.names = names
        self.state = state
        self.cloud = cloud
        self.poll_interval = poll_interval
        self.deferrable = deferrable
        self.cloudmesh_conn_id = cloudmesh_conn_id
        self._asked_cloud = ""

    @cached_property
    def hook(self) -> CloudmeshHook:
        """The hook of the connection."""
        return CloudmeshHook(self.cloudmesh_conn_id)

    def execute(self, context: Any) -> None:
        """Ask the cloud, and defer unless it is so."""
        if not self.deferrable:
            super().execute(context)
        else:
            self.execute_complete(context, {"deadline": time.time() + self.timeout})

    def execute_complete(self, context: Any, event: dict[str, Any]) -> None:
        """Ask the cloud after the trigger has ended, and defer again unless it is so.

        :param event: when to give up, as `deadline` in seconds since 1970
        """
        if self.poke(context):
            return
        deadline = float(event["deadline"])
        if time.time() >= deadline:
            self._give_up()
        self.defer(
            **deferral.wait(
                arguments.some_names(self.names),
                self._asked_cloud,
                self.state,
                pause=self.poke_interval,
                deadline=deadline,
                poll_interval=self.poll_interval,
                cloudmesh_conn_id=self.cloudmesh_conn_id,
            )
        )

    def poke(self, context: Any) -> bool:
        """Ask the cloud whether all VMs are in the state."""
        if self.state not in STATES:
            raise BadArgument(f"state: {self.state!r}: use {', '.join(STATES)}")
        names = arguments.some_names(self.names)
        cloud = self.cloud or self.hook.settings.cloud
        # All of them: to ask for a VM that is not there would be an error.
        records = self.hook.records(arguments.vm("status", cloud=cloud))
        seen = by_name(records, names)
        self._asked_cloud = str(records[0]["cloud"]) if records else cloud or self._default_cloud()
        waiting = {name: sorted(found) for name, found in seen.items() if found != {self.state}}
        for name, found in waiting.items():
            self.log.info("%s is %s, not yet %s", name, " and ".join(found), self.state)
        return not waiting

    def _default_cloud(self) -> str:
        """Give the cloud that `cms` asks when none is named: the trigger has to know it."""
        return self.hook.run(["config", "value", "default.cloud"]).stdout.strip()

    def _give_up(self) -> None:
        text = f"not {self.state} within {self.timeout:g} s: {self.names}"
        raise (AirflowSkipException if self.soft_fail else AirflowSensorTimeout)(text)
