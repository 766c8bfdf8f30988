"""What providers themselves ask for an hour, as they last said: the MongoDB collection `prices`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pymongo.collection import Collection

from cloudmesh_engine import mongo
from cloudmesh_engine.config import Settings

# The kind of a cloud, and the region.
Place = tuple[str, str]


@dataclass(frozen=True)
class Quotes:
    """A provider's prices of one region, by flavor.

    :param day: when it said so, as 2026-11-21
    """

    day: str
    prices: Mapping[str, float]


def place(section: Mapping[str, Any]) -> Place:
    """Say where the VMs of a cloud's section of cloudmesh.yaml are, as far as prices go."""
    credentials = section.get("credentials") or {}
    # Google's is that of the zone, which upstream calls datacenter.
    zone = str(credentials.get("datacenter") or "")
    words = ("region", "region_name", "AZURE_REGION")
    region = str(next(filter(None, map(credentials.get, words)), zone.rpartition("-")[0]))
    return str((section.get("cm") or {}).get("kind")), region


def read(settings: Settings, where: Place) -> Quotes | None:
    """Give what the provider last said of a region, if it was ever asked."""
    stored = _collection(settings).find_one({"_id": "/".join(where)})
    # Pairs, since the name of a flavor has a dot, which a field's name should not.
    return Quotes(stored["at"][:10], dict(stored["prices"])) if stored else None


def write(settings: Settings, where: Place, prices: Mapping[str, float]) -> None:
    """Keep what the provider says of a region."""
    kept = {"at": datetime.now(UTC).isoformat(), "prices": sorted(prices.items())}
    _collection(settings).replace_one({"_id": "/".join(where)}, kept, upsert=True)


def _collection(settings: Settings) -> Collection[dict[str, Any]]:
    server = mongo.server(settings)
    return mongo.client(server)[server.database]["prices"]
