"""Firewall rules, static addresses, and the public addresses of instances."""

import ipaddress
import re
from typing import Any

import answers
import catalogue
from answers import Document, Refusal, invalid, not_found, only
from operations import Operations
from store import ROOT, Store

_FIREWALL = {
    "name": str, "description": str, "network": str, "direction": str, "priority": int,
    "sourceRanges": list, "sourceTags": list, "targetTags": list, "allowed": list,
    "denied": list, "disabled": bool,
}  # fmt: skip
_ADDRESS = {"name": str, "description": str, "addressType": str, "networkTier": str}
_WAY = {"type": str, "name": str, "natIP": str, "networkTier": str}
_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")
_PROTOCOLS = {"tcp", "udp", "icmp", "esp", "ah", "sctp", "ipip", "all"}
NETWORK = f"{ROOT}/global/networks/{catalogue.NETWORK}"


class Networks:
    """What instances reach, and what reaches them."""

    def __init__(self, store: Store, operations: Operations) -> None:
        self._store = store
        self._operations = operations

    def insert_firewall(self, body: Document, asked: str) -> Document:
        """Accept a firewall rule, or refuse it."""
        only(body, _FIREWALL, "resource")
        network = body.get("network", NETWORK)
        if not network.endswith(NETWORK):
            raise invalid("resource.network", network, "The referenced resource does not exist.")
        if body.get("direction", "INGRESS") not in ("INGRESS", "EGRESS"):
            raise invalid("resource.direction", body["direction"], "INGRESS or EGRESS.")
        if bool(body.get("allowed")) == bool(body.get("denied")):
            raise Refusal(400, "required", "Exactly one of allowed and denied is required.")
        for entry in body.get("allowed") or body["denied"]:
            _check_ports(entry)
        for source in body.get("sourceRanges", []):
            _check_range(source)
        for tag in body.get("targetTags", []):
            answers.name(tag, "resource.targetTags")
        rule = {
            "direction": "INGRESS",
            "priority": 1000,
            "disabled": False,
            "logConfig": {"enable": False},
            **body,
            "name": answers.name(body.get("name")),
            "network": NETWORK,
        }
        added = self._store.add("global/firewalls", rule)
        return self._operations.begin("insert", "global/firewalls", added, asked, lambda: None)

    def delete(self, place: str, name: str, asked: str) -> Document:
        """Delete a firewall rule, or an address or a disk that nobody uses."""
        thing = self._store.find(place, name)
        if thing.get("users"):
            raise Refusal(
                400,
                "resourceInUseByAnotherResource",
                f"The resource '{thing['selfLink']}' is already being used by "
                f"'{thing['users'][0]}'",
            )
        return self._operations.begin(
            "delete", place, thing, asked, lambda: self._store.remove(place, thing)
        )

    def insert_address(self, place: str, body: Document, asked: str) -> Document:
        """Reserve an address, or refuse to."""
        only(body, _ADDRESS, "resource")
        address = {
            "addressType": "EXTERNAL",
            "networkTier": "PREMIUM",
            **body,
            "name": answers.name(body.get("name")),
            "address": self._store.outside_address(),
            "status": "RESERVED",
        }
        added = self._store.add(place, address)
        return self._operations.begin("insert", place, added, asked, lambda: None)

    def add_way(
        self, place: str, name: str, interface: str, body: Document, asked: str
    ) -> Document:
        """Give an instance a public address."""
        instance = self._store.find(place, name)
        nic = _interface(instance, interface)
        if nic.get("accessConfigs"):
            raise Refusal(
                400, "invalid", f"At most one access config currently supported on '{interface}'."
            )
        nic["accessConfigs"] = [self.way(place, instance, body)]
        return self._operations.begin("addAccessConfig", place, instance, asked, lambda: None)

    def delete_way(self, place: str, name: str, interface: str, way: str, asked: str) -> Document:
        """Take the public address from an instance."""
        instance = self._store.find(place, name)
        nic = _interface(instance, interface)
        if way not in [one["name"] for one in nic.get("accessConfigs", [])]:
            raise invalid("accessConfig", way, "There is no such access config.")
        self.release(instance)
        del nic["accessConfigs"]
        return self._operations.begin("deleteAccessConfig", place, instance, asked, lambda: None)

    def way(self, place: str, instance: Document, wanted: Document) -> Document:
        """Describe a public address; without one in the request it is any."""
        only(wanted, _WAY, "accessConfig")
        if wanted.get("type", "ONE_TO_ONE_NAT") != "ONE_TO_ONE_NAT":
            raise invalid("accessConfig.type", wanted["type"], "Must be ONE_TO_ONE_NAT.")
        address = wanted.get("natIP", "")
        if address:
            static = self._static(place, address)
            if not static or static.get("users"):
                raise invalid("accessConfig.natIP", address, "It is not reserved, or in use.")
            static.update(status="IN_USE", users=[instance["selfLink"]], _user=instance["id"])
        return {
            "kind": "compute#accessConfig",
            "type": "ONE_TO_ONE_NAT",
            "name": wanted.get("name") or "external-nat",
            "natIP": address or self._store.outside_address(),
            "networkTier": "PREMIUM",
        }

    def release(self, instance: Document) -> None:
        """Let the static address of an instance go, which stays reserved."""
        for address in self._used_by(instance):
            del address["users"], address["_user"]
            address["status"] = "RESERVED"

    def renamed(self, instance: Document) -> None:
        """Let the static address of an instance tell its new name."""
        for address in self._used_by(instance):
            address["users"] = [instance["selfLink"]]

    def connect(self, place: str, instance: Document) -> None:
        """Give a new instance the public addresses that its request has."""
        for nic in instance["networkInterfaces"]:
            if ways := nic.pop("_wanted"):
                nic["accessConfigs"] = [self.way(place, instance, ways[0])]

    def forget(self, instance: Document) -> None:
        """Take from a stopped instance the address that is nobody's own."""
        for nic in instance["networkInterfaces"]:
            for way in nic.get("accessConfigs", []):
                if not self._is_static(way["natIP"]):
                    del way["natIP"]

    def refresh(self, instance: Document) -> None:
        """Give an instance that starts another such address."""
        for nic in instance["networkInterfaces"]:
            for way in nic.get("accessConfigs", []):
                way.setdefault("natIP", self._store.outside_address())

    def _is_static(self, address: str) -> bool:
        return address in [one["address"] for one in self._addresses()]

    def _used_by(self, instance: Document) -> list[Document]:
        return [one for one in self._addresses() if one.get("_user") == instance["id"]]

    def _addresses(self) -> list[Document]:
        regions = catalogue.REGIONS
        return [one for name in regions for one in self._store.all(f"regions/{name}/addresses")]

    def _static(self, place: str, address: str) -> Document | None:
        region = catalogue.ZONES[place.split("/")[1]]
        things = self._store.all(f"regions/{region}/addresses")
        return next((one for one in things if one["address"] == address), None)


def _interface(instance: Document, name: str) -> Document:
    for nic in instance["networkInterfaces"]:
        if nic["name"] == name:
            found: Document = nic
            return found
    raise not_found(f"{instance['selfLink']}/networkInterfaces/{name}")


def _check_ports(entry: Any) -> None:
    only(entry, {"IPProtocol": str, "ports": list}, "resource.allowed")
    protocol = entry.get("IPProtocol", "").lower()
    if protocol not in _PROTOCOLS and not protocol.isdecimal():
        raise invalid("resource.allowed[].IPProtocol", protocol, "It is unknown.")
    if entry.get("ports") and protocol not in ("tcp", "udp", "sctp"):
        raise invalid("resource.allowed[].ports", entry["ports"], f"{protocol} has no ports.")
    for ports in entry.get("ports", []):
        found = _PORTS.fullmatch(str(ports))
        if not found or not int(found[1]) <= int(found[2] or found[1]) <= 65535:
            raise invalid("resource.allowed[].ports", ports, "Must be a port or a range of them.")


def _check_range(source: Any) -> None:
    try:
        ipaddress.ip_network(source)
    except ValueError:
        raise invalid("resource.sourceRanges", source, "Must be a CIDR address range.") from None
