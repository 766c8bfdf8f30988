"""Google: static addresses. Each is named after the VM it is for, so nobody ever makes two."""

from typing import Any

from cloudmesh_engine.clouds import OWNER_TAG, Machine
from cloudmesh_engine.clouds.google_client import Compute
from cloudmesh_engine.clouds.google_errors import Problem, translated
from cloudmesh_engine.clouds.google_networks import WAY
from cloudmesh_engine.errors import ActionFailed, Refused

Document = dict[str, Any]


class Addresses:
    """The part of the driver that is about addresses."""

    cloud: str
    owner: str
    _compute: Compute

    def assign_address(self, machine: Machine) -> str:
        """Give a VM a static address, once; what an interrupted command left is used."""
        with translated():
            interface = self._interface(machine.id)
            address = self._made_for(machine.id)
            ways = {str(way.get("natIP")): way for way in interface.get("accessConfigs") or []}
            self._refuse_foreign(machine, [one for one in ways if one != address])
            address = address or self._make(machine)
            if address not in ways:
                self._take_ways(machine.id, interface)
                wanted = {**WAY, "natIP": address}
                place = self._compute.zonal("instances", machine.id, "addAccessConfig")
                name = str(interface["name"])
                self._compute.change("POST", place, wanted, networkInterface=name)
        return address

    def own_addresses(self, machine: Machine) -> list[str]:
        """Give the static address that was made for a VM."""
        with translated():
            made = self._made_for(machine.id)
        return [made] if made else []

    def release_addresses(self, machine_id: str) -> None:
        """Give the static address of a VM back; one that is not ours stays."""
        with translated():
            address = self._made_for(machine_id)
            if address:
                self._detach(machine_id, address)
                self._compute.change("DELETE", self._place(machine_id))

    def _detach(self, machine_id: str, address: str) -> None:
        try:
            interface = self._interface(machine_id)
        except Problem as error:
            if error.status != 404:  # it went with its VM
                raise
            return
        if any(way.get("natIP") == address for way in interface.get("accessConfigs") or []):
            self._take_ways(machine_id, interface)

    def _make(self, machine: Machine) -> str:
        wanted = {"name": self._name(machine.id), "description": self._description(machine.id)}
        try:
            self._compute.change("POST", self._compute.regional("addresses"), wanted)
        except Problem as error:
            if not error.is_there:  # another command was faster
                raise
        made = self._made_for(machine.id)
        if not made:
            raise ActionFailed(
                f"{self._name(machine.id)} on {self.cloud} is an address that this appliance did "
                "not make: delete it"
            )
        return made

    def _take_ways(self, machine_id: str, interface: Document) -> None:
        """Take the way in and out from a VM: it has room for one."""
        place = self._compute.zonal("instances", machine_id, "deleteAccessConfig")
        for way in interface.get("accessConfigs") or []:
            name, nic = str(way["name"]), str(interface["name"])
            self._compute.change("POST", place, accessConfig=name, networkInterface=nic)

    def _refuse_foreign(self, machine: Machine, addresses: list[str]) -> None:
        """Refuse to take a static address away that somebody else gave to the VM."""
        static = {
            str(one["address"]) for one in self._compute.every(self._compute.regional("addresses"))
        }
        for address in static.intersection(addresses):
            raise Refused(
                f"{machine.name} ({machine.id}) has the static address {address}, which this "
                "appliance did not assign: take it away in the cloud first"
            )

    def _made_for(self, machine_id: str) -> str:
        try:
            found = self._compute.get(self._place(machine_id))
        except Problem as error:
            if error.status != 404:
                raise
            return ""
        ours = found.get("description") == self._description(machine_id)
        return str(found["address"]) if ours else ""

    def _interface(self, machine_id: str) -> Document:
        found = self._compute.get(self._compute.zonal("instances", machine_id))
        return dict(found["networkInterfaces"][0])

    def _place(self, machine_id: str) -> str:
        return self._compute.regional("addresses", self._name(machine_id))

    def _name(self, machine_id: str) -> str:
        return f"cm-{machine_id}"

    def _description(self, machine_id: str) -> str:
        return f"{OWNER_TAG}={self.owner} cm-vm={machine_id}"
