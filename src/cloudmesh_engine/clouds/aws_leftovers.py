"""AWS: addresses, disks, interfaces, security groups and keys that carry our owner tag."""

from collections.abc import Iterator
from typing import Any

from cloudmesh_engine.clouds import NAME_TAG, OWNER_TAG, aws_client
from cloudmesh_engine.clouds.aws_addresses import VM_TAG
from cloudmesh_engine.clouds.aws_errors import translated
from cloudmesh_engine.clouds.leftovers import Holding, Leftovers

_Entry = dict[str, Any]


def connect(cloud: str, configuration: dict[str, Any], owner: str) -> Leftovers:
    """Open them from a cloud's section of cloudmesh.yaml."""
    account = _Account(cloud, owner, aws_client.ec2(configuration))
    parts = {
        "address": (account.addresses, account.release_address),
        "disk": (account.disks, account.delete_disk),
        "interface": (account.interfaces, account.delete_interface),
        "group": (account.groups, account.delete_group),
        "key": (account.keys, account.delete_key),
    }
    return Leftovers(cloud, owner, parts)


class _Account:
    """What there is in a region."""

    def __init__(self, cloud: str, owner: str, client: Any) -> None:
        self.cloud = cloud
        self.owner = owner
        self._ec2 = client

    def addresses(self) -> list[Holding]:
        """Give the elastic IPs; what is noted for a VM that is gone is not used."""
        with translated():
            found = self._ec2.describe_addresses(Filters=self._ours)["Addresses"]
        there = {one["InstanceId"] for one in self._instances()} if found else set()
        return [
            self._holding(
                "address",
                one["AllocationId"],
                one,
                bool(one.get("AssociationId")) and one.get("InstanceId", "") in there | {""},
            )
            for one in found
        ]

    def release_address(self, address: Holding) -> None:
        """Give an elastic IP back."""
        with translated(ignore="InvalidAllocationID.NotFound"):
            self._ec2.release_address(AllocationId=address.id)

    def disks(self) -> list[Holding]:
        """Give the volumes."""
        found = self._pages(self._ec2.get_paginator("describe_volumes"), "Volumes", self._ours)
        return [
            self._holding("disk", one["VolumeId"], one, one["State"] != "available")
            for one in found
        ]

    def delete_disk(self, disk: Holding) -> None:
        """Delete a volume; one that is attached EC2 itself refuses to."""
        with translated(ignore="InvalidVolume.NotFound"):
            self._ec2.delete_volume(VolumeId=disk.id)

    def interfaces(self) -> list[Holding]:
        """Give the network interfaces."""
        return [
            self._holding("interface", one["NetworkInterfaceId"], one, one["Status"] != "available")
            for one in self._interfaces(self._ours)
        ]

    def delete_interface(self, interface: Holding) -> None:
        """Delete a network interface; one that is attached EC2 itself refuses to."""
        with translated(ignore="InvalidNetworkInterfaceID.NotFound"):
            self._ec2.delete_network_interface(NetworkInterfaceId=interface.id)

    def groups(self) -> list[Holding]:
        """Give the security groups; one that another one's rule names is used too."""
        pager = self._ec2.get_paginator("describe_security_groups")
        groups = list(self._pages(pager, "SecurityGroups", []))
        used = {one["GroupId"] for entry in self._instances() for one in entry["SecurityGroups"]}
        used |= {one["GroupId"] for entry in self._interfaces([]) for one in entry["Groups"]}
        used |= {other for group in groups for other in _named_by(group)}
        return [
            self._holding("group", one["GroupId"], one, one["GroupId"] in used, one["GroupName"])
            for one in groups
        ]

    def delete_group(self, group: Holding) -> None:
        """Delete a security group; one that is used EC2 itself refuses to."""
        with translated(ignore="InvalidGroup.NotFound"):
            self._ec2.delete_security_group(GroupId=group.id)

    def keys(self) -> list[Holding]:
        """Give the keys; one is used while there is a VM with it, also a stranger's."""
        with translated():
            found = self._ec2.describe_key_pairs(Filters=self._ours)["KeyPairs"]
        used = {entry.get("KeyName") for entry in self._instances()} if found else set()
        return [
            self._holding("key", one["KeyPairId"], one, one["KeyName"] in used, one["KeyName"])
            for one in found
        ]

    def delete_key(self, key: Holding) -> None:
        """Delete a key."""
        with translated():
            self._ec2.delete_key_pair(KeyName=key.name)

    @property
    def _ours(self) -> list[_Entry]:
        return [{"Name": f"tag:{OWNER_TAG}", "Values": [self.owner]}]

    def _instances(self) -> Iterator[_Entry]:
        pager = self._ec2.get_paginator("describe_instances")
        for reservation in self._pages(pager, "Reservations", []):
            for instance in reservation["Instances"]:
                if instance["State"]["Name"] != "terminated":
                    yield instance

    def _interfaces(self, filters: list[_Entry]) -> Iterator[_Entry]:
        pager = self._ec2.get_paginator("describe_network_interfaces")
        return self._pages(pager, "NetworkInterfaces", filters)

    def _pages(self, pager: Any, word: str, filters: list[_Entry]) -> Iterator[_Entry]:
        with translated():
            for page in pager.paginate(Filters=filters):
                yield from page[word]

    def _holding(
        self, kind: str, number: str, entry: _Entry, used: bool, name: str = ""
    ) -> Holding:
        # EC2 calls the tags of an interface otherwise.
        pairs = entry.get("Tags") or entry.get("TagSet") or []
        tags = {pair["Key"]: pair["Value"] for pair in pairs}
        name = name or tags.get(NAME_TAG) or str(entry.get("PublicIp") or "")
        owner, vm = tags.get(OWNER_TAG, ""), tags.get(VM_TAG, "")
        return Holding(self.cloud, kind, number, name, owner, used, vm)


def _named_by(group: _Entry) -> Iterator[str]:
    """Name the other groups that a group's rules let in."""
    for permission in (*group.get("IpPermissions", ()), *group.get("IpPermissionsEgress", ())):
        for pair in permission.get("UserIdGroupPairs", ()):
            if pair.get("GroupId") != group["GroupId"]:
                yield str(pair.get("GroupId"))
