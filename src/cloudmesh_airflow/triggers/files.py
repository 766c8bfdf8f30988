"""Waits in the triggerer until it is time to look for files again."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent


class CloudmeshPauseTrigger(BaseTrigger):
    """Waits for a moment, and looks at nothing.

    Only `cms` knows the stores, it runs in workers, and no database tells what is in a store. So
    this only keeps the time, without Airflow's own trigger's line in the log for every second.

    :param until: when to end, in seconds since 1970
    :param deadline: when the sensor gives up, handed back to it with the event
    """

    def __init__(self, until: float, deadline: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.until = until
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Give all that another triggerer needs to go on."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {"until": self.until, "deadline": self.deadline},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait."""
        # In steps, because the clock may be set meanwhile.
        while (left := self.until - time.time()) > 0:
            await asyncio.sleep(min(left, 60))
        yield TriggerEvent({"deadline": self.deadline})  # type: ignore[no-untyped-call]
