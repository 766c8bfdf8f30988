"""OpenStack: Nova's description of a server, in our words."""

import ipaddress
from typing import Any

from cloudmesh_engine.clouds import BROKEN, CHANGING, NAME_TAG, Machine
from cloudmesh_engine.clouds.openstack_errors import hint

# What is on its way says task_state, and what it is says status.
_TASKS = {
    "deleting": "shutting-down",
    "soft-deleting": "shutting-down",
    "powering-off": "stopping",
    "powering-on": "pending",
}
_STATES = {
    "ACTIVE": "running",
    "BUILD": "pending",
    "REBUILD": "pending",
    "REBOOT": "pending",
    "HARD_REBOOT": "pending",
    "RESIZE": "pending",
    "REVERT_RESIZE": "pending",
    "MIGRATING": "pending",
    "PASSWORD": "running",
    "RESCUE": "running",
    "SHUTOFF": "stopped",
    "PAUSED": "stopped",
    "SUSPENDED": "stopped",
    "SHELVED": "stopped",
    "SHELVED_OFFLOADED": "stopped",
    "DELETED": "terminated",
    "SOFT_DELETED": "terminated",
    "ERROR": BROKEN,
}
RESIZING, RESIZED, POWERED = "RESIZE", "VERIFY_RESIZE", 1


def describe(cloud: str, server: Any) -> Machine:
    """Give a server as our machine."""
    tags = {str(key): str(value) for key, value in (server.metadata or {}).items()}
    public, private = _addresses(server.addresses or {})
    image = server.image
    return Machine(
        cloud=cloud,
        name=tags.get(NAME_TAG) or str(server.name),
        id=str(server.id),
        state=state(server),
        flavor=_flavor(server),
        image=str(getattr(image, "id", "") or ""),
        key=str(server.key_name or ""),
        public_ips=public,
        private_ips=private,
        launched=str(server.created_at or ""),
        tags=tags,
        created=str(server.created_at or ""),
        fault=_fault(server),
    )


def state(server: Any) -> str:
    """Give the state of a server in our words."""
    if server.status == "ERROR" and server.task_state not in ("deleting", "soft-deleting"):
        return BROKEN
    if server.task_state in _TASKS:
        return _TASKS[server.task_state]
    if server.status == RESIZED:
        return "running" if server.power_state == POWERED else "stopped"
    if server.status == RESIZING and server.vm_state == "stopped":
        # It stays stopped, and is not yet to be touched.
        return "stopping"
    return _STATES.get(str(server.status), "pending")


def _flavor(server: Any) -> str:
    # Before its version 2.47 Nova tells a flavor's id only.
    flavor = server.flavor
    name = str(getattr(flavor, "original_name", "") or getattr(flavor, "id", "") or "")
    # So that a resize which was interrupted is seen as not done.
    return name + CHANGING if server.status in (RESIZING, RESIZED) else name


def _fault(server: Any) -> str:
    fault = server.fault or {}
    message = " ".join(str(fault.get("message") or "").split()).rstrip(": .")
    return message + hint(message)


def _addresses(networks: dict[str, list[dict[str, Any]]]) -> tuple[list[str], list[str]]:
    public: list[str] = []
    private: list[str] = []
    for entry in (entry for entries in networks.values() for entry in entries):
        address = str(entry["addr"])
        floats = entry.get("OS-EXT-IPS:type") == "floating"
        # Some sites give public addresses without any translation.
        outside = floats or ipaddress.ip_address(address).is_global
        (public if outside else private).append(address)
    return public, private
