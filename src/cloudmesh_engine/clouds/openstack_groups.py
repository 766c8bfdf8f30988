"""OpenStack: security groups. Only those whose description names our owner are ever changed."""

import time
from collections.abc import Sequence
from typing import Any

from cloudmesh_engine.clouds import OWNER_TAG
from cloudmesh_engine.clouds.openstack_errors import translated
from cloudmesh_engine.clouds.resources import Document, Rule, labelled
from cloudmesh_engine.errors import ActionFailed, Refused

# Seconds: what another command takes at most from making a group to its first rule.
_PATIENCE, _PAUSE = 5.0, 0.2
_ANYWHERE = {"IPv4": "0.0.0.0/0", "IPv6": "::/0"}


class Groups:
    """The security groups of a project; Neutron lets several have one name."""

    def __init__(self, cloud: str, owner: str, connection: Any) -> None:
        self.cloud = cloud
        self.owner = owner
        self._cloud = connection

    def groups(self, name: str = "") -> list[Document]:
        """Give the security groups, of that name if one is given, with their `rules`."""
        query = {"name": name} if name else {}
        with translated():
            found = list(self._cloud.network.security_groups(**query))
        return [self._document(group) for group in found]

    def find_group(self, name: str, network: str = "") -> Document | None:
        """Look up the group of a name, ours first; a group is good for every network."""
        found = sorted(self.groups(name), key=self._rank)
        return found[0] if found else None

    def ensure_group(
        self, name: str, description: str, rules: Sequence[Rule], network: str = ""
    ) -> str:
        """Make sure that a security group of ours has the rules; give its id."""
        group = self._lasting(name, description, rules)
        lacking = [rule for rule in rules if rule.document() not in group["rules"]]
        if lacking and group["owner"] != self.owner:
            raise Refused(
                f"security group {name} ({group['id']}) on {self.cloud} was not made by this "
                "appliance and lacks rules: add them yourself, or choose another name"
            )
        for rule in lacking:
            with translated(ignore=409):
                self._cloud.network.create_security_group_rule(
                    security_group_id=group["id"], **_neutron_rule(rule)
                )
        return str(group["id"])

    def delete_group(self, name: str) -> None:
        """Delete the security groups of ours that have that name."""
        found = self.groups(name)
        owned = [group for group in found if group["owner"] == self.owner]
        if found and not owned:
            ids = ", ".join(group["id"] for group in found)
            raise Refused(
                f"security group {name} ({ids}) on {self.cloud} was not made by this appliance"
            )
        if not owned:
            raise ActionFailed(f"no security group {name!r} on {self.cloud}")
        for group in owned:
            with translated():
                self._cloud.network.delete_security_group(group["id"], ignore_missing=True)

    def _lasting(self, name: str, description: str, rules: Sequence[Rule]) -> Document:
        """Give the group of a name, and make one if there is none.

        Of two commands at once each makes one, and whoever sees both takes the older. So one
        without rules may go again: only who stays with the group that it made gives it any.
        """
        deadline = time.monotonic() + _PATIENCE
        while True:
            group, new = self.find_group(name), False
            if not group:
                group, new = self._create(name, description)
            foreign = group["owner"] != self.owner
            if new or foreign or group["rules"] or not rules or time.monotonic() > deadline:
                return group
            time.sleep(_PAUSE)

    def _create(self, name: str, description: str) -> tuple[Document, bool]:
        """Make a group; give it, or an older one of that name, and whether it is the new one."""
        mark = f"{OWNER_TAG}={self.owner}"
        with translated():
            made = self._cloud.network.create_security_group(
                name=name, description=f"{description} [{mark}]"
            )
        kept = self.find_group(name) or self._document(made)
        if kept["id"] == made.id:
            return kept, True
        # A VM of a third command may use it already.
        with translated(ignore=409):
            self._cloud.network.delete_security_group(made.id, ignore_missing=True)
        return kept, False

    def _rank(self, group: Document) -> tuple[bool, str, str]:
        return group["owner"] != self.owner, group["created_at"], group["id"]

    def _document(self, group: Any) -> Document:
        text = str(group.description or "")
        description, _, mark = text.partition(f" [{OWNER_TAG}=")
        entry = {
            "id": str(group.id),
            "created_at": str(group.created_at or ""),
            "description": description,
            "owner": mark.removesuffix("]"),
            "rules": [
                _rule(rule).document()
                for rule in group.security_group_rules or []
                if rule["direction"] == "ingress"
            ],
        }
        return labelled(entry, "secgroup", self.cloud, "openstack", str(group.name))


def _neutron_rule(rule: Rule) -> dict[str, Any]:
    first, last = rule.bounds
    version = "IPv6" if ":" in rule.source else "IPv4"
    wanted = {
        "direction": "ingress",
        "ether_type": version,
        "protocol": rule.protocol,
        "remote_ip_prefix": rule.source,
    }
    return wanted if first == -1 else {**wanted, "port_range_min": first, "port_range_max": last}


def _rule(entry: dict[str, Any]) -> Rule:
    first, last = entry.get("port_range_min"), entry.get("port_range_max")
    source = entry.get("remote_ip_prefix") or entry.get("remote_group_id")
    return Rule(
        protocol=str(entry.get("protocol") or "any"),
        ports="" if first is None else f"{first}:{last}",
        source=str(source or _ANYWHERE[entry["ethertype"]]),
    )
