"""OpenStack: Nova's description of a server, in our words."""

import ipaddress
from typing import Any

from cloudmesh_engine.clouds import BROKEN, NAME_TAG, Machine
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
_POWERED = 1


def describe(cloud: str, server: Any) -> Machine:
    """Give a server as our machine."""
    tags = {str(key): str(value) for key, value in (server.metadata or {}).items()}
    public, private = _addresses(server.addresses or {})
    flavor, image = server.flavor, server.image
    return Machine(
        cloud=cloud,
        name=tags.get(NAME_TAG) or str(server.name),
        id=str(server.id),
        state=state(server),
        # Before its version 2.47 Nova tells a flavor's id only.
        flavor=str(getattr(flavor, "original_name", "") or getattr(flavor, "id", "") or ""),
        image=str(getattr(image, "id", "") or ""),
        key=str(server.key_name or ""),
        public_ips=public,
        private_ips=private,
        launched=str(server.created_at or ""),
        tags=tags,
        fault=_fault(server),
    )


def state(server: Any) -> str:
    """Give the state of a server in our words."""
    if server.status == "ERROR" and server.task_state not in ("deleting", "soft-deleting"):
        return BROKEN
    if server.task_state in _TASKS:
        return _TASKS[server.task_state]
    if server.status == "VERIFY_RESIZE":
        return "running" if server.power_state == _POWERED else "stopped"
    return _STATES.get(str(server.status), "pending")


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
