"""`cms fleet`: finds out which verb was asked for, and runs it."""

from collections.abc import Callable, Mapping
from typing import Any

from cloudmesh_engine.commands import fleet_hours, fleet_prices, fleet_reap, fleet_report
from cloudmesh_engine.commands.vm_request import VmRequest
from cloudmesh_engine.config import Settings

_VERBS: Mapping[str, Callable[[VmRequest], None]] = {
    "hours show": fleet_hours.show,
    "hours preview": fleet_hours.preview,
    "hours apply": fleet_hours.apply,
    "hours snooze": fleet_hours.snooze,
    "hours off": fleet_hours.opt_out,
    "hours on": fleet_hours.opt_in,
    "report": fleet_report.report,
    "prices": fleet_prices.show,
    "reap": fleet_reap.reap,
    "adopt": fleet_reap.adopt,
    "deadline": fleet_reap.set_deadline,
}


def run(settings: Settings, arguments: Mapping[str, Any]) -> None:
    """Run one `cms fleet` command."""
    request = VmRequest(settings, arguments)
    for verb, command in _VERBS.items():
        if all(arguments[word] for word in verb.split()):
            command(request)
