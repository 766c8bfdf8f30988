"""Azure: addresses, interfaces, security groups and keys of our resource group with our owner tag.

Disks are not among them: Azure gives the one of a VM no tag, and deletes it with the VM.
"""

from typing import Any

from cloudmesh_engine.clouds import azure_client
from cloudmesh_engine.clouds.azure_arm import COMPUTE, NETWORK, Arm, Document
from cloudmesh_engine.clouds.azure_errors import translated
from cloudmesh_engine.clouds.azure_machine import ADDRESS, NIC, VM, owner
from cloudmesh_engine.clouds.azure_parts import VM_TAG, is_old
from cloudmesh_engine.clouds.leftovers import Holding, Leftovers

_GROUPS = f"{NETWORK}/networkSecurityGroups"
_KEYS = f"{COMPUTE}/sshPublicKeys"


def connect(cloud: str, configuration: dict[str, Any], owner: str) -> Leftovers:
    """Open them from a cloud's section of cloudmesh.yaml."""
    group = _Group(cloud, owner, azure_client.connect(cloud, configuration, owner))
    parts = {
        "address": (group.addresses, group.delete_address),
        "interface": (group.interfaces, group.delete_interface),
        "group": (group.groups, group.delete_group),
        "key": (group.keys, group.delete_key),
    }
    return Leftovers(cloud, owner, parts)


class _Group:
    """What there is in our resource group."""

    def __init__(self, cloud: str, owner: str, arm: Arm) -> None:
        self.cloud = cloud
        self.owner = owner
        self._arm = arm

    def addresses(self) -> list[Holding]:
        """Give the public addresses; one that is young may be a part of a VM to come."""
        return [
            self._holding("address", one, "ipConfiguration" in one["properties"] or not is_old(one))
            for one in self._listed(ADDRESS)
        ]

    def delete_address(self, address: Holding) -> None:
        """Give a public address back; one that is used Azure itself refuses to."""
        self._delete(ADDRESS, address.name)

    def interfaces(self) -> list[Holding]:
        """Give the network interfaces; one that is young may be a part of a VM to come."""
        return [
            self._holding(
                "interface", one, "virtualMachine" in one["properties"] or not is_old(one)
            )
            for one in self._listed(NIC)
        ]

    def delete_interface(self, interface: Holding) -> None:
        """Delete an interface, and the address that it kept in use; Azure refuses a used one."""
        kept = [
            one
            for one in self._listed(ADDRESS)
            if owner(one) == self.owner and _user(one).startswith(f"{interface.id}/".lower())
        ]
        self._delete(NIC, interface.name)
        for address in kept:
            self._delete(ADDRESS, str(address["name"]))

    def groups(self) -> list[Holding]:
        """Give the security groups; one is used by interfaces and subnets, also a stranger's."""
        with translated():
            interfaces = self._arm.every(f"{self._arm.root}/providers/{NIC}")
        used = {_group(one) for one in interfaces}
        return [
            self._holding("group", one, one["id"].lower() in used or _has_users(one))
            for one in self._listed(_GROUPS)
        ]

    def delete_group(self, group: Holding) -> None:
        """Delete a security group; one that is used Azure itself refuses to."""
        self._delete(_GROUPS, group.name)

    def keys(self) -> list[Holding]:
        """Give the keys; one is used while there is a VM with it, also a stranger's."""
        found = self._listed(_KEYS)
        with translated():
            machines = self._arm.every(f"{self._arm.root}/providers/{VM}") if found else []
        used = {body for machine in machines for body in _key_bodies(machine)}
        return [
            self._holding("key", one, _body(one["properties"].get("publicKey")) in used)
            for one in found
        ]

    def delete_key(self, key: Holding) -> None:
        """Delete a key."""
        self._delete(_KEYS, key.name)

    def _listed(self, kind: str) -> list[Document]:
        with translated():
            return self._arm.listed(kind)

    def _delete(self, kind: str, name: str) -> None:
        with translated():
            self._arm.delete(self._arm.id(kind, name))

    def _holding(self, kind: str, resource: Document, used: bool) -> Holding:
        vm = str((resource.get("tags") or {}).get(VM_TAG) or "")
        name, place = str(resource["name"]), str(resource["id"])
        return Holding(self.cloud, kind, place, name, owner(resource), used, vm)


def _user(address: Document) -> str:
    return str((address["properties"].get("ipConfiguration") or {}).get("id") or "").lower()


def _group(interface: Document) -> str:
    group = interface["properties"].get("networkSecurityGroup") or {}
    return str(group.get("id") or "").lower()


def _has_users(group: Document) -> bool:
    properties = group["properties"]
    return bool(properties.get("subnets") or properties.get("networkInterfaces"))


def _key_bodies(machine: Document) -> list[str]:
    """Give the bodies of the keys that a VM was made with."""
    profile = machine["properties"].get("osProfile") or {}
    ssh = (profile.get("linuxConfiguration") or {}).get("ssh") or {}
    return [_body(one.get("keyData")) for one in ssh.get("publicKeys") or []]


def _body(line: Any) -> str:
    """Give what counts of a public key: neither its comment nor how its lines are broken."""
    return "".join(str(line or "").split()[1:2])
