"""The verbs of `cms vm` that only look: at the inventory, or at the cloud."""

import sys

from cloudmesh_engine import clouds, hostkeys
from cloudmesh_engine.clouds import Driver, Machine
from cloudmesh_engine.commands.vm_request import COLUMNS, VmRequest, unknown
from cloudmesh_engine.errors import EngineError
from cloudmesh_engine.ledger import Document, document, now

_SHORT = ("cloud", "name", "status", "public_ips")
_CONSOLE = ("cloud", "name", "console")
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
    machines, errors = seen(request)
    request.show([document(machine) for machine in machines])
    request.fail_clouds(errors)


def seen(request: VmRequest) -> tuple[list[Machine], list[EngineError]]:
    """Ask the clouds about the VMs that are named, or about all of ours, and note the answer."""
    chosen = request.given_clouds or [request.cloud()]
    if not request.names:
        found, errors = request.on_clouds(
            chosen, lambda cloud: _refresh(request, request.driver(cloud))
        )
        return [machine for machines in found.values() for machine in machines], errors
    opened, errors = request.on_clouds(chosen, request.driver)

    def one(name: str) -> list[Machine]:
        machines = [machine for driver in opened.values() for machine in driver.find(name)]
        coming = [] if machines else [m for d in opened.values() for m in request.coming(d, name)]
        if coming:
            return coming
        machines = machines or request.owned(next(iter(opened.values())), name)
        if not request.dryrun:
            for machine in machines:
                request.ledger.record(machine)
        return machines

    machines, more = request.gather(request.names if opened else [], one)
    return machines, errors + more


def known(request: VmRequest) -> tuple[list[Document], list[EngineError]]:
    """Give what the inventory holds of the VMs that are named, or of all."""
    chosen = request.given_clouds
    foreign, errors = _ask_all(request, chosen)
    records = [
        record
        for cloud in chosen or clouds.known(request.settings)
        for record in [*request.ledger.inventory(cloud), *foreign.get(cloud, [])]
        if request.arguments["--group"] in (None, record["cm"].get("group"))
    ]
    names = request.names
    there = {str(record[key]) for record in records for key in ("name", "_id")}
    if names:
        records = [record for record in records if {record["name"], record["_id"]} & {*names}]
        errors += [unknown(name, "any cloud") for name in names if name not in there]
    return records, errors


def _list(request: VmRequest, columns: tuple[str, ...]) -> None:
    records, errors = known(request)
    request.show(records, columns)
    request.fail_clouds(errors)


def console(request: VmRequest) -> None:
    """Print what a VM wrote to its console."""
    driver, machine = request.machine()
    text = driver.console_output(machine)
    if not text:
        note = "wrote nothing to its console yet: clouds take minutes"
        print(f"cms: note: {machine.name} {note}", file=sys.stderr)
    elif request.output == "table":
        sys.stdout.write(request.settings.redact(text))
        return
    record = {"cloud": machine.cloud, "name": machine.name, "console": text}
    request.show([record] if text else [], _CONSOLE)


def _ask_all(
    request: VmRequest, chosen: list[str]
) -> tuple[dict[str, list[Document]], list[EngineError]]:
    """Heal the inventory if that is asked for, and give what else the clouds hold."""
    if not (request.arguments["--refresh"] or request.arguments["--all"]):
        return {}, []

    def work(cloud: str) -> list[Document]:
        driver = request.driver(cloud)
        _refresh(request, driver)
        every = driver.list_foreign() if request.arguments["--all"] else []
        return [_foreign(machine) for machine in every]

    return request.on_clouds(chosen or clouds.supported(request.settings), work)


def _foreign(machine: Machine) -> Document:
    owner = f"{_FOREIGN} ({machine.owner})" if machine.owner else _FOREIGN
    return {**document(machine), "owner": owner}


def _refresh(request: VmRequest, driver: Driver) -> list[Machine]:
    began, pinned = now(), hostkeys.known(driver.cloud)
    machines = driver.list_owned()
    if not request.dryrun:
        request.ledger.heal(driver.cloud, machines, began)
        hostkeys.forget_others(driver.cloud, pinned, [machine.id for machine in machines])
    return machines
