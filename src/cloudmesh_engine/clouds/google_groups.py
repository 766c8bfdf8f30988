"""Google: firewall rules in the place of security groups.

A group is what has its name as a network tag: each of its rules is a firewall rule of its own for
VMs with that tag. Only those whose description names our owner are ever changed.
"""

import hashlib
import itertools
import re
from collections.abc import Sequence

from cloudmesh_engine.clouds import OWNER_TAG
from cloudmesh_engine.clouds.google_client import Compute
from cloudmesh_engine.clouds.google_errors import Problem, translated
from cloudmesh_engine.clouds.google_networks import network_of, path
from cloudmesh_engine.clouds.resources import Document, Rule, labelled
from cloudmesh_engine.errors import ActionFailed, Refused, UsageError

# Of a network tag, less what the name of a rule adds to it.
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,52}[a-z0-9])?")


class Groups:
    """The groups of a project, each in a network."""

    def __init__(self, cloud: str, owner: str, compute: Compute, network: str) -> None:
        self.cloud = cloud
        self.owner = owner
        self._compute = compute
        self._network = network

    def groups(self, name: str = "") -> list[Document]:
        """Give the groups, of that name if one is given, with their `rules`."""
        with translated():
            found = list(self._compute.every(self._compute.everywhere("firewalls")))
        pairs = sorted(
            ((tag, rule) for rule in found for tag in rule.get("targetTags") or []),
            key=lambda pair: (pair[0], str(pair[1]["network"]), str(pair[1]["name"])),
        )
        chosen = [(tag, rule) for tag, rule in pairs if name in ("", tag)]
        series = itertools.groupby(chosen, lambda pair: (pair[0], str(pair[1]["network"])))
        return [
            self._document(tag, network, [rule for _, rule in members])
            for (tag, network), members in series
        ]

    def find_group(self, name: str, network: str = "") -> Document | None:
        """Look up the group that VMs in a network would get by that name."""
        found = self.groups(name)
        place = network_of(self._compute, network or self._network) if found else ""
        return next((group for group in found if group["network"] == place), None)

    def ensure_group(
        self, name: str, description: str, rules: Sequence[Rule], network: str = ""
    ) -> str:
        """Make sure that a group of ours has the rules; give its name, which is its id too."""
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"security group {name!r}: on {self.cloud} use lower case, digits and '-'"
            )
        group = self.find_group(name, network)
        there = group["rules"] if group else []
        lacking = [rule for rule in rules if rule.document() not in there]
        if group and lacking and group["owner"] != self.owner:
            raise Refused(
                f"security group {name} on {self.cloud} was not made by this appliance and lacks "
                "rules: add them yourself, or choose another name"
            )
        if lacking:
            place = network_of(self._compute, network or self._network)
            for rule in lacking:
                self._add(name, description, rule, place)
        return name

    def delete_group(self, name: str) -> None:
        """Delete the rules of ours that make up the groups of that name."""
        found = self.groups(name)
        owned = [group for group in found if group["owner"] == self.owner]
        if found and not owned:
            raise Refused(f"security group {name} on {self.cloud} was not made by this appliance")
        if not owned:
            raise ActionFailed(f"no security group {name!r} on {self.cloud}")
        for group in owned:
            self.delete_rules(group)

    def delete_rules(self, group: Document) -> None:
        """Delete the rules of ours in one of the groups; one that is gone is no failure."""
        for firewall in group["own_rules"]:
            with translated(ignore=404):
                place = self._compute.everywhere("firewalls", firewall)
                self._compute.change("DELETE", place)

    def _add(self, name: str, description: str, rule: Rule, network: str) -> None:
        first, last = rule.bounds
        allowed: Document = {"IPProtocol": rule.protocol}
        if first != -1:
            allowed["ports"] = [str(first) if first == last else f"{first}-{last}"]
        # The same for every command, so that of two at once one is refused.
        text = f"{self.owner} {network} {rule.protocol} {rule.ports} {rule.source}"
        wanted = {
            "name": f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}",
            "description": f"{description} [{OWNER_TAG}={self.owner}]",
            "network": network,
            "direction": "INGRESS",
            "sourceRanges": [rule.source],
            "targetTags": [name],
            "allowed": [allowed],
        }
        with translated():
            try:
                self._compute.change("POST", self._compute.everywhere("firewalls"), wanted)
            except Problem as error:
                if not error.is_there:
                    raise

    def _document(self, name: str, network: str, firewalls: list[Document]) -> Document:
        own = [one for one in firewalls if _mark(one) == self.owner]
        shown = next(iter(own or firewalls))
        rules = [
            rule.document()
            for one in firewalls
            if one.get("direction", "INGRESS") == "INGRESS" and not one.get("disabled")
            for rule in _rules(one)
        ]
        entry = {
            "id": name,
            "network": path(network),
            "description": str(shown.get("description") or "").partition(f" [{OWNER_TAG}=")[0],
            "owner": _mark(shown),
            "own_rules": [str(one["name"]) for one in own],
            "rules": rules,
        }
        return labelled(entry, "secgroup", self.cloud, "google", name)


def _mark(firewall: Document) -> str:
    text = str(firewall.get("description") or "")
    return text.partition(f"[{OWNER_TAG}=")[2].removesuffix("]")


def _rules(firewall: Document) -> list[Rule]:
    return [
        Rule(str(entry["IPProtocol"]), ports.replace("-", ":") if ports else "", source)
        for entry in firewall.get("allowed") or []
        for ports in map(_pair, entry.get("ports") or [""])
        for source in firewall.get("sourceRanges") or ["0.0.0.0/0"]
    ]


def _pair(ports: str) -> str:
    return ports if "-" in ports or not ports else f"{ports}-{ports}"
