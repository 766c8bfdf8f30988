"""What a VM costs an hour: by the user's own prices, or by the table beside cloudmesh.yaml."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from cloudmesh_engine import clouds, config
from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import ConfigError

TABLE = "prices.yaml"


class Prices:
    """Prices in US dollars."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._file = settings.path.with_name(TABLE)

    def hourly(self, cloud: str, flavor: str) -> float | None:
        """Give the price of an hour, or None if nobody wrote it down."""
        section = clouds.known(self._settings).get(cloud, {})
        own = f"{self._settings.path}: cloudmesh.cloud.{cloud}.prices"
        price = _price(section.get("prices"), flavor, own)
        if price is not None:
            return price
        kind = str((section.get("cm") or {}).get("kind"))
        credentials = section.get("credentials") or {}
        # Google's is that of the zone, which upstream calls datacenter.
        zone = str(credentials.get("datacenter") or "")
        words = ("region", "region_name", "AZURE_REGION")
        region = str(next(filter(None, map(credentials.get, words)), zone.rpartition("-")[0]))
        # The price of another region is no price: it may differ by half.
        regions = _mapping(self._table.get(kind), f"{self._file}: {kind}")
        return _price(regions.get(region), flavor, f"{self._file}: {kind}.{region}")

    @cached_property
    def _table(self) -> Mapping[str, Any]:
        if not self._file.exists():
            return {}
        return _mapping(config.read_yaml(self._file, "take the repository's"), str(self._file))


def _price(prices: Any, flavor: str, where: str) -> float | None:
    price = _mapping(prices, where).get(flavor)
    if price is None:
        return None
    if isinstance(price, bool) or not isinstance(price, int | float) or not 0 <= price < 1e6:
        raise ConfigError(f"{where}: {flavor}: {price!r} is no price: write dollars an hour")
    return float(price)


def _mapping(node: Any, where: str) -> Mapping[str, Any]:
    if node is not None and not isinstance(node, Mapping):
        raise ConfigError(f"{where}: must hold names and values")
    return node or {}
