"""Which part of the fake answers a call, and what is answered the same way for many types."""

from typing import Any

import catalogue
import checks
import compute
import machine_checks
import network
from state import LOCATION, State, now
from wire import Answer, ArmError, Call, Document, Place

_DISK, _IMAGE = "microsoft.compute/disks", "microsoft.compute/images"
_KEY = "microsoft.compute/sshpublickeys"
_MODELS = {
    compute.KIND: "compute.VirtualMachine",
    _KEY: "compute.SshPublicKeyResource",
    **network.MODELS,
}


def answer(state: State, call: Call, place: Place) -> Answer:
    """Answer a call whose login was found good."""
    tags = "/providers/microsoft.resources/tags/" in call.path.lower()
    checks.version(call, "microsoft.resources/tags" if tags else place.kind)
    if state.throttled:
        raise ArmError(429, "TooManyRequests", "The request is being throttled as the limit has been reached.", Retry_After=str(state.throttled.pop()))  # fmt: skip
    if tags:
        return _tags(state, call)
    match place.kind:
        case "resourcegroups":
            return _group(state, call, place)
        case "microsoft.compute/skus":
            return catalogue.skus(state, call)
        case "microsoft.insights/eventtypes":
            return _events(state, call)
        case "microsoft.compute/locations" | "microsoft.network/locations":
            if place.names[1:2] == ["operations"]:
                return _operation(state, place.names[2])
            return catalogue.answer(state, call, place.names)
    if place.kind not in (*_MODELS, _DISK, _IMAGE):
        raise ArmError(404, "InvalidResourceType", f"The resource type '{place.kind}' could not be found in the namespace.")  # fmt: skip
    if place.group:
        state.group(place.group)
    if not place.names:
        return Answer(200, {"value": [_shown(state, one) for one in state.of(place.kind, place.group)]})  # fmt: skip
    return _resource(state, call, place)


def _resource(state: State, call: Call, place: Place) -> Answer:
    """Answer what is asked of one resource, or of what is below it."""
    identity = "/".join(call.path.split("/")[:9])
    machine = place.kind == compute.KIND
    below = [word.lower() for word in place.names[1:]]
    if call.method == "GET" and place.kind == network.NETWORK and below[:1] == ["subnets"]:
        state.need(identity)
        return _found(network.subnet(state, call.path), call.path)
    if call.method == "GET" and machine and below == ["instanceview"]:
        return Answer(200, compute.instance_view(state.need(identity)))
    if call.method == "POST" and machine and len(below) == 1:
        return compute.act(state, call, identity, below[0])
    if below:
        raise ArmError(404, "InvalidResource", f"Nothing is known of '{'/'.join(below)}' here.")
    match call.method:
        case "GET":
            view = call.query.get("$expand", "").lower() == "instanceview"
            return Answer(200, _shown(state, state.need(identity), view))
        case "PUT" if place.kind in _MODELS:
            return _put(state, call, identity, place)
        case "PATCH" if machine:
            checks.members(call.body, "compute.VirtualMachineUpdate")
            checks.tags(call.body.get("tags") or {})
            return compute.patch(state, identity, call.body)
        case "DELETE":
            return _delete(state, identity, place.kind)
    raise ArmError(405, "MethodNotAllowed", f"{call.method} is not for '{place.kind}' here.")


def _put(state: State, call: Call, identity: str, place: Place) -> Answer:
    body = call.body
    checks.name(place.kind, place.name)
    checks.members(body, _MODELS[place.kind])
    checks.location(body)
    checks.tags(body.get("tags") or {})
    if place.kind == compute.KIND:
        return compute.put(state, call, identity, body)
    if place.kind in network.MODELS:
        return network.put(state, call, identity, place.kind, body)
    line = str((body.get("properties") or {}).get("publicKey") or "")
    machine_checks.check_key(line, "publicKey")
    made, new = state.put(identity, "Microsoft.Compute/sshPublicKeys", body)
    return Answer(201 if new else 200, made)


def _delete(state: State, identity: str, kind: str) -> Answer:
    if kind == compute.KIND:
        return compute.delete(state, identity)
    if kind in network.MODELS:
        return network.delete(state, identity, kind)
    found = state.find(identity)
    if found and found.get("managedBy"):
        raise ArmError(409, "OperationNotAllowed", f"Disk {found['name']} is attached to VM {found['managedBy']}.")  # fmt: skip
    state.drop(identity)
    return Answer(200 if found else 204)


def _group(state: State, call: Call, place: Place) -> Answer:
    """Answer what is asked of resource groups."""
    if not place.names:
        return Answer(200, {"value": [*state.groups.values()]})
    name = place.name
    if call.method == "GET":
        return Answer(200, state.group(name))
    if call.method == "PUT":
        checks.name("resourcegroups", name)
        checks.location(call.body)
        checks.tags(call.body.get("tags") or {})
        old = state.groups.get(name.lower())
        made = {
            "id": f"/subscriptions/{place.subscription}/resourceGroups/{name}",
            "name": name,
            "type": "Microsoft.Resources/resourceGroups",
            "location": LOCATION,
            "tags": call.body.get("tags") or {},
            "properties": {"provisioningState": "Succeeded"},
        }
        state.groups[name.lower()] = made
        return Answer(200 if old else 201, made)
    if call.method != "DELETE":
        raise ArmError(405, "MethodNotAllowed", f"{call.method} is not for resource groups.")
    identity = str(state.group(name)["id"]).lower()

    def finish() -> None:
        state.groups.pop(name.lower(), None)
        for one in [key for key in state.resources if key.startswith(f"{identity}/")]:
            state.drop(one)

    return Answer(202, None, state.begin(identity, finish))


def _tags(state: State, call: Call) -> Answer:
    """Merge tags into those of a resource, or take some away."""
    identity = call.path[: call.path.lower().index("/providers/microsoft.resources/tags/")]
    resource = state.need(identity)
    change = call.body
    wanted = (change.get("properties") or {}).get("tags") or {}
    tags: dict[str, Any] = dict(resource.get("tags") or {})
    if call.method != "PATCH" or change.get("operation") not in ("Merge", "Replace", "Delete"):
        raise ArmError(400, "InvalidTagsOperation", "Give the operation Merge, Replace or Delete.")
    if change["operation"] == "Delete":
        tags = {key: one for key, one in tags.items() if wanted.get(key, one + ".") not in (one, "")}  # fmt: skip
    else:
        tags = {**(tags if change["operation"] == "Merge" else {}), **wanted}
    checks.tags(tags)
    resource["tags"] = tags
    return Answer(200, {"id": f"{identity}/providers/Microsoft.Resources/tags/default", "name": "default", "type": "Microsoft.Resources/tags", "properties": {"tags": tags}})  # fmt: skip


def _operation(state: State, identity: str) -> Answer:
    """Say how far an operation is."""
    operation = state.operations.get(identity)
    if not operation:
        raise ArmError(404, "NotFound", f"The operation {identity} was not found.")
    body: Document = {"name": identity, "status": operation.status, "startTime": now()}
    return Answer(200, body | ({"error": operation.error} if operation.status == "Failed" else {}))


def _events(state: State, call: Call) -> Answer:
    """Give the activity log of one resource."""
    wanted = call.query.get("$filter", "")
    if "eventTimestamp ge '" not in wanted:
        raise ArmError(400, "BadRequest", "The $filter must have a start time: eventTimestamp ge 'TIME'.")  # fmt: skip
    found = [
        {"eventTimestamp": one.time, "resourceId": one.resource,
         "operationName": {"value": one.operation}, "status": {"value": one.status}}
        for one in reversed(state.events)
        if f"resourceUri eq '{one.resource}'".lower() in wanted.lower()
    ]  # fmt: skip
    return Answer(200, {"value": found})


def _found(resource: Document | None, path: str) -> Answer:
    if not resource:
        raise ArmError(404, "NotFound", f"Resource {path} not found.")
    return Answer(200, resource)


def _shown(state: State, resource: Document, view: bool = False) -> Document:
    kind = str(resource["type"]).lower()
    if kind == compute.KIND:
        return compute.shown(resource, view)
    return network.shown(state, resource) if kind in network.MODELS else resource
