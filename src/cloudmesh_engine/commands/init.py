"""`cms init`: makes MongoDB and the clouds ready for the first VM, as often as you like."""

import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cloudmesh_engine import clouds, database, output, readiness
from cloudmesh_engine.commands import init_drop
from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import NotSupported, UsageError, raise_worst
from cloudmesh_engine.readiness import Report


def run(settings: Settings, arguments: Mapping[str, Any]) -> None:
    """Run the command."""
    _check(arguments)
    chosen = _chosen(settings, str(arguments["CLOUD"] or ""))
    dryrun, force = bool(arguments["--dryrun"]), bool(arguments["--force"])
    dropped = init_drop.drop(settings, force=force, dryrun=dryrun) if arguments["--drop"] else []
    reports = [Report(settings, database.LOCAL).take(readiness.local_steps(settings, dryrun))]
    if not reports[0].is_down:
        reports += _clouds(settings, chosen, dryrun)
    records = dropped + [record for report in reports for record in report.records]
    sys.stdout.write(settings.redact(output.render(records, str(arguments["--output"]))))
    raise_worst([error for report in reports for error in report.errors])


def _check(arguments: Mapping[str, Any]) -> None:
    kind = arguments["--output"]
    if kind not in (*output.STRUCTURED, "table"):
        raise UsageError(f"--output={kind}: unknown format: use table, json, yaml or csv")
    if arguments["yaml"]:
        raise NotSupported("init yaml: downloads nothing: config/cloudmesh.yaml is the template")
    if arguments["--debug"]:
        raise NotSupported("init --debug: set CLOUDMESH_DEBUG=1 for the commands you look into")
    if arguments["--force"] and not arguments["--drop"]:
        raise UsageError("init --force: goes with --drop only")


def _chosen(settings: Settings, cloud: str) -> list[str]:
    if not cloud:
        return clouds.supported(settings)
    # One that is not active may be named all the same.
    clouds.check_supported(settings, cloud)
    return [cloud]


def _clouds(settings: Settings, chosen: list[str], dryrun: bool) -> list[Report]:
    def one(cloud: str) -> Report:
        return Report(settings, cloud).take(readiness.cloud_steps(settings, cloud, dryrun))

    # Side by side, so that one that does not answer keeps no other waiting.
    with ThreadPoolExecutor() as pool:
        return list(pool.map(one, chosen))
