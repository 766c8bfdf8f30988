"""What a cloud may still hold of ours when no VM needs it any more."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

# In the order in which they can be deleted.
KINDS = ("address", "disk", "interface", "group", "key")
# What costs nothing.
FREE = ("group", "key")


@dataclass(frozen=True)
class Holding:
    """One thing beside VMs that lies in a cloud.

    :param owner: the appliance that made it; empty if nothing says so
    :param vm: the id of the VM that it was made for, if it was made for one
    """

    cloud: str
    kind: str
    id: str
    name: str
    owner: str
    used: bool
    vm: str = ""


# How a kind is listed, and how one of it is deleted; one that is gone is no failure.
Part = tuple[Callable[[], list[Holding]], Callable[[Holding], None]]


class Leftovers:
    """The holdings of a cloud. Every method may raise an EngineError.

    :param parts: what this cloud keeps of ours, by kind
    """

    def __init__(self, cloud: str, owner: str, parts: Mapping[str, Part]) -> None:
        self.cloud = cloud
        self.owner = owner
        self._parts = parts

    def look(self) -> list[Holding]:
        """Give the holdings that carry our owner tag."""
        return [one for kind in KINDS if kind in self._parts for one in self._owned(kind)]

    def discard(self, holding: Holding) -> bool:
        """Delete a holding; False: it is not ours, in use, or gone by now."""
        now = next((one for one in self._owned(holding.kind) if one.id == holding.id), None)
        if now is None or now.used:
            return False
        self._parts[holding.kind][1](now)
        return True

    def _owned(self, kind: str) -> list[Holding]:
        return [one for one in self._parts[kind][0]() if one.owner == self.owner]
