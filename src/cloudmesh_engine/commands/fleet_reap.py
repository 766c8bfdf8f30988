"""`cms fleet reap`, `adopt` and `deadline`: what should be gone, and what should not."""

import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cloudmesh_engine import clouds, waiting
from cloudmesh_engine.clouds import DEADLINE_TAG, Driver, Machine
from cloudmesh_engine.commands.vm_request import VmRequest, of_cloud, result, unknown
from cloudmesh_engine.errors import Refused, UsageError
from cloudmesh_engine.hours import times
from cloudmesh_engine.ledger import Document
from cloudmesh_engine.reaping import config, watch
from cloudmesh_engine.reaping.book import KEPT_DAYS, Book
from cloudmesh_engine.reaping.plan import Patience
from cloudmesh_engine.reaping.sweep import Orders, Sweep

_FOUND = ("cloud", "kind", "name", "id", "why", "due")
_DELETED = ("at", "cloud", "what", "name", "id", "why")


def reap(request: VmRequest) -> None:
    """Look at all clouds at once for what should be gone, and delete it if that is asked for."""
    if request.arguments["--watch"]:
        watch.run(request.settings)
    elif request.arguments["--log"]:
        begin = datetime.now(UTC) - timedelta(days=request.days(KEPT_DAYS))
        request.show(Book(request.settings).history(begin), _DELETED)
    else:
        _reap(request)


def adopt(request: VmRequest) -> None:
    """Take VMs of ours that the ledger does not know into it."""
    names, there = set(request.names), set[str]()

    def work(cloud: str) -> list[Document]:
        driver = request.driver(cloud)
        records = []
        for machine in driver.list_owned():
            if names and not names & {machine.name, machine.id}:
                continue
            there.update((machine.name, machine.id))
            if not _is_known(request, machine):
                records.append(_adopt(request, driver, machine))
        return records

    found, errors = request.on_clouds(_chosen(request), work)
    errors += [unknown(name, "any cloud") for name in sorted(names - there)]
    request.show([record for records in found.values() for record in records])
    request.fail_clouds(errors)


def set_deadline(request: VmRequest) -> None:
    """Set or move the deadline of VMs."""
    text, now = str(request.arguments["--until"]), datetime.now(UTC)
    until = None if text == "never" else times.until(text, "--until", {ZoneInfo("UTC")}, now)
    at = until.isoformat(timespec="seconds") if until else ""
    driver = request.driver(request.cloud())

    def judge(seen: Machine) -> str:
        return "" if seen.tags.get(DEADLINE_TAG, "") == at else "does not show its deadline"

    def one(machine: Machine) -> Document:
        if request.dryrun:
            return {**result(machine, "would set deadline"), "deadline": at}
        if at:
            driver.tag(machine, DEADLINE_TAG, at)
        else:
            driver.untag(machine, DEADLINE_TAG)
        machine = waiting.confirm(driver, machine, judge, request.budget)
        request.ledger.record(machine)
        return result(machine, "deadline set")

    request.each(
        request.names,
        lambda name: [one(machine) for machine in request.owned(driver, name)],
        ("cloud", "name", "status", "instance_id", "deadline"),
    )


def _reap(request: VmRequest) -> None:
    orders = Orders(
        act=bool(request.arguments["--yes"]),
        budget=request.budget,
        patience=_patience(request),
        run=str(request.arguments["--run"] or ""),
    )
    swept, errors = request.on_clouds(
        _chosen(request), lambda cloud: Sweep(request.settings, cloud, orders).run()
    )
    request.show([record for sweep in swept.values() for record in sweep.records], _FOUND)
    for cloud, sweep in swept.items():
        errors += [of_cloud(cloud, error) for error in sweep.errors]
    if not orders.act and any(sweep.records for sweep in swept.values()):
        print("cms: note: nothing was deleted: add --yes for that", file=sys.stderr)
    request.fail_clouds(errors)


def _patience(request: VmRequest) -> Patience:
    text = request.arguments["--grace"]
    if not text:
        return config.patience(request.settings)
    try:
        grace = timedelta(hours=float(text))
    except (ValueError, OverflowError):
        grace = timedelta(-1)
    if grace < timedelta(0):
        raise UsageError(f"--grace={text}: give a number of hours")
    return Patience(grace, grace, grace)


def _chosen(request: VmRequest) -> list[str]:
    return request.given_clouds or clouds.supported(request.settings)


def _is_known(request: VmRequest, machine: Machine) -> bool:
    # Two sections of cloudmesh.yaml may be of one account: both see its VMs.
    rows, chosen = request.ledger.wanted(), _chosen(request)
    return any(row.cloud in chosen and row.instance == machine.id for row in rows)


def _adopt(request: VmRequest, driver: Driver, machine: Machine) -> Document:
    twins = [other.id for other in driver.find(machine.name) if other.id != machine.id]
    if twins:
        raise Refused(
            f"{machine.name} ({machine.id}): {', '.join(twins)} has that name too: "
            "delete all but one by its id"
        )
    if not request.dryrun:
        request.ledger.record_only(machine)
    return result(machine, "would adopt" if request.dryrun else "adopted")
