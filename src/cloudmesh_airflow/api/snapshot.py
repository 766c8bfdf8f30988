"""What MongoDB knows; the VMs are read at most once a second however many ask."""

import asyncio
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from cloudmesh_airflow.hooks.cloudmesh import CloudmeshHook
from cloudmesh_airflow.inventory import InventoryDown, Reader, Record

FRESH_SECONDS = 1.0


class Snapshot:
    """The last answer of MongoDB, or why there was none."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._reader: Reader | None = None
        self._read_at = float("-inf")
        self._vms: list[Record] = []
        self._down: InventoryDown | None = None

    async def vms(self) -> list[Record]:
        """Give all VMs, sorted by cloud and name."""
        async with self._lock:
            if time.monotonic() - self._read_at > FRESH_SECONDS:
                await self._read()
            if self._down:
                raise self._down
            return self._vms

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
        fields = {"report.failures": 0}
        found = await (await self._connected()).documents("transfers", fields=fields)
        return sorted(found, key=lambda record: str(record.get("updated") or ""), reverse=True)

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

    async def _read(self) -> None:
        try:
            found = await (await self._connected()).vms()
            self._vms, self._down = _sorted(found), None
        except InventoryDown as down:
            self._down = down
            # The connection may name another MongoDB by the next time.
            await self.close()
        self._read_at = time.monotonic()

    async def _connected(self) -> Reader:
        if not self._reader:
            settings = await asyncio.to_thread(lambda: CloudmeshHook().settings)
            self._reader = Reader(settings.server)
        return self._reader


def _sorted(records: Iterable[Record]) -> list[Record]:
    named = (record for record in records if record.get("name"))
    return sorted(named, key=lambda record: (record["cloud"], str(record["name"])))


def _of(request: Request) -> Snapshot:
    snapshot: Snapshot = request.app.state.snapshot
    return snapshot


SnapshotDep = Annotated[Snapshot, Depends(_of)]
