"""Routes of clouds and VMs."""

from collections import Counter

from fastapi import APIRouter, HTTPException, Response

from cloudmesh_airflow import choices
from cloudmesh_airflow.api import models
from cloudmesh_airflow.api.acting import JOB, started, starts
from cloudmesh_airflow.api.jobs import JobsDep, Key, Wait
from cloudmesh_airflow.api.models import (
    BootOrder,
    Cloud,
    CloudCount,
    JobDetails,
    Limit,
    Name,
    Offset,
    Search,
    SnoozeOrder,
    Vm,
    VmPage,
    vm,
)
from cloudmesh_airflow.api.problems import documented
from cloudmesh_airflow.api.rights import LOOK
from cloudmesh_airflow.api.sharing import CommonRoute
from cloudmesh_airflow.api.snapshot import Snapshot, SnapshotDep
from cloudmesh_airflow.inventory import Record

router = APIRouter(tags=["Machines"], route_class=CommonRoute)


@router.get("/clouds", dependencies=[LOOK], responses=documented(503))
async def clouds(snapshot: SnapshotDep) -> list[CloudCount]:
    """List the clouds: those that the forms propose, and those with VMs in the inventory."""
    found: dict[str, list[Record]] = {name: [] for name in choices.CLOUDS}
    for record in await snapshot.vms():
        found.setdefault(record["cloud"], []).append(record)
    return [_counted(name, records) for name, records in sorted(found.items())]


@router.get("/vms", dependencies=[LOOK], responses=documented(503))
async def vms(
    snapshot: SnapshotDep,
    limit: Limit = 100,
    offset: Offset = 0,
    cloud: Search = "",
    state: Search = "",
    name: Search = "",
    run: Search = "",
) -> VmPage:
    """List VMs: of a cloud, in a state, whose name has a text in it, that a run booted."""
    found = [
        record
        for record in await snapshot.vms()
        if (not cloud or record["cloud"] == cloud)
        and (not state or models.state(record) == state)
        and name.lower() in str(record["name"]).lower()
        and (not run or record.get("run") == run)
    ]
    items = [vm(record) for record in found[offset : offset + limit]]
    return VmPage(items=items, total=len(found), limit=limit, offset=offset)


@router.get("/vms/{cloud}/{name}", dependencies=[LOOK], responses=documented(404, 503))
async def one_vm(snapshot: SnapshotDep, cloud: str, name: str) -> Vm:
    """Describe a VM."""
    return vm(await _known(snapshot, cloud, name))


@router.post("/vms", dependencies=starts("vm_boot"), **JOB)
async def boot(
    order: BootOrder, jobs: JobsDep, response: Response, key: Key = None, wait: Wait = 0
) -> JobDetails:
    """Boot VMs."""
    return await started(jobs, response, "vm_boot", order.model_dump(), key, wait)


@router.delete("/vms/{cloud}/{name}", dependencies=starts("vm_delete"), **JOB)
async def delete(
    cloud: Cloud,
    name: Name,
    snapshot: SnapshotDep,
    jobs: JobsDep,
    response: Response,
    key: Key = None,
    wait: Wait = 0,
) -> JobDetails:
    """Delete a VM."""
    await _known_or_begun(snapshot, cloud, name, key)
    parameters = {"names": name, "cloud": cloud}
    return await started(jobs, response, "vm_delete", parameters, key, wait)


@router.post("/vms/{cloud}/{name}/snooze", dependencies=starts("vm_snooze"), **JOB)
async def snooze(
    cloud: Cloud,
    name: Name,
    order: SnoozeOrder,
    snapshot: SnapshotDep,
    jobs: JobsDep,
    response: Response,
    key: Key = None,
    wait: Wait = 0,
) -> JobDetails:
    """Let a VM run longer than its office hours."""
    await _known(snapshot, cloud, name)
    parameters = {"names": name, "cloud": cloud, "until": order.until}
    return await started(jobs, response, "vm_snooze", parameters, key, wait)


def _power(action: str, text: str) -> None:
    """Add the route of an action that needs no more than a VM."""

    async def act(
        cloud: Cloud,
        name: Name,
        snapshot: SnapshotDep,
        jobs: JobsDep,
        response: Response,
        key: Key = None,
        wait: Wait = 0,
    ) -> JobDetails:
        await _known(snapshot, cloud, name)
        parameters = {"action": action, "names": name, "cloud": cloud}
        return await started(jobs, response, "vm_power", parameters, key, wait)

    route = router.post(
        f"/vms/{{cloud}}/{{name}}/{action}", dependencies=starts("vm_power"), summary=text, **JOB
    )
    act.__name__ = action
    route(act)


_power("start", "Start a VM")
_power("stop", "Stop a VM")
_power("reboot", "Reboot a VM")


async def _known_or_begun(snapshot: Snapshot, cloud: str, name: str, key: str | None) -> None:
    """Refuse a VM that is not there, unless a repeated request may have deleted it."""
    if not key:
        await _known(snapshot, cloud, name)


def _counted(name: str, records: list[Record]) -> CloudCount:
    """Count the VMs of a cloud. No model is made of each, which takes 20 ms for a thousand."""
    costs = [models.cost(record) for record in records]
    return CloudCount(
        name=name,
        vms=len(records),
        states=dict(Counter(map(models.state, records))),
        cost_per_hour=round(sum(one or 0 for one in costs), 4),
        unpriced=costs.count(None),
    )


async def _known(snapshot: Snapshot, cloud: str, name: str) -> Record:
    for record in await snapshot.vms():
        if record["cloud"] == cloud and record["name"] == name:
            return record
    raise HTTPException(404, f"the inventory has no VM {name!r} on {cloud!r}")
