"""Azure: which VMs there are, ours and others, and how each one is."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from cloudmesh_engine.clouds import GONE, NAME_TAG, Machine
from cloudmesh_engine.clouds.azure_arm import Arm, Document
from cloudmesh_engine.clouds.azure_errors import translated
from cloudmesh_engine.clouds.azure_machine import VM, describe, owner
from cloudmesh_engine.clouds.listing import gone

FORGOTTEN = GONE[-1]
_AT_ONCE = 8
# How long Azure keeps its log of what was done.
_LOG_DAYS = 89
_LAUNCHES = (f"{VM}/write", f"{VM}/start/action")


class Lookup:
    """The part of the driver that looks at VMs."""

    cloud: str
    owner: str
    addresses: Any
    _arm: Arm
    _new: set[str]
    _known: dict[str, Machine]

    def find(self, name: str) -> list[Machine]:
        """Give our VMs of that name or id that still exist, the oldest first."""
        return self._ours(lambda vm: name in (_name(vm), vm["name"]))

    def find_foreign(self, name: str) -> list[Machine]:
        """Give the VMs of that name or id that are not ours."""
        return self._foreign(lambda vm: name in (_name(vm), vm["name"]))

    def get(self, machine_id: str) -> Machine | None:
        """Look one of our VMs up by its id."""
        with translated():
            vm = self._arm.find(self._arm.id(VM, machine_id), _expand="instanceView")
        if vm:
            self._new.discard(machine_id)
            return self._with_addresses(vm) if owner(vm) == self.owner else None
        # What was only just made may not be shown everywhere at once.
        return None if machine_id in self._new else gone(self.cloud, machine_id, self._known)

    def list_owned(self) -> list[Machine]:
        """Give all our VMs that still exist."""
        return self._ours(lambda _: True)

    def list_foreign(self) -> list[Machine]:
        """Give the VMs of the subscription that are not ours."""
        return self._foreign(lambda _: True)

    def last_launch(self, machine: Machine) -> str:
        """Say when a VM was started last, of which only Azure's log of what was done tells."""
        since = (datetime.now(UTC) - timedelta(days=_LOG_DAYS)).strftime("%Y-%m-%dT%H:%M:%SZ")
        place = f"{self._arm.root}/providers/Microsoft.Insights/eventtypes/management/values"
        resource = self._arm.id(VM, machine.id)
        wanted = f"eventTimestamp ge '{since}' and resourceUri eq '{resource}'"
        with translated():
            events = self._arm.every(place, _filter=wanted)
        starts = [str(one["eventTimestamp"]) for one in events if _is_launch(one)]
        # A VM's making is in the log too, but may be longer ago than the log lasts.
        return max(starts, default=machine.launched)

    def _ours(self, wanted: Callable[[Document], bool]) -> list[Machine]:
        with translated():
            listed = self._arm.listed(VM)
        found = [vm for vm in listed if owner(vm) == self.owner and wanted(vm)]
        return self._seen(found, self._with_addresses)

    def _foreign(self, wanted: Callable[[Document], bool]) -> list[Machine]:
        with translated():
            listed = self._arm.every(f"{self._arm.root}/providers/{VM}")
        ours = f"{self._arm.group}/".lower()
        found = [
            vm
            for vm in listed
            if wanted(vm) and not (owner(vm) == self.owner and vm["id"].lower().startswith(ours))
        ]
        return self._seen(found, lambda vm: _described(self.cloud, vm, [], []))

    def _seen(
        self, found: Iterable[Document], shown: Callable[[Document], Machine]
    ) -> list[Machine]:
        """Look at each VM: a list does not tell which ones run."""

        def look(vm: Document) -> Machine | None:
            with translated():
                now = self._arm.find(str(vm["id"]), _expand="instanceView")
            return shown(now) if now else None

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            machines = [one for one in pool.map(look, found) if one and one.state not in GONE]
        return sorted(machines, key=lambda machine: (machine.launched, machine.id))

    def _with_addresses(self, vm: Document) -> Machine:
        with translated():
            public, private = self.addresses(str(vm["name"]))
        machine = _described(self.cloud, vm, public, private)
        self._known[machine.id] = machine
        return machine


def _described(cloud: str, vm: Document, public: list[str], private: list[str]) -> Machine:
    view = vm["properties"].get("instanceView") or {}
    return describe(cloud, vm, view, public, private)


def _name(vm: Document) -> str:
    return str((vm.get("tags") or {}).get(NAME_TAG) or vm["name"])


def _is_launch(event: Document) -> bool:
    what, how = ((event.get(key) or {}).get("value") for key in ("operationName", "status"))
    return what in _LAUNCHES and how == "Succeeded"
