"""Azure: public addresses. A VM has one at most, whose name is the VM's with an ending."""

from typing import Any

from cloudmesh_engine.clouds import Machine
from cloudmesh_engine.clouds.azure_arm import Arm, Document
from cloudmesh_engine.clouds.azure_errors import translated
from cloudmesh_engine.clouds.azure_machine import ADDRESS, NIC, VM, is_ours_by_name, owner
from cloudmesh_engine.clouds.azure_parts import going_along
from cloudmesh_engine.errors import ActionFailed, Refused


class Addresses:
    """The part of the driver that is about addresses."""

    owner: str
    _arm: Arm
    make_address: Any
    remove_parts: Any
    sweep: Any

    def assign_address(self, machine: Machine) -> str:
        """Give a VM a public address, once; what an interrupted command left is used."""
        with translated():
            nic = self._nic(machine.id)
            if not nic:
                raise ActionFailed(f"{machine.name} ({machine.id}) has no interface of ours")
            self._refuse_foreign(machine, nic)
            address = self.make_address(machine.id)
            if not _reference(nic):
                self._refer(nic, going_along(address))
        return str(address["properties"]["ipAddress"])

    def own_addresses(self, machine: Machine) -> list[str]:
        """Give the public address that was made for a VM."""
        with translated():
            found = self._arm.find(self._arm.id(ADDRESS, f"{machine.id}-ip"))
        address = found["properties"].get("ipAddress") if found else None
        return [str(address)] if address and owner(found) == self.owner else []

    def release_addresses(self, machine_id: str) -> None:
        """Give the public address of a VM back; of a VM that is gone all that is left."""
        if not is_ours_by_name(machine_id):
            return
        with translated():
            there = self._arm.find(self._arm.id(VM, machine_id))
        if not there:
            self.remove_parts(machine_id)
            self.sweep()
            return
        place = self._arm.id(ADDRESS, f"{machine_id}-ip")
        with translated():
            nic = self._nic(machine_id)
            if nic and _reference(nic).lower() == place.lower():
                self._refer(nic, None)
            self._arm.delete(place)

    def addresses(self, machine_id: str) -> tuple[list[str], list[str]]:
        """Give a VM's public and private addresses, which its interface has."""
        nic = self._nic(machine_id)
        if not nic:
            return [], []
        private = [
            str(entry["properties"]["privateIPAddress"])
            for entry in nic["properties"]["ipConfigurations"]
            if entry["properties"].get("privateIPAddress")
        ]
        reference = _reference(nic)
        found = self._arm.find(reference) if reference else None
        public = found["properties"].get("ipAddress") if found else None
        return [str(public)] if public else [], private

    def _nic(self, machine_id: str) -> Document | None:
        return self._arm.find(self._arm.id(NIC, f"{machine_id}-nic"))

    def _refer(self, nic: Document, address: Document | None) -> None:
        """Write which address an interface has, unless another command changes it too."""
        properties = nic["properties"]["ipConfigurations"][0]["properties"]
        properties.pop("publicIPAddress", None)
        if address:
            properties["publicIPAddress"] = address
        self._arm.put_whole(nic["id"], nic, {"If-Match": nic["etag"]})

    def _refuse_foreign(self, machine: Machine, nic: Document) -> None:
        """Refuse to take an address away that somebody else gave to the VM."""
        there = _reference(nic)
        if there and there.lower() != self._arm.id(ADDRESS, f"{machine.id}-ip").lower():
            raise Refused(
                f"{machine.name} ({machine.id}) has the public address "
                f"{there.rpartition('/')[2]}, which this appliance did not assign: take it away "
                "in the cloud first"
            )


def _reference(nic: Document) -> str:
    properties = nic["properties"]["ipConfigurations"][0]["properties"]
    return str((properties.get("publicIPAddress") or {}).get("id") or "")
