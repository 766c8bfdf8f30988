"""The sensor that waits for VMs to be in a state."""

from collections.abc import Sequence
from typing import Any

from cloudmesh_airflow import arguments, deferral
from cloudmesh_airflow.failures import BadArgument
from cloudmesh_airflow.inventory import ABSENT, by_name
from cloudmesh_airflow.sensors.deferring import DeferringSensor

STATES = ("running", "stopped", ABSENT)


class CloudmeshVmStateSensor(DeferringSensor):
    """Waits until VMs are in a state, without holding a worker's slot.

    Asks the cloud, then waits in the triggerer, which watches the inventory; what that shows is
    verified with the cloud, which is also asked every `poke_interval` seconds.

    :param names: the VMs, as `web1,db`, a list, or what the boot task returned
    :param state: running, stopped or absent
    :param cloud: the cloud; the connection's or the default one of cloudmesh.yaml if empty
    :param poll_interval: seconds between two looks at the inventory
    """

    template_fields: Sequence[str] = ("names", "state", "cloud", "cloudmesh_conn_id")

    def __init__(
        self,
        *,
        names: Any,
        state: str = "running",
        cloud: str = "",
        poll_interval: float = 5,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.names = names
        self.state = state
        self.cloud = cloud
        self.poll_interval = poll_interval
        self._asked_cloud = ""

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

    def waiting(self, deadline: float) -> dict[str, Any]:
        """Watch the inventory until the cloud has to be asked."""
        return deferral.wait(
            arguments.some_names(self.names),
            self._asked_cloud,
            self.state,
            pause=self.poke_interval,
            deadline=deadline,
            poll_interval=self.poll_interval,
            cloudmesh_conn_id=self.cloudmesh_conn_id,
        )

    def missed(self, within: str) -> str:
        """Say what did not come to pass."""
        return f"not {self.state} {within}: {self.names}"

    def _default_cloud(self) -> str:
        """Give the cloud that `cms` asks when none is named: the trigger has to know it."""
        return self.hook.run(["config", "value", "default.cloud"]).stdout.strip()
