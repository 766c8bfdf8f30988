"""AWS: virtual machines by EC2."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from cloudmesh_engine.clouds import (
    GONE,
    IMAGE_TAG,
    NAME_TAG,
    OWNER_TAG,
    Machine,
    Request,
    aws_client,
    aws_groups,
)
from cloudmesh_engine.clouds.aws_addresses import Addresses, pairs
from cloudmesh_engine.clouds.aws_errors import translated
from cloudmesh_engine.errors import ActionFailed

_ID = re.compile(r"i-[0-9a-f]{8,17}")
_EXISTING = ["pending", "running", "stopping", "stopped"]
# Amazon, Canonical and ourselves: the whole list holds more than 100,000 images.
_PUBLISHERS = ["self", "amazon", "099720109477"]


def connect(cloud: str, configuration: dict[str, Any], owner: str) -> "Aws":
    """Make the driver from a cloud's section of cloudmesh.yaml."""
    return Aws(cloud, owner, aws_client.ec2(configuration))


class Aws(Addresses):
    """The driver."""

    tokens = True
    floats = False

    def __init__(self, cloud: str, owner: str, client: Any) -> None:
        self.cloud = cloud
        self.owner = owner
        self._ec2 = client

    def resolve(self, request: Request) -> Request:
        """Fill in the image's id; a name or pattern (`*`) stands for the newest that has it."""
        if request.image.startswith("ami-"):
            return replace(request, image_id=request.image)
        with translated():
            reply = self._ec2.describe_images(
                Owners=_PUBLISHERS,
                Filters=[
                    {"Name": "name", "Values": [request.image]},
                    {"Name": "state", "Values": ["available"]},
                ],
            )
        images = sorted(reply["Images"], key=lambda image: str(image.get("CreationDate")))
        if not images:
            raise ActionFailed(
                f"no image {request.image!r} on {self.cloud}: give an id (ami-…), "
                "or the name, with * for any text, of an image of yours, Amazon's or Canonical's"
            )
        return replace(request, image_id=images[-1]["ImageId"])

    def find(self, name: str) -> list[Machine]:
        """Give our VMs of that name or id that still exist, the oldest first."""
        key = "instance-id" if _ID.fullmatch(name) else f"tag:{NAME_TAG}"
        found = self._describe({key: [name], **self._ours, "instance-state-name": _EXISTING})
        return sorted(found, key=lambda machine: machine.launched)

    def find_foreign(self, name: str) -> list[Machine]:
        """Give the VMs of that name or id that are not ours."""
        key = "instance-id" if _ID.fullmatch(name) else "tag:Name"
        found = self._describe({key: [name], "instance-state-name": _EXISTING})
        return [machine for machine in found if machine.owner != self.owner]

    def get(self, machine_id: str) -> Machine | None:
        """Look one of our VMs up by its id."""
        return next(iter(self._describe({"instance-id": [machine_id], **self._ours})), None)

    def list_owned(self) -> list[Machine]:
        """Give all our VMs that still exist."""
        return list(self._describe({**self._ours, "instance-state-name": _EXISTING}))

    def list_foreign(self) -> list[Machine]:
        """Give the VMs of the account that are not ours."""
        found = self._describe({"instance-state-name": _EXISTING})
        return [machine for machine in found if machine.owner != self.owner]

    def create(self, name: str, request: Request, token: str) -> Machine:
        """Make a VM with its tags in one call, so that no moment leaves it without owner."""
        parameters: dict[str, Any] = {
            "ImageId": request.image_id,
            "InstanceType": request.flavor,
            "MinCount": 1,
            "MaxCount": 1,
            "ClientToken": token,
            "TagSpecifications": self._tagged(name, request),
        }
        if request.key:
            parameters["KeyName"] = request.key
        with translated():
            parameters |= self._network(request)
            reply = self._ec2.run_instances(**parameters)
        return self._machine(reply["Instances"][0])

    def start(self, machine: Machine) -> None:
        """Start a stopped VM."""
        with translated():
            self._ec2.start_instances(InstanceIds=[machine.id])

    def stop(self, machine: Machine) -> None:
        """Stop a VM."""
        with translated():
            self._ec2.stop_instances(InstanceIds=[machine.id])

    def reboot(self, machine: Machine) -> None:
        """Reboot a VM."""
        with translated():
            self._ec2.reboot_instances(InstanceIds=[machine.id])

    def terminate(self, machine: Machine) -> None:
        """Terminate a VM."""
        with translated():
            self._ec2.terminate_instances(InstanceIds=[machine.id])

    def tag(self, machine: Machine, key: str, value: str) -> None:
        """Set one tag."""
        with translated():
            self._ec2.create_tags(Resources=[machine.id], Tags=pairs({key: value}))

    def untag(self, machine: Machine, key: str) -> None:
        """Remove one tag; one that is not there is no failure."""
        with translated():
            self._ec2.delete_tags(Resources=[machine.id], Tags=[{"Key": key}])

    def rename(self, machine: Machine, name: str) -> None:
        """Set both tags that hold the name, in one call."""
        with translated():
            self._ec2.create_tags(Resources=[machine.id], Tags=pairs(_named(name)))

    def check_flavor(self, flavor: str) -> None:
        """Fail unless EC2 has that instance type."""
        with translated():
            self._ec2.describe_instance_types(InstanceTypes=[flavor])

    def resize(self, machine: Machine, flavor: str) -> None:
        """Give a stopped VM another instance type."""
        with translated():
            self._ec2.modify_instance_attribute(
                InstanceId=machine.id, InstanceType={"Value": flavor}
            )

    def last_launch(self, machine: Machine) -> str:
        """Say when a VM was started last: each start gives it another launch time."""
        return machine.launched

    def console_output(self, machine: Machine) -> str:
        """Give what the VM wrote to its console, the latest if its type can tell that."""
        with translated(ignore="UnsupportedOperation"):
            return self._console(machine, Latest=True)
        with translated():
            return self._console(machine)

    def _console(self, machine: Machine, **options: bool) -> str:
        # botocore has decoded it already.
        return str(self._ec2.get_console_output(InstanceId=machine.id, **options).get("Output", ""))

    @property
    def _ours(self) -> dict[str, list[str]]:
        return {f"tag:{OWNER_TAG}": [self.owner]}

    def _tags(self, name: str, request: Request) -> dict[str, str]:
        labels = {f"cm-{key}": value for key, value in request.labels.items() if value}
        if request.image != request.image_id:
            labels[IMAGE_TAG] = request.image
        return {**_named(name), OWNER_TAG: self.owner, **labels}

    def _tagged(self, name: str, request: Request) -> list[dict[str, Any]]:
        # What outlives the VM, as a disk of an image that says so, is found by them too.
        parts = {
            "instance": self._tags(name, request),
            "volume": {OWNER_TAG: self.owner, NAME_TAG: name},
            "network-interface": {OWNER_TAG: self.owner, NAME_TAG: name},
        }
        return [{"ResourceType": kind, "Tags": pairs(tags)} for kind, tags in parts.items()]

    def _network(self, request: Request) -> dict[str, Any]:
        place: dict[str, Any] = {"SubnetId": request.network} if request.network else {}
        groups = [self._group_id(request.secgroup, request.network)] if request.secgroup else []
        if request.public:
            interface = {"DeviceIndex": 0, "AssociatePublicIpAddress": True, **place}
            if groups:
                interface["Groups"] = groups
            return {"NetworkInterfaces": [interface]}
        return {**place, "SecurityGroupIds": groups} if groups else place

    def _group_id(self, group: str, network: str | None) -> str:
        if group.startswith("sg-"):
            return group
        found = aws_groups.find(self._ec2, group, network or "")
        if not found:
            raise ActionFailed(f"no security group {group!r} on {self.cloud}: make it first")
        return str(found["GroupId"])

    def _describe(self, filters: dict[str, list[str]]) -> Iterator[Machine]:
        query = [{"Name": key, "Values": values} for key, values in filters.items()]
        with translated():
            pages = self._ec2.get_paginator("describe_instances").paginate(Filters=query)
            found = [
                instance
                for page in pages
                for reservation in page["Reservations"]
                for instance in reservation["Instances"]
            ]
        return map(self._machine, found)

    def _machine(self, instance: dict[str, Any]) -> Machine:
        tags = {pair["Key"]: pair["Value"] for pair in instance.get("Tags", [])}
        state = instance["State"]["Name"]
        alive = state not in GONE
        return Machine(
            cloud=self.cloud,
            name=tags.get(NAME_TAG) or tags.get("Name", ""),
            id=instance["InstanceId"],
            state=state,
            image=instance["ImageId"],
            flavor=instance["InstanceType"],
            key=instance.get("KeyName") or "",
            public_ips=_some(instance.get("PublicIpAddress")) if alive else [],
            private_ips=_some(instance.get("PrivateIpAddress")) if alive else [],
            launched=instance["LaunchTime"].isoformat(),
            tags=tags,
            created=min(_times(instance)).isoformat(),
        )


def _named(name: str) -> dict[str, str]:
    return {"Name": name, NAME_TAG: name}


def _times(instance: dict[str, Any]) -> Iterator[datetime]:
    """Give what EC2 tells of a VM's launch and parts; the first of it is when the VM was made.

    Its launch is the last one. Its first interface, which nobody can detach, came with the first.
    """
    yield instance["LaunchTime"]
    disks = [one.get("Ebs") or {} for one in instance.get("BlockDeviceMappings", [])]
    interfaces = [one.get("Attachment") or {} for one in instance.get("NetworkInterfaces", [])]
    for part in (*disks, *interfaces):
        if part.get("AttachTime"):
            yield part["AttachTime"]


def _some(address: str | None) -> list[str]:
    return [address] if address else []
