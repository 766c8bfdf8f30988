"""`cms transfer`: moves objects from any store to any store."""

import re
import sys
from collections.abc import Mapping
from typing import Any

from cloudmesh_engine import stores
from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import UsageError
from cloudmesh_engine.moving import runs
from cloudmesh_engine.moving.filters import Filter
from cloudmesh_engine.moving.plan import Spot, split, spot
from cloudmesh_engine.moving.result import Options
from cloudmesh_engine.output import checked, render

_RATE = re.compile(r"(\d+(?:\.\d+)?)([KMG]?)(?:i?B)?", re.IGNORECASE)
_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}
_AT_ONCE = 64
_COLUMNS = (
    "action", "source", "target", "files", "bytes", "unchanged", "deleted", "failed", "retries",
    "seconds", "digest",
)  # fmt: skip


def run(settings: Settings, arguments: Mapping[str, Any]) -> None:
    """Run one `cms transfer` command."""
    form = output(arguments)
    wanted = Filter(arguments["--include"], arguments["--exclude"])
    options = Options(
        parallel=_parallel(str(arguments["--parallel"])),
        verify=verify(str(arguments["--verify"])),
        delete=bool(arguments["--delete"]),
        dryrun=bool(arguments["--dryrun"]),
        bandwidth=rate(str(arguments["--bwlimit"])),
    )
    source, target = (place(settings, arguments[name]) for name in ("SOURCE", "TARGET"))
    report, failure = runs.run(settings, source, target, options, wanted)
    show(settings, report, form)
    if failure:
        raise failure


def place(settings: Settings, text: str) -> Spot:
    """Open what `SERVICE:PATH` names."""
    service, path = split(text)
    return spot(stores.open_store(settings, service), path)


def output(arguments: Mapping[str, Any]) -> str:
    """Give the output format that is asked for."""
    return checked(str(arguments["--output"] or "table"))


def show(settings: Settings, report: Mapping[str, Any], form: str) -> None:
    """Write the report of a run to stdout."""
    if form in ("json", "yaml"):
        data = [dict(report)]
    else:
        data = [{name: report[name] for name in _COLUMNS}]
        if form == "table":
            # What identifies a run is for programs; it would make the table too wide.
            data[0]["digest"] = str(report["digest"])[:12]
    sys.stdout.write(settings.redact(render(data, form)))


def rate(text: str) -> float:
    """Read a number of bytes a second."""
    match = _RATE.fullmatch(text)
    if not match:
        raise UsageError(f"--bwlimit={text}: give bytes a second, as 500K, 10M or 1G")
    return float(match[1]) * _UNITS[match[2].upper()]


def _parallel(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= _AT_ONCE:
        raise UsageError(f"--parallel={text}: give a number from 1 to {_AT_ONCE}")
    return int(text)


def verify(text: str) -> str:
    """Read how to verify."""
    if text not in ("store", "read"):
        raise UsageError(f"--verify={text}: use store or read")
    return text
