"""How many VMs the appliance may have, and what all of them may cost: an hour, and a month."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from cloudmesh_engine import months
from cloudmesh_engine.clouds import DEADLINE_TAG, Driver
from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import ConfigError, Refused
from cloudmesh_engine.ledger import Ledger
from cloudmesh_engine.prices import TABLE, Prices

_HOURLY, _MONTHLY = "max_hourly_cost", "max_monthly_cost"


@dataclass(frozen=True)
class Vm:
    """What of a VM makes its cost."""

    flavor: str
    deadline: str = ""


# VMs by cloud and name.
_Vms = Mapping[tuple[str, str], Vm]


@dataclass(frozen=True)
class Limits:
    """The limits of cloudmesh.limits; None: there is none.

    :param dollars: an hour
    :param budget: dollars a month
    """

    prices: Prices
    most: int | None
    dollars: float | None
    budget: float | None

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """Read them from the configuration."""
        dollars, budget = (_dollars(settings, name) for name in (_HOURLY, _MONTHLY))
        return cls(Prices(settings), whole(settings, "max_vms"), dollars, budget)

    def check(self, ledger: Ledger, driver: Driver, new: Iterable[str], vm: Vm) -> None:
        """Refuse when new VMs of these names would be too many, or too dear."""
        wanted = {(driver.cloud, name): vm for name in new}
        if not wanted or {self.most, self.dollars, self.budget} == {None}:
            return
        there = _there(ledger, driver)
        if self.most is not None and len(there | wanted) > self.most:
            raise Refused(
                f"boot: {len(there | wanted)} VMs would be more than the {self.most} that "
                "cloudmesh.limits.max_vms allows: delete some, or raise the limit"
            )
        others = {name: one for name, one in there.items() if name not in wanted}
        self._check_cost("boot", ledger, others, others | wanted)

    def check_resize(self, ledger: Ledger, driver: Driver, name: str, flavor: str) -> None:
        """Refuse when a VM would become too dear; to make it cheaper is never refused."""
        if self.dollars is None and self.budget is None:
            return
        there = _there(ledger, driver)
        vm = Vm(flavor, there[driver.cloud, name].deadline)
        self._check_cost("resize", ledger, there, {**there, (driver.cloud, name): vm})

    def _check_cost(self, verb: str, ledger: Ledger, before: _Vms, after: _Vms) -> None:
        if self.dollars is not None:
            # Stopped VMs count too: a start is never refused.
            then, total = (self._hourly(verb, vms) for vms in (before, after))
            if round(total, 6) > self.dollars and total > then:
                raise Refused(
                    f"{verb}: {len(after)} VMs would cost {total:.4f} USD an hour, more than the "
                    f"{self.dollars:g} that cloudmesh.limits.{_HOURLY} allows: "
                    "delete some, choose a smaller --flavor, or raise the limit"
                )
        if self.budget is not None:
            self._check_month(verb, ledger, before, after)

    def _check_month(self, verb: str, ledger: Ledger, before: _Vms, after: _Vms) -> None:
        now = datetime.now(UTC)
        spent = sum(
            hours * self._price(verb, _MONTHLY, cloud, flavor)
            for cloud, flavor, hours in months.hours(ledger.timesheets.read(), now)
        )
        then, more = (self._monthly(verb, vms, now) for vms in (before, after))
        if round(spent + more, 6) > (self.budget or 0) and more > then:
            raise Refused(
                f"{verb}: {len(after)} VMs would make this month cost {spent + more:.2f} USD, "
                f"{spent:.2f} of them spent by now, more than the {self.budget:g} that "
                f"cloudmesh.limits.{_MONTHLY} allows: give a --deadline, delete some, choose a "
                "smaller --flavor, or raise the limit"
            )

    def _hourly(self, verb: str, vms: _Vms) -> float:
        return sum(self._price(verb, _HOURLY, cloud, vm.flavor) for (cloud, _), vm in vms.items())

    def _monthly(self, verb: str, vms: _Vms, now: datetime) -> float:
        return sum(
            self._price(verb, _MONTHLY, cloud, vm.flavor) * months.hours_left(vm.deadline, now)
            for (cloud, _), vm in vms.items()
        )

    def _price(self, verb: str, limit: str, cloud: str, flavor: str) -> float:
        price = self.prices.hourly(cloud, flavor)
        if price is None:
            raise Refused(
                f"{verb}: nobody knows what {flavor} on {cloud} costs, and "
                f"cloudmesh.limits.{limit} is set: write its price into "
                f"cloudmesh.cloud.{cloud}.prices in cloudmesh.yaml, or into {TABLE}"
            )
        return price


def _there(ledger: Ledger, driver: Driver) -> dict[tuple[str, str], Vm]:
    """Give the VMs that are there, or shall be."""
    # Own claims are in the ledger by now, so commands at once see each other.
    vms = {
        (row.cloud, row.name): Vm(row.request.flavor, row.request.labels.get("deadline", ""))
        for row in ledger.wanted()
    }
    for one in driver.list_owned():
        vms[one.cloud, one.name] = Vm(one.size, one.tags.get(DEADLINE_TAG, ""))
    return vms


def whole(settings: Settings, name: str) -> int | None:
    """Read a whole number below cloudmesh.limits, if it is set."""
    text = _text(settings, name, r"\d+")
    return None if text is None else int(text)


def _dollars(settings: Settings, name: str) -> float | None:
    text = _text(settings, name, r"\d+(\.\d+)?")
    return None if text is None else float(text)


def _text(settings: Settings, name: str, pattern: str) -> str | None:
    value = (settings.data["cloudmesh"].get("limits") or {}).get(name)
    if value is None or value == "":
        return None
    if not re.fullmatch(pattern, str(value)):
        raise ConfigError(f"{settings.path}: cloudmesh.limits.{name}: {value!r} is not a number")
    return str(value)
