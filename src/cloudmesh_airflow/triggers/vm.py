"""Waits in the triggerer until the inventory shows VMs in a state."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from cloudmesh_airflow import inventory
from cloudmesh_airflow.hooks.cloudmesh import CloudmeshHook


class CloudmeshVmStateTrigger(BaseTrigger):
    """Polls the inventory in MongoDB, with a login that may only read.

    Ends when every VM is in the state, or at a moment when the cloud should be asked. That is a
    point in time, not a span, so a triggerer that starts anew waits no longer for it.

    :param names: the VMs
    :param cloud: their cloud
    :param state: running, stopped or absent
    :param until: when to end in any case, in seconds since 1970
    :param deadline: when the task gives up, handed back to it with names and cloud
    :param poll_interval: seconds between two looks
    """

    def __init__(
        self,
        names: list[str],
        cloud: str,
        state: str,
        until: float,
        deadline: float,
        poll_interval: float,
        cloudmesh_conn_id: str,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names = names
        self.cloud = cloud
        self.state = state
        self.until = until
        self.deadline = deadline
        self.poll_interval = poll_interval
        self.cloudmesh_conn_id = cloudmesh_conn_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Give all that another triggerer needs to go on; no credential is among it."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "names": self.names,
                "cloud": self.cloud,
                "state": self.state,
                "until": self.until,
                "deadline": self.deadline,
                "poll_interval": self.poll_interval,
                "cloudmesh_conn_id": self.cloudmesh_conn_id,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until there is something to tell."""
        settings = await CloudmeshHook(self.cloudmesh_conn_id).asettings()
        told = ""
        while (left := self.until - time.time()) > 0:
            # First of all, because the cloud was asked just now.
            await asyncio.sleep(min(self.poll_interval, left))
            try:
                seen = await inventory.states(settings.server, self.cloud, self.names)
            except inventory.InventoryDown as error:
                # The cloud is asked later, so nothing is lost but time.
                if str(error) != told:
                    self.log.warning("%s", error)
                told = str(error)
            else:
                if all(states == {self.state} for states in seen.values()):
                    break
        told_back = {"names": self.names, "cloud": self.cloud, "deadline": self.deadline}
        yield TriggerEvent(told_back)  # type: ignore[no-untyped-call]
