"""The VMs of a cloud for scripts: what `cms vm` does, with its records as the result."""

import dataclasses
from typing import Any

from cloudmesh_engine.commands import vm, vm_manual
from cloudmesh_engine.commands.vm_request import COLUMNS, VmRequest
from cloudmesh_engine.config import Settings
from cloudmesh_engine.entry.context import told
from cloudmesh_engine.ledger import Document
from cloudmesh_engine.usage import parse


class _Request(VmRequest):
    """A request that keeps what a command would print."""

    def __init__(self, settings: Settings, arguments: dict[str, Any]) -> None:
        super().__init__(settings, arguments)
        self.records: list[Document] = []

    def show(self, records: list[Document], columns: tuple[str, ...] = COLUMNS) -> None:
        """Keep records."""
        kept = [{key: one[key] for key in one if key != "_id"} for one in records]
        self.records += kept


def perform(settings: Settings, cloud: str, *words: str, wait: object = None) -> list[Document]:
    """Do what `cms vm WORDS` does on a cloud, and give the records.

    :param wait: the seconds that the cloud has to confirm it, if not those of cloudmesh.yaml
    """
    with told("vm"):
        arguments = parse(vm_manual.MANUAL, [*words])
        # As a command with --output=json: nothing is printed, not even what ssh says.
        arguments.update({"--cloud": cloud, "--output": "json"})
        request = _Request(_patient(settings, wait), arguments)
        vm.perform(request)
        return request.records


def _patient(settings: Settings, wait: object) -> Settings:
    if wait is None:
        return settings
    root = settings.data["cloudmesh"]
    limits = {**(root.get("limits") or {}), "wait_seconds": wait}
    return dataclasses.replace(settings, data={"cloudmesh": {**root, "limits": limits}})
