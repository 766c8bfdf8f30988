"""Azure: what a VM consists of beside itself: interface, public address, disk.

Their names are those of the VM with an ending, so a repetition makes none twice. They go with the
VM; what a boot that was killed before it had a VM left behind goes with the next deletion.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from cloudmesh_engine.clouds import Request, azure_groups
from cloudmesh_engine.clouds.azure_arm import NETWORK, Arm, Document
from cloudmesh_engine.clouds.azure_errors import translated
from cloudmesh_engine.clouds.azure_machine import (
    ADDRESS,
    DISK,
    MADE_TAG,
    NIC,
    VM,
    is_ours_by_name,
    owner,
)
from cloudmesh_engine.errors import ActionFailed

_NETWORKS = f"{NETWORK}/virtualNetworks"
VM_TAG = "cm-vm"
_SPACE, _SUBNET = "10.80.0.0/16", "10.80.0.0/20"
# No boot takes that long between its first part and its VM.
_ABANDONED = timedelta(minutes=15)


class Parts:
    """The part of the driver that is about a VM's parts."""

    cloud: str
    owner: str
    _arm: Arm
    _network: str
    _subnet: str

    def make_parts(self, wanted: str, request: Request) -> str:
        """Make what a VM needs before it is made; give the id of its interface."""
        subnet = self._subnet_id(request.network or "")
        group = self._group_id(request.secgroup) if request.secgroup else ""
        entry: Document = {"subnet": {"id": subnet}, "primary": True}
        if request.public:
            entry["publicIPAddress"] = going_along(self.make_address(wanted))
        properties: Document = {"ipConfigurations": [{"name": "main", "properties": entry}]}
        if group:
            properties["networkSecurityGroup"] = {"id": group}
        place = self._arm.id(NIC, f"{wanted}-nic")
        self._arm.put_whole(place, {**self._marked(wanted), "properties": properties})
        return place

    def make_address(self, wanted: str) -> Document:
        """Make the public address of a VM, once."""
        place = self._arm.id(ADDRESS, f"{wanted}-ip")
        there = self._arm.find(place)
        if there and there["properties"].get("provisioningState") == "Succeeded":
            return there
        # Azure has no other kind any more.
        properties = {"publicIPAllocationMethod": "Static"}
        sku = {"name": "Standard"}
        made = {**self._marked(wanted), "sku": sku, "properties": properties}
        self._arm.put_whole(place, made)
        return dict(self._arm.get(place))

    def remove_parts(self, wanted: str) -> None:
        """Remove what is left of a VM that is gone, or was never made."""
        # By its name alone a disk is ours: Azure gives those that come with a VM no tag.
        for kind, ending in ((NIC, "nic"), (ADDRESS, "ip"), (DISK, "os")):
            if is_ours_by_name(wanted):
                with translated():
                    self._arm.delete(self._arm.id(kind, f"{wanted}-{ending}"))

    def sweep(self) -> list[str]:
        """Remove what boots left that were killed before they had a VM; say of which VMs."""
        with translated():
            free = [
                one for one in self._arm.listed(NIC) if "virtualMachine" not in one["properties"]
            ]
            loose = [
                one
                for one in self._arm.listed(ADDRESS)
                if "ipConfiguration" not in one["properties"]
            ]
        left = {_vm(one) for one in [*free, *loose] if owner(one) == self.owner and is_old(one)}
        # Of an interface in use the address is too.
        used = {_vm(one) for one in free if not is_old(one)}
        abandoned = sorted(left - used - self._there(left - used))
        for wanted in abandoned:
            self.remove_parts(wanted)
        return abandoned

    def _there(self, wanted: set[str]) -> set[str]:
        """Say which VMs are there: a command that was killed may leave an address of one loose."""
        if not wanted:
            return set()
        with translated():
            return wanted & {str(vm["name"]) for vm in self._arm.listed(VM)}

    def _marked(self, wanted: str) -> Document:
        made = datetime.now(UTC).isoformat(timespec="seconds")
        tags = {**self._arm.owned, VM_TAG: wanted, MADE_TAG: made}
        return {"location": self._arm.location, "tags": tags}

    def _group_id(self, name: str) -> str:
        if name.startswith("/subscriptions/"):
            return name
        found = azure_groups.find(self._arm, name)
        if not found:
            raise ActionFailed(f"no security group {name!r} on {self.cloud}: make it first")
        return str(found["id"])

    def _subnet_id(self, network: str) -> str:
        """Give the id of a subnet: of `network`, `network/subnet`, or itself; make the default."""
        if network.startswith("/subscriptions/"):
            return network
        name, _, subnet = network.partition("/")
        name, subnet = name or self._network, subnet or self._subnet
        place = self._arm.id(_NETWORKS, name)
        inside = f"{place}/subnets/{subnet}"
        if not self._arm.find(inside):
            # Another boot may be making them.
            if network or (self._arm.find(place) and not self._arm.find(inside)):
                raise ActionFailed(
                    f"no network {name}/{subnet} on {self.cloud}: give --network as NETWORK/SUBNET "
                    "of our resource group, or as the id of a subnet"
                )
            self._make_network(place, subnet)
        return inside

    def _make_network(self, place: str, subnet: str) -> None:
        # VMs without a public address shall reach the internet, which Azure no longer lets them
        # do unless it is asked for.
        inside = {"addressPrefix": _SUBNET, "defaultOutboundAccess": True}
        properties = {
            "addressSpace": {"addressPrefixes": [_SPACE]},
            "subnets": [{"name": subnet, "properties": inside}],
        }
        made = {"location": self._arm.location, "tags": self._arm.owned, "properties": properties}
        self._arm.put_whole(place, made)


def going_along(address: Document) -> Document:
    """Refer to an address so that it is deleted with the VM."""
    return {"id": address["id"], "properties": {"deleteOption": "Delete"}}


def is_old(part: Document) -> bool:
    """Say whether a part is older than any boot that may still be under way."""
    made: Any = (part.get("tags") or {}).get(MADE_TAG)
    try:
        return datetime.now(UTC) - datetime.fromisoformat(str(made)) > _ABANDONED
    except (ValueError, TypeError):
        return False


def _vm(part: Document) -> str:
    return str((part.get("tags") or {}).get(VM_TAG) or "")
