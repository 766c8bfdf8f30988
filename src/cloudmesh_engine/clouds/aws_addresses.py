"""AWS: elastic IP addresses, each tagged with our owner and the VM it was made for.

EC2 has no token for making an address, so a reply that is lost or two commands at once can make
two; whoever looks next keeps one and gives the others back.
"""

from typing import Any

from cloudmesh_engine.clouds import NAME_TAG, OWNER_TAG, Machine
from cloudmesh_engine.clouds.aws_errors import translated
from cloudmesh_engine.errors import Refused

VM_TAG = "cm-vm"


class Addresses:
    """The part of the driver that is about addresses."""

    owner: str
    _ec2: Any

    def assign_address(self, machine: Machine) -> str:
        """Give a VM an elastic IP, once; what an interrupted command left is used."""
        self._refuse_foreign(machine)
        kept, *others = self._made_for(machine.id) or self._make(machine)
        if kept.get("InstanceId") != machine.id:
            with translated():
                self._ec2.associate_address(
                    AllocationId=kept["AllocationId"], InstanceId=machine.id
                )
        self._release(others)
        return str(kept["PublicIp"])

    def own_addresses(self, machine: Machine) -> list[str]:
        """Give the elastic IPs that were made for a VM."""
        return [str(address["PublicIp"]) for address in self._made_for(machine.id)]

    def release_addresses(self, machine_id: str) -> None:
        """Give the elastic IPs of a VM back; those that are not ours stay."""
        self._release(self._made_for(machine_id))

    def _make(self, machine: Machine) -> list[dict[str, Any]]:
        tags = {OWNER_TAG: self.owner, NAME_TAG: machine.name, VM_TAG: machine.id}
        wanted = [{"ResourceType": "elastic-ip", "Tags": pairs(tags)}]
        with translated():
            made = self._ec2.allocate_address(Domain="vpc", TagSpecifications=wanted)
        # A new address is not always in the list at once.
        return self._made_for(machine.id) or [made]

    def _refuse_foreign(self, machine: Machine) -> None:
        """Refuse to take an address away that somebody else gave to the VM."""
        for address in self._find({"instance-id": machine.id}):
            if pairs({OWNER_TAG: self.owner})[0] not in address.get("Tags", []):
                raise Refused(
                    f"{machine.name} ({machine.id}) has the elastic IP {address['PublicIp']}, "
                    "which this appliance did not assign: take it away in the cloud first"
                )

    def _made_for(self, machine_id: str) -> list[dict[str, Any]]:
        """Give our addresses of a VM in an order that all commands agree on."""
        found = self._find({f"tag:{OWNER_TAG}": self.owner, f"tag:{VM_TAG}": machine_id})
        return sorted(found, key=lambda one: (not one.get("InstanceId"), one["AllocationId"]))

    def _find(self, query: dict[str, str]) -> list[dict[str, Any]]:
        filters = [{"Name": key, "Values": [value]} for key, value in query.items()]
        with translated():
            found: list[dict[str, Any]] = self._ec2.describe_addresses(Filters=filters)["Addresses"]
        return found

    def _release(self, addresses: list[dict[str, Any]]) -> None:
        for address in addresses:
            if address.get("AssociationId"):
                with translated(ignore="InvalidAssociationID.NotFound"):
                    self._ec2.disassociate_address(AssociationId=address["AssociationId"])
            with translated(ignore="InvalidAllocationID.NotFound"):
                self._ec2.release_address(AllocationId=address["AllocationId"])


def pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    """Write tags as EC2 takes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
