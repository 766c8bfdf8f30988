"""OpenStack: floating IPs and security groups whose description names our owner.

There is nothing else of ours: a VM's disk and its port are Nova's, which deletes them with the VM,
and of a key Nova does not note whose it is.
"""

from typing import Any

from cloudmesh_engine.clouds import OWNER_TAG, openstack_client
from cloudmesh_engine.clouds.leftovers import Holding, Leftovers
from cloudmesh_engine.clouds.openstack_addresses import VM_TAG
from cloudmesh_engine.clouds.openstack_errors import translated
from cloudmesh_engine.clouds.openstack_groups import Groups


def connect(cloud: str, configuration: dict[str, Any], owner: str) -> Leftovers:
    """Open them from a cloud's section of cloudmesh.yaml."""
    project = _Project(cloud, owner, openstack_client.connect(cloud, configuration))
    parts = {
        "address": (project.addresses, project.release_address),
        "group": (project.groups, project.delete_group),
    }
    return Leftovers(cloud, owner, parts)


class _Project:
    """What there is in a project."""

    def __init__(self, cloud: str, owner: str, connection: Any) -> None:
        self.cloud = cloud
        self.owner = owner
        self._cloud = connection

    def addresses(self) -> list[Holding]:
        """Give the floating IPs."""
        with translated():
            return [self._address(one) for one in self._cloud.network.ips()]

    def release_address(self, address: Holding) -> None:
        """Give a floating IP back."""
        with translated():
            self._cloud.network.delete_ip(address.id, ignore_missing=True)

    def groups(self) -> list[Holding]:
        """Give the security groups; one that another one's rule names is used too."""
        with translated():
            found = list(self._cloud.network.security_groups())
            ports = list(self._cloud.network.ports())
        used = {group for port in ports for group in port.security_group_ids or []}
        for group in found:
            rules = group.security_group_rules or []
            used |= {rule.get("remote_group_id") for rule in rules} - {group.id}
        owners = {one["id"]: one["owner"] for one in self._groups.groups()}
        return [
            Holding(
                self.cloud, "group", one.id, str(one.name), owners.get(one.id, ""), one.id in used
            )
            for one in found
        ]

    def delete_group(self, group: Holding) -> None:
        """Delete a security group; one that is used Neutron itself refuses to."""
        with translated():
            self._cloud.network.delete_security_group(group.id, ignore_missing=True)

    @property
    def _groups(self) -> Groups:
        return Groups(self.cloud, self.owner, self._cloud)

    def _address(self, address: Any) -> Holding:
        words = dict(
            word.split("=", 1) for word in str(address.description or "").split() if "=" in word
        )
        return Holding(
            cloud=self.cloud,
            kind="address",
            id=str(address.id),
            name=str(address.floating_ip_address),
            owner=words.get(OWNER_TAG, ""),
            used=bool(address.port_id),
            vm=words.get(VM_TAG, ""),
        )
