"""How many VMs the appliance may have, and what all of them may cost an hour."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cloudmesh_engine.clouds import Driver
from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import ConfigError, Refused
from cloudmesh_engine.ledger import Ledger
from cloudmesh_engine.prices import TABLE, Prices

# The flavors of VMs by cloud and name.
_Flavors = Mapping[tuple[str, str], str]


@dataclass(frozen=True)
class Limits:
    """The limits of cloudmesh.limits; None: there is none."""

    prices: Prices
    most: int | None
    dollars: float | None

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """Read them from the configuration."""
        dollars = _text(settings, "max_hourly_cost", r"\d+(\.\d+)?")
        most = whole(settings, "max_vms")
        return cls(Prices(settings), most, None if dollars is None else float(dollars))

    def check(self, ledger: Ledger, driver: Driver, new: Iterable[str], flavor: str) -> None:
        """Refuse when VMs of these names would be too many, or too dear."""
        wanted = {(driver.cloud, name): flavor for name in new}
        if not wanted or (self.most is None and self.dollars is None):
            return
        # Own claims are in the ledger by now, so commands at once see each other.
        flavors = {(row.cloud, row.name): row.request.flavor for row in ledger.wanted()}
        flavors |= {(one.cloud, one.name): one.flavor for one in driver.list_owned()}
        flavors |= wanted
        self._check_count(len(flavors))
        self._check_cost(flavors)

    def _check_count(self, total: int) -> None:
        if self.most is not None and total > self.most:
            raise Refused(
                f"boot: {total} VMs would be more than the {self.most} that "
                "cloudmesh.limits.max_vms allows: delete some, or raise the limit"
            )

    def _check_cost(self, flavors: _Flavors) -> None:
        if self.dollars is None:
            return
        # Stopped VMs count too: a start is never refused.
        total = sum(self._cost(cloud, flavor) for (cloud, _), flavor in flavors.items())
        if round(total, 6) > self.dollars:
            raise Refused(
                f"boot: {len(flavors)} VMs would cost {total:.4f} USD an hour, more than the "
                f"{self.dollars:g} that cloudmesh.limits.max_hourly_cost allows: "
                "delete some, choose a smaller --flavor, or raise the limit"
            )

    def _cost(self, cloud: str, flavor: str) -> float:
        price = self.prices.hourly(cloud, flavor)
        if price is None:
            raise Refused(
                f"boot: nobody knows what {flavor} on {cloud} costs, and "
                f"cloudmesh.limits.max_hourly_cost is set: write its price into "
                f"cloudmesh.cloud.{cloud}.prices in cloudmesh.yaml, or into {TABLE}"
            )
        return price


def whole(settings: Settings, name: str) -> int | None:
    """Read a whole number below cloudmesh.limits, if it is set."""
    text = _text(settings, name, r"\d+")
    return None if text is None else int(text)


def _text(settings: Settings, name: str, pattern: str) -> str | None:
    value = (settings.data["cloudmesh"].get("limits") or {}).get(name)
    if value is None or value == "":
        return None
    if not re.fullmatch(pattern, str(value)):
        raise ConfigError(f"{settings.path}: cloudmesh.limits.{name}: {value!r} is not a number")
    return str(value)
