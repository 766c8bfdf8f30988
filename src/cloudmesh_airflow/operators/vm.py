"""Operators that boot, start, stop, delete and list VMs; each may be repeated at any time."""

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk.configuration import conf

from cloudmesh_airflow import arguments, deferral
from cloudmesh_airflow.failures import NotInTime, VmFailed
from cloudmesh_airflow.links import CloudmeshVmLink
from cloudmesh_airflow.operators.cloudmesh import CloudmeshOperator

# Until a deferred boot asks the cloud: half of the time gone by, but within these bounds.
_FIRST_PAUSE, _LONGEST_PAUSE = 10, 60


class CloudmeshVmBootOperator(CloudmeshOperator):
    """Boots VMs, and ends when they run.

    Returns one record for each VM: name, cloud, status, addresses and more. A VM that is there
    is adopted, so a retried or cleared task ends with the same VMs.

    With `deferrable` the task leaves the worker when the cloud has the VMs, and comes back after
    10 s, then after longer pauses, to ask the cloud whether they run. It comes back at once when
    the inventory shows that they do, because somebody else has asked.

    :param names: the VMs, as `web[1-3],db` or a list; without names they are made of the DAG,
        the run, the task and its map index, so that every run has its own
    :param n: how many VMs, when `names` is one name or none
    :param cloud: the cloud; the connection's or the default one of cloudmesh.yaml if empty
    :param image: id or name of the image; the cloud's default one if empty
    :param flavor: the flavor; the cloud's default one if empty
    :param key: name of the ssh key; the default one of cloudmesh.yaml if empty
    :param deadline: when the VMs may be deleted, in ISO 8601
    :param lifetime: or how long after the task began, in seconds or as a timedelta
    :param options: further options of `cms vm boot`, as `{"group": "lab", "public": True}`
    :param deferrable: wait in the triggerer until the VMs run; False waits in the worker. As
        Airflow's `[operators] default_deferrable` says, which the appliance sets to True
    :param wait_timeout: with `deferrable`, seconds that the VMs may take until they run; then the
        task fails, and its next try finds them
    """

    template_fields: Sequence[str] = (
        "names",
        "n",
        "cloud",
        "image",
        "flavor",
        "key",
        "deadline",
        "lifetime",
        "options",
        "cloudmesh_conn_id",
    )
    verb = "boot"
    ui_color = "#c8f0d0"
    operator_extra_links = (CloudmeshVmLink(),)

    def __init__(
        self,
        *,
        names: Any = None,
        n: int | str = 1,
        cloud: str = "",
        image: str = "",
        flavor: str = "",
        key: str = "",
        deadline: str = "",
        lifetime: timedelta | float | None = None,
        options: dict[str, Any] | None = None,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        wait_timeout: float = 900,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.names = names
        self.n = n
        self.cloud = cloud
        self.image = image
        self.flavor = flavor
        self.key = key
        self.deadline = deadline
        self.lifetime = lifetime
        self.options = options
        self.deferrable = deferrable
        self.wait_timeout = wait_timeout

    def execute(self, context: Any) -> list[dict[str, Any]]:
        """Boot the VMs, or adopt those that are there."""
        ti = context["ti"]
        names = arguments.names_of(self.names or [])
        if not names:
            names = [arguments.default_name(ti.dag_id, ti.run_id, ti.task_id, ti.map_index)]
        if len(names) == 1:
            names = arguments.numbered(names[0], arguments.count(self.n))
        records = self.records(
            arguments.vm(
                "boot",
                name=",".join(names),
                cloud=self.cloud or self.hook.settings.cloud,
                image=self.image,
                flavor=self.flavor,
                key=self.key,
                run=arguments.run_of(ti.dag_id, ti.run_id),
                deadline=arguments.deadline(self.deadline, self.lifetime),
                **{"nowait": self.deferrable, **(self.options or {})},
            )
        )
        if not self.deferrable:
            return records
        return self._running(records, time.time() + self.wait_timeout)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> list[dict[str, Any]]:
        """Ask the cloud after the trigger has ended, and defer again unless all VMs run.

        :param event: what the trigger was given: names, cloud, deadline
        """
        words = arguments.vm("status", event["names"], cloud=event["cloud"])
        return self._running(self.records(words), float(event["deadline"]))

    def _running(self, records: list[dict[str, Any]], deadline: float) -> list[dict[str, Any]]:
        """Give the records if all VMs run, else defer."""
        told = [f"{vm['name']} is {vm['status']}" for vm in records if vm["status"] != "running"]
        if not told:
            return records
        failed = [vm for vm in records if vm["status"] == "failed"]
        if failed:
            why = "; ".join(f"{vm['name']}: {vm.get('fault') or 'no reason'}" for vm in failed)
            raise VmFailed(f"boot: failed, says the cloud: {why}: the next try replaces it")
        left = deadline - time.time()
        if left <= 0:
            late = f"after {self.wait_timeout:g} s {', '.join(told)}"
            raise NotInTime(f"boot: {late}: look with cms vm status, then try again")
        names, cloud = [str(vm["name"]) for vm in records], str(records[0]["cloud"])
        self.log.info("%s: waiting in the triggerer", ", ".join(told))
        self.defer(
            **deferral.wait(
                names,
                cloud,
                "running",
                pause=min(max(_FIRST_PAUSE, (self.wait_timeout - left) / 2), _LONGEST_PAUSE),
                deadline=deadline,
                cloudmesh_conn_id=self.cloudmesh_conn_id,
            )
        )


class _NamedVmOperator(CloudmeshOperator):
    """What the operators share that act on VMs which are there."""

    verb = ""
    template_fields: Sequence[str] = ("names", "cloud", "cloudmesh_conn_id")
    operator_extra_links = (CloudmeshVmLink(),)

    def __init__(self, *, names: Any, cloud: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.names = names
        self.cloud = cloud

    def _options(self) -> dict[str, Any]:
        return {}

    def execute(self, context: Any) -> list[dict[str, Any]]:
        """Act on the VMs."""
        names = arguments.some_names(self.names)
        cloud = self.cloud or self.hook.settings.cloud
        return self.records(arguments.vm(self.verb, names, cloud=cloud, **self._options()))


class CloudmeshVmStartOperator(_NamedVmOperator):
    """Starts VMs, and ends when they run. One that runs is left alone.

    Returns one record for each VM.

    :param names: the VMs, as `web[1-3],db`, a list, or what the boot task returned
    :param cloud: the cloud; the connection's or the default one of cloudmesh.yaml if empty
    """

    verb = "start"
    ui_color = "#c8f0d0"


class CloudmeshVmStopOperator(_NamedVmOperator):
    """Stops VMs, and ends when they are stopped. One that is stopped is left alone.

    Returns one record for each VM.

    :param names: the VMs, as `web[1-3],db`, a list, or what the boot task returned
    :param cloud: the cloud; the connection's or the default one of cloudmesh.yaml if empty
    """

    verb = "stop"
    ui_color = "#f6e7c1"


class CloudmeshVmDeleteOperator(_NamedVmOperator):
    """Deletes VMs, and ends when the cloud says that they are gone.

    Returns one record for each VM that was there. What this appliance did not boot is refused.

    :param names: the VMs, as `web[1-3],db`, a list, or what the boot task returned
    :param cloud: the cloud; the connection's or the default one of cloudmesh.yaml if empty
    :param missing_ok: a VM that is not there is as good as deleted; False makes it an error
    """

    verb = "delete"
    ui_color = "#f3c9c9"

    def __init__(self, *, missing_ok: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.missing_ok = missing_ok

    def _options(self) -> dict[str, Any]:
        return {"missing_ok": self.missing_ok}


class CloudmeshVmListOperator(CloudmeshOperator):
    """Lists VMs from the inventory, or with `refresh` as the cloud says.

    Returns one record for each VM.

    :param cloud: the clouds, with commas; all if empty
    :param refresh: ask the clouds, and make the inventory what they say
    """

    template_fields: Sequence[str] = ("cloud", "refresh", "cloudmesh_conn_id")

    def __init__(self, *, cloud: str = "", refresh: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cloud = cloud
        self.refresh = refresh

    def execute(self, context: Any) -> list[dict[str, Any]]:
        """List the VMs."""
        return self.records(arguments.vm("list", cloud=self.cloud, refresh=self.refresh))
