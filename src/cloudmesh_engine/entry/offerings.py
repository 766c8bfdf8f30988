"""What a cloud offers beside VMs, for scripts: images, flavors, keys and security groups."""

from collections.abc import Iterable
from typing import Any

from cloudmesh_engine import clouds, database, offers, owner
from cloudmesh_engine.clouds.resources import Document, Resources, Rule
from cloudmesh_engine.entry.context import Unsupported, settings, told
from cloudmesh_engine.errors import ActionFailed, UsageError

_DESCRIPTION = "Made by cloudmesh-airflow"


class Offerings:
    """The methods of upstream's provider for what is no VM."""

    name: str

    def images(self, *_: Any, **query: Any) -> list[Document]:
        """Give the images, or those that `name` (an id, a name or a pattern) finds."""
        return self._offered("image", query)

    def image(self, name: str | None = None) -> Document | None:
        """Give an image."""
        return _first(self.images(name=name))

    def flavors(self, **query: Any) -> list[Document]:
        """Give the flavors, or those that `name` (or a pattern) finds."""
        return self._offered("flavor", query)

    def flavor(self, **query: Any) -> list[Document]:
        """Give the flavors."""
        return self.flavors(**query)

    def keys(self) -> list[Document]:
        """Give the keys that the cloud knows."""
        with told("keys"):
            return self._stored("key", self._resources().keys())

    def key_upload(self, key: Any = None) -> Document:
        """Give the cloud a public key: a document of `cms key list`, or its name."""
        with told("key upload"):
            document = key if isinstance(key, dict) else self._local("key", str(key))
            name = str(document["name"])
            self._resources().add_key(name, str(document["public_key"]))
            return {"KeyName": name, "name": name, "cloud": self.name}

    def key_delete(self, name: Any = None) -> Document:
        """Delete a key that we uploaded."""
        with told("key delete"):
            wanted = str(name["name"] if isinstance(name, dict) else name)
            self._resources().delete_key(wanted)
            return {"KeyName": wanted, "name": wanted, "cloud": self.name}

    def list_secgroups(self, name: str | None = None) -> list[Document]:
        """Give the security groups, all or those of a name."""
        with told("secgroups"):
            return [_with_rules(group) for group in self._resources().groups(name or "")]

    def list_secgroup_rules(self, name: str | None = None) -> list[Document]:
        """Give the rules of the security groups, each with its group's name."""
        groups = self.list_secgroups(name)
        return [rule for group in groups for rule in group["security_group_rules"]]

    def add_secgroup(self, name: str | None = None, description: str | None = None) -> str:
        """Make a security group of ours; give its id."""
        return self._ensure(name, description, [])

    def add_secgroup_rule(
        self,
        name: str | None = None,
        port: str | None = None,
        protocol: str | None = None,
        ip_range: str | None = None,
    ) -> str:
        """Add a rule to a security group of ours, which is made if it is not there."""
        rule = Rule(str(protocol or "tcp").lower(), port or "", ip_range or "0.0.0.0/0")
        return self._ensure(name, None, [rule])

    def add_rules_to_secgroup(self, name: str | None = None, rules: Any = None) -> str:
        """Add rules that the database knows by their names."""
        with told("secgroup"):
            found = [_rule(self._local("secrule", str(one))) for one in rules or []]
        return self._ensure(name, None, found)

    def upload_secgroup(self, name: str | None = None) -> str:
        """Make a security group of the database on the cloud, with its rules."""
        with told("secgroup"):
            group = self._local("secgroup", str(name))
            rules = [_rule(self._local("secrule", str(rule))) for rule in group["rules"]]
        return self._ensure(name, group.get("description"), rules)

    def remove_secgroup(self, name: str | None = None) -> bool:
        """Delete a security group of ours."""
        with told("secgroup"):
            self._resources().delete_group(_required(name))
            return True

    def remove_rules_from_secgroup(self, name: str | None = None, rules: Any = None) -> None:
        """Refuse: a group only ever gets more rules."""
        raise Unsupported("remove_rules_from_secgroup: use remove_secgroup, then upload_secgroup")

    def _resources(self) -> Resources:
        return clouds.open_resources(settings(), self.name, owner.current())

    def _offered(self, kind: str, query: dict[str, Any]) -> list[Document]:
        name = str(query.pop("name", None) or "")
        unknown = sorted(key for key, value in query.items() if value is not None)
        if unknown:
            raise Unsupported(f"{kind}s: cannot filter by {', '.join(unknown)}: only by name")
        with told(f"{kind}s"):
            resources = self._resources()
            found = resources.images(name) if kind == "image" else resources.flavors(name)
            # What a pattern finds is not all that there is.
            return found if name else self._stored(kind, found)

    def _stored(self, kind: str, found: list[Document]) -> list[Document]:
        offers.refresh(settings(), self.name, kind, found)
        return found

    def _ensure(self, name: str | None, description: str | None, rules: Iterable[Rule]) -> str:
        with told("secgroup"):
            wanted = _required(name)
            return self._resources().ensure_group(wanted, description or _DESCRIPTION, [*rules])

    def _local(self, kind: str, name: str) -> Document:
        found = database.connect(settings())[f"local-{kind}"].find_one({"cm.name": name})
        if not found:
            hint = "cms key add" if kind == "key" else "cms sec load"
            raise ActionFailed(f"no {kind} named {name!r} is stored: see {hint}")
        return found


def _required(name: str | None) -> str:
    if not name:
        raise UsageError("security group: give a name")
    return name


def _rule(document: Document) -> Rule:
    ports = str(document["ports"] or "")
    protocol = str(document["protocol"]).lower()
    return Rule(protocol, "" if protocol == "icmp" else ports, str(document["ip_range"]))


def _with_rules(group: Document) -> Document:
    """Add the rules as OpenStack writes them, which upstream reads for clouds not named aws."""
    rules = []
    for rule in group["rules"]:
        first, _, last = rule["ports"].partition(":")
        words = {"name": group["name"], "direction": "Inbound", "IpProtocol": rule["protocol"]}
        rules.append({**words, "FromPort": first, "ToPort": last, "ipRange": rule["ip_range"]})
    return {**group, "security_group_rules": rules}


def _first(found: list[Document]) -> Document | None:
    return found[0] if found else None
