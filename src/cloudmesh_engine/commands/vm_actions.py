"""The verbs of `cms vm` that change a VM which is there; each ends with reading it back."""

import re
import sys
from collections.abc import Callable

from cloudmesh_engine import ending, power, waiting
from cloudmesh_engine.clouds import GONE, Driver, Machine
from cloudmesh_engine.commands.vm_request import NoSuchVm, VmRequest, result, unknown
from cloudmesh_engine.errors import ActionFailed, UsageError
from cloudmesh_engine.ledger import CREATING, UNSEEN_SECONDS, Document, Row

_Act = Callable[[Driver, Machine], tuple[Machine, str]]

_LOGIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")


def start(request: VmRequest) -> None:
    """Start VMs."""
    _act(request, "start", lambda driver, machine: power.start(driver, machine, request.budget))


def stop(request: VmRequest) -> None:
    """Stop VMs."""
    _act(request, "stop", lambda driver, machine: power.stop(driver, machine, request.budget))


def reboot(request: VmRequest) -> None:
    """Reboot VMs."""

    def act(driver: Driver, machine: Machine) -> tuple[Machine, str]:
        if machine.state != "running":
            raise ActionFailed(f"{machine.name} is {machine.state}: use cms vm start")
        driver.reboot(machine)
        return waiting.until(driver, machine, "running", request.budget), "rebooted"

    _act(request, "reboot", act)


def set_username(request: VmRequest) -> None:
    """Note the login of VMs, as a tag in the cloud."""
    login = str(request.arguments["USERNAME"])
    if not _LOGIN.fullmatch(login):
        raise UsageError(f"username: {login!r} is no login name")

    def act(driver: Driver, machine: Machine) -> tuple[Machine, str]:
        driver.tag(machine, "cm-username", login)
        return driver.get(machine.id) or machine, "username set"

    _act(request, "username", act)


def wait(request: VmRequest) -> None:
    """Wait until VMs run; without names, those that are starting."""
    driver = request.driver(request.cloud())
    timeout, interval = request.seconds("--timeout"), request.seconds("--interval")
    names = request.names
    starting = [] if names else [m.id for m in driver.list_owned() if m.state == "pending"]

    def work(name: str) -> list[Document]:
        records = []
        for machine in request.coming(driver, name) or request.owned(driver, name):
            machine = waiting.until(driver, machine, "running", timeout, interval)
            request.ledger.record(machine)
            records.append(result(machine, "running"))
        return records

    request.each(names or starting, work)


def delete(request: VmRequest) -> None:
    """Terminate VMs."""
    names = request.named("delete")
    driver = request.driver(request.cloud())

    def work(name: str) -> list[Document]:
        try:
            return _delete(request, driver, name)
        except NoSuchVm as error:
            if not request.arguments["--missing-ok"]:
                raise
            print(f"cms: note: {str(error).partition(': ')[0]}", file=sys.stderr)
            return []

    request.each(names, work)


def _act(request: VmRequest, verb: str, act: _Act) -> None:
    names = request.named(verb)
    driver = request.driver(request.cloud())

    def work(name: str) -> list[Document]:
        machines = request.owned(driver, name)
        if request.dryrun:
            return [result(machine, f"would {verb}") for machine in machines]
        records = []
        for machine in machines:
            after, action = act(driver, machine)
            request.ledger.record(after)
            records.append(result(after, action))
        return records

    request.each(names, work)


def _delete(request: VmRequest, driver: Driver, name: str) -> list[Document]:
    row, found = _look(request, driver, name)
    if not found and row and (row.instance or row.state == CREATING):
        return _finish(request, driver, row)
    machines = found or request.owned(driver, name)
    if request.dryrun:
        return [result(machine, "would delete") for machine in machines]
    return [_terminate(request, driver, machine, row) for machine in machines]


def _look(request: VmRequest, driver: Driver, name: str) -> tuple[Row | None, list[Machine]]:
    """Give the row of a name, and the VMs that are there after that: it is of no later attempt."""
    row, found = request.ledger.find(driver.cloud, name), driver.find(name)
    if found and found[0].name != name:
        # It was given by its id.
        row, found = request.ledger.find(driver.cloud, found[0].name), driver.find(name)
    return row, found


def _finish(request: VmRequest, driver: Driver, row: Row) -> list[Document]:
    """Finish a deletion that was interrupted, or note one that was done elsewhere."""
    known = driver.get(row.instance) if row.instance else None
    if known and known.name != row.name and known.state not in GONE:
        return _give_up(request, driver, row, known)
    if not known and row.fresh:
        raise ActionFailed(
            f"{row.name}: a boot was interrupted or left alone {row.age:.0f} s ago and {row.cloud} "
            f"shows no VM yet: repeat when {UNSEEN_SECONDS} s have passed"
        )
    if request.dryrun:
        action = "already deleted" if row.instance else "would forget"
    elif known and known.state not in GONE:
        return [_terminate(request, driver, known, row)]
    else:
        if known:
            waiting.until(driver, known, "terminated", request.budget)
        if row.instance:
            ending.clear(driver, row.instance)
        request.ledger.forget(driver.cloud, row.name, row.instance, row)
        action = "already deleted" if row.instance else "forgotten"
    record = {"action": action, "cloud": row.cloud, "name": row.name, "status": "terminated"}
    return [{**record, "instance_id": row.instance}]


def _terminate(request: VmRequest, driver: Driver, machine: Machine, row: Row | None) -> Document:
    request.ledger.ends(driver.cloud, machine.name, machine.id)
    after = ending.terminate(driver, machine, request.budget)
    request.ledger.forget(driver.cloud, machine.name, machine.id, row)
    return {**result(after, "deleted"), "status": "terminated"}


def _give_up(request: VmRequest, driver: Driver, row: Row, known: Machine) -> list[Document]:
    """Free a name that a rename claimed or left; the VM itself has another name and stays."""
    if row.state != CREATING:
        raise unknown(row.name, row.cloud)
    if not request.dryrun:
        request.ledger.leave(row.cloud, row.name, row.instance)
    return [result(known, "would forget" if request.dryrun else "forgotten") | {"name": row.name}]
