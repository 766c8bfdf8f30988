"""Reads the inventory in MongoDB: the only place in Airflow's half that talks to it.

The login may only read. Whatever changes a VM goes through `cms`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

from cloudmesh_airflow.errors import CloudmeshAirflowError

Record = dict[str, Any]

# For a VM that is nowhere in the inventory.
ABSENT = "absent"
_FIELDS = {"_id": 0, "name": 1, "cloud": 1, "status": 1, "run": 1, "deadline": 1, "public_ips": 1}
_MORE = (
    "private_ips", "flavor", "image", "created", "instance_id", "cost_per_hour", "cm.updated",
)  # fmt: skip
_ALL_FIELDS = {**_FIELDS, **dict.fromkeys(_MORE, 1)}
_SUFFIX = "-vm"
_SHEET = {"_id": 0, "cloud": 1, "since": 1, "until": 1, "past": 1}


class InventoryDown(CloudmeshAirflowError):
    """MongoDB does not answer, or does not let us in."""


@dataclass(frozen=True)
class Server:
    """Where the inventory is, and who reads it."""

    host: str
    port: int
    database: str
    login: str
    password: str

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{self.host}:{self.port}"

    @property
    def uri(self) -> str:
        """The connection string; the mechanism is named as the offline stand-in needs it."""
        login = f"{quote_plus(self.login)}:{quote_plus(self.password)}"
        options = (
            "authMechanism=SCRAM-SHA-256&authSource=admin&appName=airflow"
            "&serverSelectionTimeoutMS=3000&connectTimeoutMS=3000&socketTimeoutMS=30000"
        )
        return f"mongodb://{login}@{self.address}/?{options}"


def read(server: Server, cloud: str) -> list[Record]:
    """Give the VMs of a cloud as they were last seen."""
    from pymongo import MongoClient
    from pymongo.errors import PyMongoError

    try:
        with MongoClient[Record](server.uri) as client:
            return list(client[server.database][f"{cloud}-vm"].find({"cm.kind": "vm"}, _FIELDS))
    except PyMongoError as error:
        raise _down(server, error) from error


async def states(server: Server, cloud: str, names: Iterable[str]) -> dict[str, set[str]]:
    """Give the states in which VMs were last seen; no VM of a name is `absent`."""
    from pymongo import AsyncMongoClient
    from pymongo.errors import PyMongoError

    query = {"cm.kind": "vm", "name": {"$in": list(names)}}
    try:
        async with AsyncMongoClient[Record](server.uri) as client:
            found = client[server.database][f"{cloud}-vm"].find(query, _FIELDS)
            return by_name(await found.to_list(), names)
    except PyMongoError as error:
        raise _down(server, error) from error


class Reader:
    """Keeps a connection open, for who reads all clouds again and again."""

    def __init__(self, server: Server) -> None:
        from pymongo import AsyncMongoClient

        self._server = server
        self._client = AsyncMongoClient[Record](server.uri)
        self._database = self._client[server.database]

    async def vms(self) -> list[Record]:
        """Give the VMs of every cloud as they were last seen."""
        from pymongo.errors import PyMongoError

        try:
            names = await self._database.list_collection_names()
            found: list[Record] = []
            for name in sorted(name for name in names if name.endswith(_SUFFIX)):
                cursor = self._database[name].find({"cm.kind": "vm"}, _ALL_FIELDS)
                cloud = name.removesuffix(_SUFFIX)
                found += [{**record, "cloud": cloud} for record in await cursor.to_list()]
            return found
        except PyMongoError as error:
            raise _down(self._server, error) from error

    async def hours(self) -> list[Record]:
        """Give what office hours remember of clouds and VMs, and tell of schedules."""
        return await self.documents("hours", fields={"_id": 0})

    async def documents(
        self, collection: str, query: Record | None = None, fields: Mapping[str, int] | None = None
    ) -> list[Record]:
        """Give documents of a collection, all of them or those that a query means."""
        from pymongo.errors import PyMongoError

        try:
            return await self._database[collection].find(query or {}, fields).to_list()
        except PyMongoError as error:
            raise _down(self._server, error) from error

    async def timesheets(self, since: datetime) -> list[Record]:
        """Give when the VMs ran that did since then."""
        # As the engine writes it: text of one length in one zone sorts as the times do.
        earliest = since.astimezone(UTC).isoformat(timespec="microseconds")
        query = {"$or": [{"until": ""}, {"until": {"$gte": earliest}}]}
        return await self.documents("timesheets", query, _SHEET)

    async def close(self) -> None:
        """Close the connection."""
        await self._client.close()


def by_name(records: Iterable[Mapping[str, Any]], names: Iterable[str]) -> dict[str, set[str]]:
    """Collect the states that records tell of each name."""
    seen: dict[str, set[str]] = {name: set() for name in names}
    for record in records:
        if record["name"] in seen:
            seen[record["name"]].add(str(record["status"]))
    return {name: found or {ABSENT} for name, found in seen.items()}


def _down(server: Server, error: Exception) -> InventoryDown:
    reason = str(error).partition(" (configured")[0].partition(", full error")[0]
    return InventoryDown(
        f"MongoDB at {server.address} cannot be read as {server.login!r}: {reason}: "
        "start it, or check the cloudmesh connection"
    )
