"""Networks, interfaces, public addresses and security groups."""

import ipaddress
import uuid
from collections.abc import Iterator

from state import State
from wire import Answer, ArmError, Call, Document

NETWORK = "microsoft.network/virtualnetworks"
INTERFACE = "microsoft.network/networkinterfaces"
ADDRESS = "microsoft.network/publicipaddresses"
GROUP = "microsoft.network/networksecuritygroups"
MODELS = {
    NETWORK: "network.VirtualNetwork",
    INTERFACE: "network.NetworkInterface",
    ADDRESS: "network.PublicIPAddress",
    GROUP: "network.NetworkSecurityGroup",
}
_TYPES = {
    NETWORK: "Microsoft.Network/virtualNetworks",
    INTERFACE: "Microsoft.Network/networkInterfaces",
    ADDRESS: "Microsoft.Network/publicIPAddresses",
    GROUP: "Microsoft.Network/networkSecurityGroups",
}
# Who may route this range is nobody (RFC 2544).
_PUBLIC = ipaddress.ip_network("198.18.0.0/15")


def put(state: State, call: Call, identity: str, kind: str, body: Document) -> Answer:
    """Make one of these, or change it."""
    old = state.find(identity)
    wanted = call.headers.get("If-Match")
    if wanted and (not old or wanted not in (old["etag"], "*")):
        raise ArmError(412, "PreconditionFailed", f"Precondition failed. Etag provided in if-match header {wanted} does not match etag of resource.")  # fmt: skip
    if old and state.busy(identity):
        raise ArmError(409, "AnotherOperationInProgress", f"Another operation on this or dependent resource is in progress. Resource: {identity}.")  # fmt: skip
    _CHECKS[kind](state, identity, old, body)
    made, new = state.put(identity, _TYPES[kind], body)
    made.setdefault("properties", {})["provisioningState"] = "Updating"

    def finish() -> None:
        made["properties"]["provisioningState"] = "Succeeded"

    return Answer(201 if new else 200, shown(state, made), state.begin(identity, finish))


def delete(state: State, identity: str, kind: str) -> Answer:
    """Delete one of these, unless it is used."""
    old = state.find(identity)
    if not old:
        return Answer(204)
    user = _user(state, old, kind)
    if user:
        code = {
            INTERFACE: "NicInUse",
            ADDRESS: "PublicIPAddressCannotBeDeleted",
            GROUP: "InUseNetworkSecurityGroupCannotBeDeleted",
            NETWORK: "InUseSubnetCannotBeDeleted",
        }[kind]
        raise ArmError(400, code, f"{old['id']} can not be deleted since it is still used by resource {user}.")  # fmt: skip
    old["properties"]["provisioningState"] = "Deleting"
    return Answer(202, None, state.begin(identity, lambda: state.drop(identity)))


def leave(state: State, identity: str, option: str | None) -> None:
    """Part an interface from its VM, which is gone; it goes too if it was to."""
    nic = state.find(identity)
    if not nic:
        return
    nic["properties"].pop("virtualMachine", None)
    if option != "Delete":
        return
    state.drop(identity)
    for entry in _configurations(nic):
        address = entry["properties"].get("publicIPAddress") or {}
        if (address.get("properties") or {}).get("deleteOption") == "Delete":
            state.drop(address["id"])


def shown(state: State, resource: Document) -> Document:
    """Give one of these as Azure shows it, with who uses it."""
    kind = resource["type"].lower()
    body = {**resource, "properties": {**resource["properties"]}}
    user = _user(state, resource, kind)
    if kind == ADDRESS and user:
        body["properties"]["ipConfiguration"] = {"id": user}
    return body


def subnet(state: State, identity: object) -> Document | None:
    """Look a subnet up by its id."""
    network, _, name = str(identity or "").rpartition("/subnets/")
    found = state.find(network)
    subnets = found["properties"].get("subnets") or [] if found else []
    return next((one for one in subnets if one["name"].lower() == name.lower()), None)


def _check_network(state: State, identity: str, _old: Document | None, body: Document) -> None:
    space = ((body.get("properties") or {}).get("addressSpace") or {}).get("addressPrefixes")
    if not space:
        raise ArmError(400, "InvalidRequestFormat", "Required property 'addressSpace' not found.")
    for one in body["properties"].get("subnets") or []:
        inside = _net(one["properties"].get("addressPrefix"))
        if not any(inside.subnet_of(_net(prefix)) for prefix in space):
            raise ArmError(400, "NetcfgInvalidSubnet", f"Subnet '{one['name']}' is not valid in virtual network '{identity.rpartition('/')[2]}'.")  # fmt: skip
        one["id"] = f"{identity}/subnets/{one['name']}"
        one["properties"]["provisioningState"] = "Succeeded"


def _check_interface(state: State, identity: str, old: Document | None, body: Document) -> None:
    entries = _configurations(body)
    if not entries:
        raise ArmError(400, "InvalidRequestFormat", "Required property 'ipConfigurations' not found.")  # fmt: skip
    for entry in entries:
        properties = entry["properties"]
        wanted = [properties.get("publicIPAddress"), body["properties"].get("networkSecurityGroup")]
        for reference in filter(None, wanted):
            _referenced(state, identity, reference.get("id"), state.find(reference.get("id")))
        place = properties.get("subnet") or {}
        found = subnet(state, place.get("id"))
        _referenced(state, identity, place.get("id"), found)
        _refuse_taken(state, identity, properties.get("publicIPAddress"))
        kept = _configurations(old)[0]["properties"] if old else {}
        address = kept.get("privateIPAddress") or _free(state, found or {})
        entry["properties"] = {**properties, "privateIPAddress": address}
    if old and old["properties"].get("virtualMachine"):
        body["properties"]["virtualMachine"] = old["properties"]["virtualMachine"]


def _check_address(state: State, _identity: str, old: Document | None, body: Document) -> None:
    properties = body.setdefault("properties", {})
    if (body.get("sku") or {}).get("name", "Basic") != "Standard":
        raise ArmError(400, "IPv4BasicSkuPublicIpCountLimitReached", "Cannot create more than 0 IPv4 Basic SKU public IP addresses for this subscription in this region.")  # fmt: skip
    if properties.get("publicIPAllocationMethod") != "Static":
        raise ArmError(400, "StandardSkuPublicIPAddressesMustBeStatic", "Standard sku publicIp must have AllocationMethod set to Static.")  # fmt: skip
    there = sum(1 for _ in state.of(ADDRESS))
    if not old and there >= state.addresses:
        raise ArmError(400, "PublicIPCountLimitReached", f"Cannot create more than {state.addresses} public IP addresses for this subscription in this region.")  # fmt: skip
    fresh = str(_PUBLIC[next(state.numbers)])
    properties["ipAddress"] = old["properties"]["ipAddress"] if old else fresh


def _check_group(_state: State, identity: str, _old: Document | None, body: Document) -> None:
    taken: set[tuple[str, int]] = set()
    for rule in (body.setdefault("properties", {})).setdefault("securityRules", []):
        properties = rule.get("properties") or {}
        priority = properties.get("priority")
        if not isinstance(priority, int) or not 100 <= priority <= 4096:
            raise ArmError(400, "SecurityRuleInvalidPriority", f"Security rule {rule.get('name')} has invalid Priority. Value provided: {priority} Allowed range 100-4096.")  # fmt: skip
        if (properties.get("direction"), priority) in taken:
            raise ArmError(400, "SecurityRuleConflict", f"Security rule {rule.get('name')} conflicts with another rule. Rules cannot have the same Priority and Direction.")  # fmt: skip
        taken.add((str(properties.get("direction")), priority))
        for key in ("protocol", "access", "direction", "sourceAddressPrefix", "sourcePortRange",
                    "destinationAddressPrefix", "destinationPortRange"):  # fmt: skip
            if not properties.get(key):
                raise ArmError(400, "SecurityRuleParameterMissing", f"Security rule {rule.get('name')}: required property '{key}' not found.")  # fmt: skip
        rule["id"], rule["etag"] = f"{identity}/securityRules/{rule.get('name')}", str(uuid.uuid4())


_CHECKS = {
    NETWORK: _check_network,
    INTERFACE: _check_interface,
    ADDRESS: _check_address,
    GROUP: _check_group,
}


def _configurations(nic: Document) -> list[Document]:
    return list((nic.get("properties") or {}).get("ipConfigurations") or [])


def _referenced(state: State, identity: str, wanted: object, found: Document | None) -> None:
    if not found:
        raise ArmError(400, "InvalidResourceReference", f"Resource {wanted} referenced by resource {identity} was not found. Please make sure that the referenced resource exists, and that both resources are in the same region.")  # fmt: skip
    if state.busy(str(wanted).split("/subnets/")[0]):
        raise ArmError(429, "ReferencedResourceNotProvisioned", f"Cannot proceed with operation because resource {wanted} used by resource {identity} is not in Succeeded state.")  # fmt: skip


def _refuse_taken(state: State, identity: str, address: Document | None) -> None:
    for nic in state.of(INTERFACE) if address else ():
        if nic["id"].lower() != identity.lower() and address and _has(nic, address["id"]):
            raise ArmError(400, "PublicIPAddressInUse", f"Resource {identity} is referencing public IP address {address['id']} that is already allocated to resource {nic['id']}.")  # fmt: skip


def _has(nic: Document, address: str) -> bool:
    found = (entry["properties"].get("publicIPAddress") for entry in _configurations(nic))
    return any(str(one["id"]).lower() == address.lower() for one in found if one)


def _user(state: State, resource: Document, kind: str) -> str:
    return next(_users(state, resource, kind), "")


def _users(state: State, resource: Document, kind: str) -> Iterator[str]:
    identity = resource["id"].lower()
    if kind == INTERFACE and resource["properties"].get("virtualMachine"):
        yield str(resource["properties"]["virtualMachine"]["id"])
    for nic in state.of(INTERFACE) if kind != INTERFACE else ():
        group = nic["properties"].get("networkSecurityGroup") or {}
        if kind == GROUP and str(group.get("id")).lower() == identity:
            yield str(nic["id"])
        for entry in _configurations(nic):
            place = str(entry["properties"]["subnet"]["id"]).lower()
            if kind == ADDRESS and _has(nic, identity):
                yield f"{nic['id']}/ipConfigurations/{entry['name']}"
            if kind == NETWORK and place.startswith(f"{identity}/"):
                yield str(nic["id"])


def _net(text: object) -> ipaddress.IPv4Network:
    try:
        return ipaddress.IPv4Network(str(text))
    except ValueError as error:
        raise ArmError(400, "InvalidAddressPrefixFormat", f"Address prefix {text} is no valid CIDR.") from error  # fmt: skip


def _free(state: State, place: Document) -> str:
    taken = {
        entry["properties"]["privateIPAddress"]
        for nic in state.of(INTERFACE)
        for entry in _configurations(nic)
    }
    # Azure keeps the first four for itself.
    hosts = [*_net(place["properties"]["addressPrefix"]).hosts()][3:]
    return next(str(one) for one in hosts if str(one) not in taken)
