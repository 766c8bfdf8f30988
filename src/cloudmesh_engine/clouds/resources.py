"""What a cloud offers and keeps beside VMs: images, flavors, keys and security groups."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from cloudmesh_engine.errors import UsageError

Document = dict[str, Any]


@dataclass(frozen=True)
class Rule:
    """What a security group lets in.

    :param protocol: tcp, udp or icmp
    :param ports: first and last as upstream writes them, `22:22`; empty for icmp
    :param source: the addresses that may come in, as a CIDR
    """

    protocol: str
    ports: str
    source: str

    @property
    def bounds(self) -> tuple[int, int]:
        """The first and the last port; -1 stands for all."""
        first, _, last = self.ports.partition(":")
        try:
            return (int(first), int(last or first)) if first else (-1, -1)
        except ValueError:
            raise UsageError(f"ports {self.ports!r}: write them as 22:22") from None

    def document(self) -> Document:
        """Write the rule as upstream does."""
        return {"protocol": self.protocol, "ports": self.ports, "ip_range": self.source}


def labelled(entry: Document, kind: str, cloud: str, driver: str, name: str) -> Document:
    """Give a cloud's entry upstream's label."""
    now = str(datetime.now(UTC))
    cm = {"kind": kind, "driver": driver, "cloud": cloud, "name": name}
    return {**entry, "name": name, "cm": {**cm, "updated": now, "created": now}}


def words(value: Any) -> list[str]:
    """Read a list of the configuration, or a text with commas."""
    found = value if isinstance(value, list) else str(value or "").split(",")
    return [str(word).strip() for word in found if str(word).strip()]


class Resources(Protocol):
    """What the rest of the engine needs. Documents have upstream's shape, `cm` and all.

    Every method may raise an EngineError.
    """

    cloud: str
    owner: str

    def images(self, name: str = "") -> list[Document]:
        """Give the images that a name or pattern (`*`) finds, or else a useful choice."""

    def flavors(self, name: str = "") -> list[Document]:
        """Give the flavors, of that name or pattern if there is one."""

    def keys(self) -> list[Document]:
        """Give the keys."""

    def add_key(self, name: str, public_key: str) -> bool:
        """Upload a key; say whether it is new. Another key of that name is never replaced."""

    def delete_key(self, name: str) -> None:
        """Delete a key that we uploaded."""

    def groups(self, name: str = "") -> list[Document]:
        """Give the security groups, of that name if one is given, with their `rules`."""

    def find_group(self, name: str, network: str = "") -> Document | None:
        """Look up the group that VMs in a network would get by that name."""

    def ensure_group(
        self, name: str, description: str, rules: Sequence[Rule], network: str = ""
    ) -> str:
        """Make sure that a security group of ours has the rules; give its id.

        :param network: the subnet whose VMs shall use it; empty: the default one
        """

    def delete_group(self, name: str) -> None:
        """Delete a security group of ours."""
