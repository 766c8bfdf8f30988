"""OpenStack: floating IPs, each described with our owner and the VM it was made for.

Neutron has no token for making an address, so a reply that is lost or two commands at once can
make two; whoever looks next keeps one and gives the others back.
"""

from typing import Any

from cloudmesh_engine.clouds import OWNER_TAG, Machine
from cloudmesh_engine.clouds.openstack_errors import translated
from cloudmesh_engine.errors import ActionFailed, Refused

VM_TAG = "cm-vm"


class Addresses:
    """The part of the driver that is about addresses."""

    cloud: str
    owner: str
    _cloud: Any
    _outside: str

    def assign_address(self, machine: Machine) -> str:
        """Give a VM a floating IP, once; what an interrupted command left is used."""
        port = self._port(machine)
        self._refuse_foreign(machine, port)
        kept, *others = self._made_for(machine.id) or self._make(machine, port)
        if kept.port_id != port:
            with translated():
                self._cloud.network.update_ip(kept, port_id=port)
        self._release(others)
        return str(kept.floating_ip_address)

    def own_addresses(self, machine: Machine) -> list[str]:
        """Give the floating IPs that were made for a VM."""
        return [str(one.floating_ip_address) for one in self._made_for(machine.id)]

    def release_addresses(self, machine_id: str) -> None:
        """Give the floating IPs of a VM back; those that are not ours stay."""
        self._release(self._made_for(machine_id))

    def _make(self, machine: Machine, port: str) -> list[Any]:
        with translated():
            made = self._cloud.network.create_ip(
                floating_network_id=self._outside_id(),
                port_id=port,
                description=self._description(machine.id),
            )
        return self._made_for(machine.id) or [made]

    def _port(self, machine: Machine) -> str:
        with translated():
            ports = sorted(
                self._cloud.network.ports(device_id=machine.id), key=lambda port: str(port.id)
            )
        for port in ports:
            if any(":" not in entry["ip_address"] for entry in port.fixed_ips):
                return str(port.id)
        raise ActionFailed(f"{machine.name} ({machine.id}) has no port with an IPv4 address")

    def _outside_id(self) -> str:
        with translated():
            found = list(self._cloud.network.networks(is_router_external=True))
        chosen = [one for one in found if self._outside in ("", one.name, one.id)]
        if len(chosen) != 1:
            names = ", ".join(sorted(str(one.name) for one in found)) or "none"
            raise ActionFailed(
                f"{self.cloud}: which network gives public addresses? There is {names}: name it "
                "as default.floating_network in cloudmesh.yaml"
            )
        return str(chosen[0].id)

    def _refuse_foreign(self, machine: Machine, port: str) -> None:
        """Refuse to take an address away that somebody else gave to the VM."""
        with translated():
            found = list(self._cloud.network.ips(port_id=port))
        for address in found:
            if address.description != self._description(machine.id):
                raise Refused(
                    f"{machine.name} ({machine.id}) has the floating IP "
                    f"{address.floating_ip_address}, which this appliance did not assign: take it "
                    "away in the cloud first"
                )

    def _made_for(self, machine_id: str) -> list[Any]:
        """Give our addresses of a VM in an order that all commands agree on."""
        description = self._description(machine_id)
        with translated():
            found = list(self._cloud.network.ips(description=description))
        # A site whose Neutron knows no such filter gives all.
        ours = [one for one in found if one.description == description]
        return sorted(ours, key=lambda one: (not one.port_id, str(one.id)))

    def _description(self, machine_id: str) -> str:
        return f"{OWNER_TAG}={self.owner} {VM_TAG}={machine_id}"

    def _release(self, addresses: list[Any]) -> None:
        for address in addresses:
            with translated():
                self._cloud.network.delete_ip(address, ignore_missing=True)
