"""What sensors share that ask `cms` in a worker and wait for the next time in the triggerer."""

import time
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from airflow.sdk import BaseSensorOperator, PokeReturnValue
from airflow.sdk.exceptions import AirflowSensorTimeout, AirflowSkipException

from cloudmesh_airflow.failures import PauseLonger
from cloudmesh_airflow.hooks.cloudmesh import CloudmeshHook


class DeferringSensor(BaseSensorOperator):
    """Asks, and holds no worker's slot until it asks again; not for DAGs.

    :param deferrable: False waits in the worker
    :param cloudmesh_conn_id: the connection, of type `cloudmesh`
    """

    ui_color = "#e6e0f8"
    template_fields: Sequence[str] = ("cloudmesh_conn_id",)

    def __init__(
        self,
        *,
        deferrable: bool = True,
        cloudmesh_conn_id: str = CloudmeshHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("retry_policy", PauseLonger())
        super().__init__(**kwargs)
        self.deferrable = deferrable
        self.cloudmesh_conn_id = cloudmesh_conn_id

    @cached_property
    def hook(self) -> CloudmeshHook:
        """The hook of the connection."""
        return CloudmeshHook(self.cloudmesh_conn_id)

    def execute(self, context: Any) -> Any:
        """Ask, and defer unless it is so."""
        if not self.deferrable:
            return super().execute(context)
        return self.execute_complete(context, {"deadline": time.time() + self.timeout})

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        """Ask after the trigger has ended, and defer again unless it is so.

        :param event: when to give up, as `deadline` in seconds since 1970
        """
        answer = self.poke(context)
        if answer:
            return answer.xcom_value if isinstance(answer, PokeReturnValue) else None
        deadline = float(event["deadline"])
        if time.time() >= deadline:
            self._give_up()
        self.defer(**self.waiting(deadline))

    def waiting(self, deadline: float) -> dict[str, Any]:
        """Give the arguments of `defer` that let it wait until it has to ask again.

        :param deadline: to be handed back with the event, in seconds since 1970
        """
        raise NotImplementedError

    def missed(self, within: str) -> str:
        """Say what did not come to pass.

        :param within: as `within 60 s`
        """
        raise NotImplementedError

    def _give_up(self) -> None:
        text = self.missed(f"within {self.timeout:g} s")
        raise (AirflowSkipException if self.soft_fail else AirflowSensorTimeout)(text)
