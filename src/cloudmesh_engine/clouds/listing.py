"""Finds VMs in the list of all, on clouds that are not asked by tags and forget what is deleted."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from cloudmesh_engine.clouds import GONE, Machine


class Listing:
    """The part of a driver that says which VMs there are, ours and others.

    :ivar _seen: the VMs that were seen, by id
    """

    cloud: str
    owner: str
    _seen: dict[str, Machine]

    def find(self, name: str) -> list[Machine]:
        """Give our VMs of that name or id that still exist, the oldest first."""
        return self._ours(lambda machine: name in (machine.name, machine.id))

    def find_foreign(self, name: str) -> list[Machine]:
        """Give the VMs of that name or id that are not ours."""
        return [one for one in self.list_foreign() if name in (one.name, one.id)]

    def list_owned(self) -> list[Machine]:
        """Give all our VMs that still exist."""
        return self._ours(lambda _: True)

    def list_foreign(self) -> list[Machine]:
        """Give the VMs that are not ours."""
        return [one for one in self._existing(ours=False) if one.owner != self.owner]

    def _listed(self, ours: bool) -> Iterable[Machine]:
        """Ask the cloud.

        :param ours: others are of no use, and may be left out
        """
        raise NotImplementedError

    def _ours(self, wanted: Callable[[Machine], bool]) -> list[Machine]:
        found = self._existing(ours=True)
        ours = (one for one in found if one.owner == self.owner and wanted(one))
        return sorted(ours, key=lambda machine: (machine.launched, machine.id))

    def _existing(self, ours: bool) -> list[Machine]:
        return [one for one in map(self._saw, self._listed(ours)) if one.state not in GONE]

    def _saw(self, machine: Machine) -> Machine:
        self._seen[machine.id] = machine
        return machine

    def _gone(self, machine_id: str) -> Machine:
        return gone(self.cloud, machine_id, self._seen)


def gone(cloud: str, machine_id: str, seen: Mapping[str, Machine]) -> Machine:
    """Describe a VM that its cloud has forgotten, as far as it was seen before."""
    nothing = Machine(cloud, "", machine_id, "", "", "", "", [], [], "", {})
    known = seen.get(machine_id, nothing)
    return replace(known, state="terminated", public_ips=[], private_ips=[])
