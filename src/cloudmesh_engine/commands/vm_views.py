"""The verbs of `cms vm` that only look: at the inventory, or at the cloud."""

from collections.abc import Callable

from cloudmesh_engine import causes, clouds
from cloudmesh_engine.clouds import Driver, Machine
from cloudmesh_engine.commands.vm_request import COLUMNS, VmRequest, owned, unknown
from cloudmesh_engine.errors import ActionFailed, EngineError
from cloudmesh_engine.ledger import Document, document, now

_SHORT = ("cloud", "name", "status", "public_ips")
_ADDRESSES = ("cloud", "name", "public_ips", "private_ips")
_FOREIGN = "foreign"


def list_machines(request: VmRequest) -> None:
    """List the inventory, of all clouds unless told otherwise."""
    columns = _SHORT if request.arguments["--short"] else COLUMNS
    _list(request, (*columns, "owner") if request.arguments["--all"] else columns)


def show_addresses(request: VmRequest) -> None:
    """List the addresses of VMs."""
    _list(request, _ADDRESSES)


def look(request: VmRequest) -> None:
    """Ask the cloud about VMs, all of ours unless some are named."""
    _look(request, lambda machine: None)


def check(request: VmRequest) -> None:
    """Ask the cloud about VMs, and fail unless they run."""

    def verify(machine: Machine) -> None:
        if machine.state != "running":
            hint = f"use cms vm start {machine.name}"
            raise ActionFailed(f"{machine.name} on {machine.cloud} is {machine.state}: {hint}")

    _look(request, verify)


def _list(request: VmRequest, columns: tuple[str, ...]) -> None:
    chosen = request.given_clouds
    foreign, errors = _ask_all(request, chosen)
    records = [
        record
        for cloud in chosen or clouds.known(request.settings)
        for record in [*request.ledger.inventory(cloud), *foreign.get(cloud, [])]
        if request.arguments["--group"] in (None, record["cm"].get("group"))
    ]
    names = request.names
    seen = {str(record[key]) for record in records for key in ("name", "_id")}
    if names:
        records = [record for record in records if {record["name"], record["_id"]} & {*names}]
        errors += [unknown(name, "any cloud") for name in names if name not in seen]
    request.show(records, columns)
    request.fail(errors)


def _ask_all(
    request: VmRequest, chosen: list[str]
) -> tuple[dict[str, list[Document]], list[EngineError]]:
    """Heal the inventory if that is asked for, and give what else the clouds hold."""
    foreign: dict[str, list[Document]] = {}
    errors: list[EngineError] = []
    if not (request.arguments["--refresh"] or request.arguments["--all"]):
        return foreign, errors
    for cloud in chosen or clouds.supported(request.settings):
        try:
            driver = request.driver(cloud)
            _refresh(request, driver)
            if request.arguments["--all"]:
                foreign[cloud] = [_foreign(machine) for machine in driver.list_foreign()]
        except Exception as error:
            errors.append(causes.explain("vm", error, request.settings))
    return foreign, errors


def _foreign(machine: Machine) -> Document:
    owner = f"{_FOREIGN} ({machine.owner})" if machine.owner else _FOREIGN
    return {**document(machine), "owner": owner}


def _refresh(request: VmRequest, driver: Driver) -> list[Machine]:
    began = now()
    machines = driver.list_owned()
    if not request.dryrun:
        request.ledger.heal(driver.cloud, machines, began)
    return machines


def _look(request: VmRequest, verify: Callable[[Machine], None]) -> None:
    opened = {cloud: request.driver(cloud) for cloud in request.given_clouds or [request.cloud()]}

    def one(name: str) -> list[Document]:
        machines = [machine for driver in opened.values() for machine in driver.find(name)]
        for machine in machines or owned(next(iter(opened.values())), name):
            if not request.dryrun:
                request.ledger.record(machine)
            verify(machine)
        return [document(machine) for machine in machines]

    def whole(cloud: str) -> list[Document]:
        machines = _refresh(request, opened[cloud])
        for machine in machines:
            verify(machine)
        return [document(machine) for machine in machines]

    if request.names:
        request.each(request.names, one)
    else:
        request.each(opened, whole)
