"""What a VM costs an hour: by the user's own prices, its provider's, or the table we ship."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from cloudmesh_engine import clouds, config, quotes
from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import ConfigError

TABLE = "prices.yaml"


@dataclass(frozen=True)
class _List:
    """Prices of one source.

    :param where: what to name in an error
    """

    source: str
    where: str
    prices: Mapping[str, Any]

    def price(self, flavor: str) -> float | None:
        """Give the price of a flavor; what is no price is an error."""
        price = self.prices.get(flavor)
        if price is None:
            return None
        if isinstance(price, bool) or not isinstance(price, int | float) or not 0 <= price < 1e6:
            raise ConfigError(
                f"{self.where}: {flavor}: {price!r} is no price: write dollars an hour"
            )
        return float(price)


class Prices:
    """Prices in US dollars."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._file = settings.path.with_name(TABLE)
        # A report asks for one cloud's many times.
        self._quoted = cache(lambda place: quotes.read(settings, place))

    def hourly(self, cloud: str, flavor: str) -> float | None:
        """Give the price of an hour, or None if nobody knows it."""
        found = (one.price(flavor) for one in self._lists(cloud))
        return next((price for price in found if price is not None), None)

    def known(self, cloud: str) -> dict[str, tuple[float, str]]:
        """Give each flavor whose price is known, the price, and who says so."""
        found: dict[str, tuple[float, str]] = {}
        for one in self._lists(cloud):
            for flavor in one.prices:
                price = one.price(flavor)
                if price is not None:
                    found.setdefault(flavor, (price, one.source))
        return found

    def _lists(self, cloud: str) -> Iterator[_List]:
        """Give the lists that may have a price, the one that counts most first."""
        section = clouds.known(self._settings).get(cloud, {})
        own = f"{self._settings.path}: cloudmesh.cloud.{cloud}.prices"
        yield _List(self._settings.path.name, own, _mapping(section.get("prices"), own))
        kind, region = quotes.place(section)
        quoted = self._quoted((kind, region))
        if quoted:
            where = f"prices of {kind}.{region} in MongoDB"
            yield _List(f"{kind}, {quoted.day}", where, quoted.prices)
        # The price of another region is no price: it may differ by half.
        regions = _mapping(self._table.get(kind), f"{self._file}: {kind}")
        where = f"{self._file}: {kind}.{region}"
        yield _List(TABLE, where, _mapping(regions.get(region), where))

    @cached_property
    def _table(self) -> Mapping[str, Any]:
        if not self._file.exists():
            return {}
        return _mapping(config.read_yaml(self._file, "take the repository's"), str(self._file))


def _mapping(node: Any, where: str) -> Mapping[str, Any]:
    if node is not None and not isinstance(node, Mapping):
        raise ConfigError(f"{where}: must hold names and values")
    return node or {}
