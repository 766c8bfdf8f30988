"""What MongoDB knows; what is long is read once in a moment however many ask."""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from cloudmesh_airflow.api.kept import Kept
from cloudmesh_airflow.hooks.cloudmesh import CloudmeshHook
from cloudmesh_airflow.inventory import InventoryDown, Reader, Record


class Snapshot:
    """The last answers of MongoDB."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._reader: Reader | None = None

    async def vms(self) -> list[Record]:
        """Give all VMs, sorted by cloud and name."""
        found: list[Record] = await self._kept.get("vms", self._vms)
        return found

    async def hours(self) -> list[Record]:
        """Give what office hours remember."""
        return await (await self._connected()).hours()

    async def services(self) -> list[Record]:
        """Give the storage services, as they were when a folder was last looked into."""
        return await (await self._connected()).documents("storage")

    async def listing(self, service: str, path: str) -> Record | None:
        """Give what was last seen in a folder."""
        query = {"_id": f"{service}:{path}"}
        return next(iter(await (await self._connected()).documents("listings", query)), None)

    async def transfers(self) -> list[Record]:
        """Give the last run of each transfer without its failures, the newest first."""
        found: list[Record] = await self._kept.get("transfers", self._transfers)
        return found

    async def transfer(self, identifier: str) -> Record | None:
        """Give the last run of a transfer."""
        query = {"_id": identifier}
        return next(iter(await (await self._connected()).documents("transfers", query)), None)

    async def timesheets(self, since: datetime) -> list[Record]:
        """Give when the VMs ran that did since then."""
        return await (await self._connected()).timesheets(since)

    async def close(self) -> None:
        """Close the connection."""
        reader, self._reader = self._reader, None
        if reader:
            await reader.close()

    async def _vms(self) -> list[Record]:
        try:
            return _sorted(await (await self._connected()).vms())
        except InventoryDown:
            # The connection may name another MongoDB by the next time.
            await self.close()
            raise

    async def _transfers(self) -> list[Record]:
        fields = {"report.failures": 0}
        found = await (await self._connected()).documents("transfers", fields=fields)
        return sorted(found, key=lambda record: str(record.get("updated") or ""), reverse=True)

    async def _connected(self) -> Reader:
        if not self._reader:
            settings = await asyncio.to_thread(lambda: CloudmeshHook().settings)
            # Somebody else may have been quicker.
            self._reader = self._reader or Reader(settings.server)
        return self._reader


def _sorted(records: Iterable[Record]) -> list[Record]:
    named = (record for record in records if record.get("name"))
    return sorted(named, key=lambda record: (record["cloud"], str(record["name"])))


def _of(request: Request) -> Snapshot:
    snapshot: Snapshot = request.app.state.snapshot
    return snapshot


SnapshotDep = Annotated[Snapshot, Depends(_of)]
