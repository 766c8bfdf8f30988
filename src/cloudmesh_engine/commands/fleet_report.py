"""`cms fleet report`: how long VMs ran, and what that cost."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cloudmesh_engine.commands.vm_request import VmRequest
from cloudmesh_engine.errors import UsageError
from cloudmesh_engine.ledger import Document
from cloudmesh_engine.prices import Prices
from cloudmesh_engine.timesheets import KEPT_DAYS, Sheet

_FIELDS = ("cloud", "dag", "run", "owner", "group", "name", "flavor")
_TOTALS = ("vms", "running", "hours", "cost", "unpriced_hours")

_Part = tuple[Document, float, bool]


@dataclass
class _Total:
    """What the VMs of one line of the report add up to."""

    vms: set[str] = field(default_factory=set)
    running: set[str] = field(default_factory=set)
    hours: float = 0
    cost: float = 0
    unpriced: float = 0

    def record(self) -> Document:
        """Give it as it is shown."""
        values = (len(self.vms), len(self.running), round(self.hours, 2), round(self.cost, 4))
        return dict(zip(_TOTALS, (*values, round(self.unpriced, 2)), strict=True))


def report(request: VmRequest) -> None:
    """Add up the hours and the cost of VMs in the last days."""
    fields, end = _fields(request), datetime.now(UTC)
    begin = end - timedelta(days=request.days(KEPT_DAYS))
    prices, totals = Prices(request.settings), dict[tuple[str, ...], _Total]()
    for sheet in request.ledger.timesheets.read():
        for values, hours, runs in _parts(sheet, begin, end):
            total = totals.setdefault(tuple(values[one] for one in fields), _Total())
            price = prices.hourly(sheet.cloud, values["flavor"])
            vm = f"{sheet.cloud}/{sheet.instance}"
            total.vms.add(vm)
            if runs:
                total.running.add(vm)
            total.hours += hours
            total.cost += hours * (price or 0)
            total.unpriced += hours if price is None else 0
    records = [
        {**dict(zip(fields, key, strict=True)), **totals[key].record()} for key in sorted(totals)
    ]
    request.show(records, (*fields, *_TOTALS))


def _parts(sheet: Sheet, begin: datetime, end: datetime) -> Iterator[_Part]:
    """Give each stretch of a VM in the time that is asked for, and whether it goes on."""
    values = {
        "cloud": sheet.cloud,
        "dag": sheet.run.partition("/")[0],
        "run": sheet.run,
        "owner": sheet.owner,
        "group": sheet.group,
        "name": sheet.name,
    }
    for stretch in sheet.stretches:
        if hours := stretch.hours(begin, end):
            yield {**values, "flavor": stretch.flavor}, hours, stretch.until is None


def _fields(request: VmRequest) -> list[str]:
    text = str(request.arguments["--by"])
    fields = list(dict.fromkeys(text.split(",")))
    if not {*fields} <= {*_FIELDS}:
        raise UsageError(f"--by={text}: choose from {','.join(_FIELDS)}")
    return fields
