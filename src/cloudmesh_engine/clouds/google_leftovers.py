"""Google: static addresses, disks, groups of firewall rules and keys that name our owner.

A VM's interface is Google's own and goes with it.
"""

from collections.abc import Iterator
from typing import Any

from cloudmesh_engine.clouds import OWNER_TAG, google_client
from cloudmesh_engine.clouds.google_client import Compute
from cloudmesh_engine.clouds.google_errors import translated
from cloudmesh_engine.clouds.google_machine import KEYS_ITEM
from cloudmesh_engine.clouds.google_networks import DEFAULT
from cloudmesh_engine.clouds.google_resources import GoogleResources
from cloudmesh_engine.clouds.leftovers import Holding, Leftovers
from cloudmesh_engine.clouds.resources import Document


def connect(cloud: str, configuration: dict[str, Any], owner: str) -> Leftovers:
    """Open them from a cloud's section of cloudmesh.yaml."""
    compute = google_client.connect(cloud, configuration)
    resources = GoogleResources(cloud, owner, compute, network=DEFAULT, images=[], flavors=[])
    project = _Project(cloud, compute, resources)
    parts = {
        "address": (project.addresses, project.release_address),
        "disk": (project.disks, project.delete_disk),
        "group": (project.groups, project.delete_group),
        "key": (project.keys, project.delete_key),
    }
    return Leftovers(cloud, owner, parts)


class _Project:
    """What there is in a project, of addresses and disks in our region and zone."""

    def __init__(self, cloud: str, compute: Compute, resources: GoogleResources) -> None:
        self.cloud = cloud
        self._compute = compute
        self._resources = resources

    def addresses(self) -> list[Holding]:
        """Give the static addresses."""
        with translated():
            return [
                self._address(one)
                for one in self._compute.every(self._compute.regional("addresses"))
            ]

    def release_address(self, address: Holding) -> None:
        """Give a static address back; one that is used Google itself refuses to."""
        self._delete(self._compute.regional("addresses", address.id))

    def disks(self) -> list[Holding]:
        """Give the disks."""
        with translated():
            return [
                self._holding(
                    "disk", one["name"], one["name"], _owner_label(one), bool(one.get("users"))
                )
                for one in self._compute.every(self._compute.zonal("disks"))
            ]

    def delete_disk(self, disk: Holding) -> None:
        """Delete a disk; one that is attached Google itself refuses to."""
        self._delete(self._compute.zonal("disks", disk.id))

    def groups(self) -> list[Holding]:
        """Give the groups; one is used by a VM of any zone, or a rule of another group."""
        found = self._resources.groups()
        used = set(self._used_groups()) if found else set()
        return [
            self._holding("group", _place(one), one["name"], one["owner"], one["name"] in used)
            for one in found
        ]

    def delete_group(self, group: Holding) -> None:
        """Delete the rules of ours that make up a group in its network."""
        for one in self._resources.groups(group.name):
            if _place(one) == group.id:
                self._resources.delete_rules(one)

    def keys(self) -> list[Holding]:
        """Give the keys; one is used while there is a VM with it, also a stranger's."""
        found = self._resources.keys()
        opened = " ".join(self._opened()) if found else ""
        return [
            self._holding("key", one["name"], one["name"], one["owner"], _body(one) in opened)
            for one in found
        ]

    def delete_key(self, key: Holding) -> None:
        """Delete a key."""
        self._resources.discard_key(key.name)

    def _used_groups(self) -> Iterator[str]:
        with translated():
            for instance in self._compute.in_all_zones("instances"):
                yield from (instance.get("tags") or {}).get("items") or []
            for rule in self._compute.every(self._compute.everywhere("firewalls")):
                yield from rule.get("sourceTags") or []

    def _opened(self) -> Iterator[str]:
        """Give the lines with the keys that open each VM."""
        with translated():
            for instance in self._compute.in_all_zones("instances"):
                for item in (instance.get("metadata") or {}).get("items") or []:
                    if item["key"] == KEYS_ITEM:
                        yield str(item.get("value") or "")

    def _address(self, address: Document) -> Holding:
        words = dict(
            word.split("=", 1) for word in str(address.get("description") or "").split()
            if "=" in word
        )  # fmt: skip
        name, owner = str(address["address"]), words.get(OWNER_TAG, "")
        vm, used = words.get("cm-vm", ""), bool(address.get("users"))
        return Holding(self.cloud, "address", str(address["name"]), name, owner, used, vm)

    def _holding(self, kind: str, number: str, name: str, owner: str, used: bool) -> Holding:
        return Holding(self.cloud, kind, str(number), str(name), str(owner), used)

    def _delete(self, place: str) -> None:
        with translated(ignore=404):
            self._compute.change("DELETE", place)


def _owner_label(disk: Document) -> str:
    return str((disk.get("labels") or {}).get(OWNER_TAG) or "")


def _place(group: Document) -> str:
    """Tell groups of one name in two networks apart."""
    return f"{str(group['network']).rpartition('/')[2]}/{group['name']}"


def _body(key: Document) -> str:
    """Give what counts of a public key, without its comment."""
    words = str(key["public_key"]).split()
    return words[1] if len(words) > 1 else str(key["public_key"])
