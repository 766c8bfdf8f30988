"""Virtual machines: how one comes to be, changes and goes."""

import uuid

import machine_checks
import network
from catalogue import SIZES
from state import LOCATION, State, now
from wire import Answer, ArmError, Call, Document

KIND = "microsoft.compute/virtualmachines"
TYPE = "Microsoft.Compute/virtualMachines"
# What an action makes of a VM: on its way, and in the end.
_POWER = {
    "start": ("starting", "running"),
    "restart": ("running", "running"),
    "deallocate": ("deallocating", "deallocated"),
    "poweroff": ("stopping", "stopped"),
}


def put(state: State, call: Call, identity: str, body: Document) -> Answer:
    """Make a VM, or change one."""
    old = state.find(identity)
    if old and call.headers.get("If-None-Match") == "*":
        raise ArmError(412, "PreconditionFailed", "The condition '*' in the If-None-Match header was not satisfied: the resource exists.")  # fmt: skip
    _refuse_busy(state, identity)
    if old:
        return _change(state, identity, old, body)
    properties = body.get("properties") or {}
    size = machine_checks.size(state, properties)
    image, login = (
        machine_checks.disk(state, identity, properties),
        machine_checks.login(properties),
    )
    nics = machine_checks.interfaces(state, identity, properties)
    if sum(SIZES[_vm_size(one)][0] for one in state.of(KIND)) + SIZES[size][0] > state.cores:
        raise ArmError(409, "OperationNotAllowed", f"Operation could not be completed as it results in exceeding approved Total Regional Cores quota. Additional details - Deployment Model: Resource Manager, Location: {LOCATION}, Current Limit: {state.cores}.")  # fmt: skip
    made, _ = state.put(identity, TYPE, body)
    made["properties"] |= {"vmId": str(uuid.uuid4()), "timeCreated": now()}
    made["properties"]["provisioningState"] = "Creating"
    made["properties"]["storageProfile"]["imageReference"] = image
    made["properties"]["osProfile"] = login
    made["power"], made["fault"] = "", None
    state.launches.append(made["name"])
    _make_disk(state, made)
    for nic in nics:
        nic["properties"]["virtualMachine"] = {"id": made["id"]}
    failure = state.failures.pop(0) if state.failures else None
    headers = state.begin(identity, lambda: _booted(state, made, failure), failure)
    return Answer(201, shown(made), headers)


def patch(state: State, identity: str, body: Document) -> Answer:
    """Change a VM: its size or its tags."""
    old = state.need(identity)
    _refuse_busy(state, identity)
    return _change(state, identity, old, body)


def act(state: State, call: Call, identity: str, action: str) -> Answer:
    """Start, restart, power off or deallocate a VM, or give its console."""
    machine = state.need(identity)
    if action == "retrievebootdiagnosticsdata":
        return _console(call, machine)
    if action not in _POWER:
        raise ArmError(404, "InvalidResource", f"No action '{action}' on virtual machines.")
    _refuse_busy(state, identity)
    if action == "restart" and machine["power"] != "running":
        raise ArmError(409, "OperationNotAllowed", f"Cannot modify extensions or restart VM '{machine['name']}' when it is not running.")  # fmt: skip
    before = machine["power"]
    machine["power"], end = _POWER[action]
    machine["properties"]["provisioningState"] = "Updating"
    failure = state.failures.pop(0) if state.failures and action == "start" else None

    def finish() -> None:
        machine["power"] = before if failure else end
        machine["fault"] = failure
        machine["properties"]["provisioningState"] = "Failed" if failure else "Succeeded"

    state.note(identity, f"{TYPE}/{action}/action")
    return Answer(202, None, state.begin(identity, finish, failure))


def delete(state: State, identity: str) -> Answer:
    """Delete a VM, and with it what is to go with it."""
    machine = state.find(identity)
    if not machine:
        return Answer(204)
    machine["properties"]["provisioningState"] = "Deleting"

    def finish() -> None:
        state.drop(identity)
        disk = machine["properties"]["storageProfile"]["osDisk"]
        stays = disk.get("deleteOption") != "Delete"
        held = state.find(disk["managedDisk"]["id"])
        if held and stays:
            held.pop("managedBy", None)
            held["properties"]["diskState"] = "Unattached"
        elif held:
            state.drop(held["id"])
        for one in machine_checks.given_nics(machine["properties"]):
            network.leave(state, one["id"], (one.get("properties") or {}).get("deleteOption"))

    return Answer(202, None, state.begin(identity, finish))


def shown(machine: Document, view: bool = False) -> Document:
    """Give a VM as Azure shows it."""
    body = {key: value for key, value in machine.items() if key not in ("power", "fault")}
    if view:
        body["properties"] = {**body["properties"], "instanceView": instance_view(machine)}
    return body


def instance_view(machine: Document) -> Document:
    """Say in which state a VM is."""
    state, fault = machine["properties"]["provisioningState"].lower(), machine["fault"]
    code = f"ProvisioningState/{state}" + (f"/{fault['code']}" if fault else "")
    status = {"code": code, "level": "Error" if fault else "Info", "time": now()}
    status["displayStatus"] = f"Provisioning {state}"
    statuses: list[Document] = [status | ({"message": fault["message"]} if fault else {})]
    if machine["power"]:
        power = machine["power"]
        text = f"VM {power}"
        statuses.append({"code": f"PowerState/{power}", "level": "Info", "displayStatus": text})
    return {"statuses": statuses}


def _booted(state: State, machine: Document, failure: Document | None) -> None:
    machine["fault"] = failure
    machine["properties"]["provisioningState"] = "Failed" if failure else "Succeeded"
    machine["power"] = "" if failure else "running"
    state.note(machine["id"], f"{TYPE}/write")


def _change(state: State, identity: str, old: Document, body: Document) -> Answer:
    properties = body.get("properties") or {}
    if properties.get("osProfile") and properties["osProfile"].get("adminUsername") != old[
        "properties"]["osProfile"]["adminUsername"]:  # fmt: skip
        raise ArmError(409, "PropertyChangeNotAllowed", "Changing property 'osProfile.adminUsername' is not allowed.")  # fmt: skip
    size = (
        machine_checks.size(state, properties)
        if properties.get("hardwareProfile")
        else _vm_size(old)
    )
    old["tags"] = body.get("tags", old.get("tags") or {})
    old["properties"]["provisioningState"] = "Updating"

    def finish() -> None:
        old["properties"]["provisioningState"] = "Succeeded"
        old["properties"]["hardwareProfile"]["vmSize"] = size

    return Answer(200, shown(old), state.begin(identity, finish))


def _refuse_busy(state: State, identity: str) -> None:
    if state.busy(identity):
        raise ArmError(409, "Conflict", "The request failed due to conflict with a concurrent request. To resolve it, please refer to https://aka.ms/activitylog to get more details on the conflicting requests.")  # fmt: skip


def _vm_size(machine: Document) -> str:
    return str(machine["properties"]["hardwareProfile"]["vmSize"])


def _make_disk(state: State, machine: Document) -> None:
    disk = machine["properties"]["storageProfile"]["osDisk"]
    identity = machine_checks.disk_id(machine["id"], disk["name"])
    properties = {"diskSizeGB": 30, "timeCreated": now(), "diskState": "Attached"}
    properties |= {"provisioningState": "Succeeded"}
    made = {"location": LOCATION, "managedBy": machine["id"], "properties": properties}
    disk["managedDisk"] = {**(disk.get("managedDisk") or {}), "id": identity}
    state.put(identity, "Microsoft.Compute/disks", made)


def _console(call: Call, machine: Document) -> Answer:
    diagnostics = machine["properties"].get("diagnosticsProfile") or {}
    if not (diagnostics.get("bootDiagnostics") or {}).get("enabled"):
        raise ArmError(409, "BootDiagnosticsDisabled", "Boot diagnostics is disabled for the VM.")
    place = f"{call.address}/console/{machine['properties']['vmId']}/serialconsole.log?sig=sandbox"
    return Answer(200, {"consoleScreenshotBlobUri": place, "serialConsoleLogBlobUri": place})
