"""Azure: network security groups. Only those that carry our owner tag are ever changed."""

from collections.abc import Sequence
from typing import Any

from cloudmesh_engine.clouds.azure_arm import NETWORK, Arm
from cloudmesh_engine.clouds.azure_errors import translated
from cloudmesh_engine.clouds.azure_machine import owner
from cloudmesh_engine.clouds.resources import Document, Rule, labelled
from cloudmesh_engine.errors import ActionFailed, Refused

_GROUPS = f"{NETWORK}/networkSecurityGroups"
_DESCRIPTION_TAG = "cm-description"
# Azure's own words for everything.
_ANY = {"*", "Internet", "Any"}
_LOWEST, _STEP = 1000, 10
_ALL_PORTS = "0-65535"


def find(arm: Arm, name: str) -> Document | None:
    """Look a group of our resource group up."""
    return arm.find(arm.id(_GROUPS, name))


class Groups:
    """The security groups of our resource group."""

    def __init__(self, cloud: str, owner: str, arm: Arm) -> None:
        self.cloud = cloud
        self.owner = owner
        self._arm = arm

    def groups(self, name: str = "") -> list[Document]:
        """Give the security groups, of that name if one is given, with their `rules`."""
        with translated():
            found = self._arm.listed(_GROUPS)
        return [self._document(one) for one in found if name in ("", one["name"])]

    def find_group(self, name: str, network: str = "") -> Document | None:
        """Look up the group that VMs would get by that name; any network may use it."""
        with translated():
            found = find(self._arm, name)
        return self._document(found) if found else None

    def ensure_group(
        self, name: str, description: str, rules: Sequence[Rule], network: str = ""
    ) -> str:
        """Make sure that a security group of ours has the rules; give its id."""
        place = self._arm.id(_GROUPS, name)
        with translated():
            found = find(self._arm, name)
        there = self._document(found)["rules"] if found else []
        lacking = [rule for rule in rules if rule.document() not in there]
        if found and not lacking:
            return place
        if found and owner(found) != self.owner:
            raise Refused(
                f"security group {name} on {self.cloud} was not made by this appliance and lacks "
                "rules: add them yourself, or choose another name"
            )
        tags = {**self._arm.owned, _DESCRIPTION_TAG: description}
        new: Document = {"location": self._arm.location, "tags": tags, "properties": {}}
        group = found or new
        kept = list(group["properties"].get("securityRules") or [])
        group["properties"]["securityRules"] = [*kept, *_added(kept, lacking)]
        # So that of two commands at once none loses the other's rules.
        headers = {"If-Match": str(found["etag"])} if found else {}
        with translated():
            self._arm.put_whole(place, group, headers)
        return place

    def delete_group(self, name: str) -> None:
        """Delete a security group of ours."""
        with translated():
            found = find(self._arm, name)
        if not found:
            raise ActionFailed(f"no security group {name!r} on {self.cloud}")
        if owner(found) != self.owner:
            raise Refused(f"security group {name} on {self.cloud} was not made by this appliance")
        with translated():
            self._arm.delete(str(found["id"]))

    def _document(self, group: Document) -> Document:
        entry = labelled(group, "secgroup", self.cloud, "azure", str(group["name"]))
        rules = group["properties"].get("securityRules") or []
        return {
            **entry,
            "description": str((group.get("tags") or {}).get(_DESCRIPTION_TAG) or ""),
            "owner": owner(group),
            "rules": [_rule(one["properties"]).document() for one in rules if _lets_in(one)],
        }


def _added(kept: Sequence[Document], rules: Sequence[Rule]) -> list[Document]:
    """Write rules as Azure does, each with a priority of its own."""
    taken = [int(one["properties"]["priority"]) for one in kept]
    first = max([_LOWEST - _STEP, *taken]) + _STEP
    return [_azure_rule(rule, first + number * _STEP) for number, rule in enumerate(rules)]


def _azure_rule(rule: Rule, priority: int) -> Document:
    first, last = rule.bounds
    ports = "*" if first == -1 else str(first) if first == last else f"{first}-{last}"
    properties: dict[str, Any] = {
        "protocol": rule.protocol.capitalize() if rule.protocol != "any" else "*",
        "sourceAddressPrefix": rule.source,
        "sourcePortRange": "*",
        "destinationAddressPrefix": "*",
        "destinationPortRange": ports,
        "access": "Allow",
        "direction": "Inbound",
        "priority": priority,
    }
    return {"name": f"cm-{rule.protocol}-{priority}", "properties": properties}


def _lets_in(rule: Document) -> bool:
    properties = rule["properties"]
    return (properties.get("direction"), properties.get("access")) == ("Inbound", "Allow")


def _rule(properties: Document) -> Rule:
    ports = str(properties.get("destinationPortRange") or "*")
    first, _, last = ports.partition("-")
    protocol = str(properties.get("protocol") or "*").lower()
    source = str(properties.get("sourceAddressPrefix") or "*")
    return Rule(
        protocol="any" if protocol == "*" else protocol,
        ports="" if ports in ("*", _ALL_PORTS) else f"{first}:{last or first}",
        source="0.0.0.0/0" if source in _ANY else source,
    )
