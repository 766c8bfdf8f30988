"""The verbs of `cms vm` that change what a VM is: rename, resize, meta."""

import contextlib

from cloudmesh_engine import waiting
from cloudmesh_engine.clouds import GONE, Driver, Machine, is_reserved
from cloudmesh_engine.commands.vm_request import VmRequest, expand, result, unknown
from cloudmesh_engine.errors import EngineError, Refused, UsageError
from cloudmesh_engine.ledger import CREATING, PRESENT, Document
from cloudmesh_engine.limits import Limits

# Set while a running VM is stopped to be resized, so that a repetition knows to start it again.
_RESTART_TAG = "cm-restart"
_META = ("name", "key", "value")


def rename(request: VmRequest) -> None:
    """Give VMs other names; what an interrupted rename left is finished."""
    old = expand(request.arguments["OLDNAMES"], "OLDNAMES")
    new = expand(request.arguments["NEWNAMES"], "NEWNAMES")
    if not old or not new:
        raise Refused("vm rename: give the old and the new names: none is ever guessed")
    if len(old) != len(new):
        raise UsageError(f"vm rename: {len(old)} old names and {len(new)} new ones: give as many")
    driver = request.driver(request.cloud())

    def work(pair: tuple[str, str]) -> list[Document]:
        machine = _to_rename(request, driver, *pair)
        if request.dryrun:
            _refuse_taken(request, driver, machine, pair[1])
            return [result(machine, f"would rename to {pair[1]}")]
        return [result(*_rename(request, driver, machine, *pair))]

    request.each(list(zip(old, new, strict=True)), work)


def resize(request: VmRequest) -> None:
    """Give VMs another flavor; one that runs is stopped for that and started again."""
    names, size = request.named("resize"), request.arguments["--size"]
    if not size:
        raise Refused("vm resize: give --size: none is ever guessed")
    driver = request.driver(request.cloud())
    driver.check_flavor(size)

    def work(name: str) -> list[Document]:
        machine = request.only(driver, name)
        if machine.flavor == size and _RESTART_TAG not in machine.tags:
            return [result(machine, "already that size")]
        Limits.of(request.settings).check_resize(request.ledger, driver, machine.name, size)
        if request.dryrun:
            return [result(machine, f"would resize to {size}")]
        machine = _resize(request, driver, machine, size)
        request.ledger.record(machine)
        return [result(machine, "resized")]

    request.each(names, work)


def list_metadata(request: VmRequest) -> None:
    """List the tags of a VM that are not the appliance's own."""
    _, machine = request.machine()
    request.show(_metadata(machine), _META)


def set_metadata(request: VmRequest) -> None:
    """Set tags of a VM."""
    values = dict(_pair(text) for text in _words(request, "KEY=VALUE"))
    driver, machine = request.machine("meta set")
    if request.dryrun:
        request.show([_tag("would set", machine, key, values[key]) for key in values])
        return
    for key, value in values.items():
        driver.tag(machine, key, value)

    def judge(seen: Machine) -> str:
        wrong = [key for key, value in values.items() if seen.tags.get(key) != value]
        return f"does not show {', '.join(wrong)}" if wrong else ""

    machine = waiting.confirm(driver, machine, judge, request.budget)
    request.show(_metadata(machine), _META)


def delete_metadata(request: VmRequest) -> None:
    """Remove tags of a VM; one that is not there is no failure."""
    keys = [_own(key) for key in _words(request, "KEY")]
    driver, machine = request.machine("meta delete")
    if request.dryrun:
        request.show([_tag("would delete", machine, key, machine.tags.get(key)) for key in keys])
        return
    for key in keys:
        driver.untag(machine, key)

    def judge(seen: Machine) -> str:
        left = [key for key in keys if key in seen.tags]
        return f"still shows {', '.join(left)}" if left else ""

    machine = waiting.confirm(driver, machine, judge, request.budget)
    request.show(_metadata(machine), _META)


def _to_rename(request: VmRequest, driver: Driver, old: str, new: str) -> Machine:
    """Find the VM by its old name, or by what an interrupted rename noted."""
    if driver.find(old):
        return request.only(driver, old)
    row = request.ledger.find(driver.cloud, old)
    known = driver.get(row.instance) if row and row.instance else None
    if known and known.name == new and known.state not in GONE:
        return known
    request.owned(driver, old)  # says whether it is foreign
    raise unknown(old, driver.cloud)


def _rename(
    request: VmRequest, driver: Driver, machine: Machine, old: str, new: str
) -> tuple[Machine, str]:
    action = "already renamed" if machine.name == new else "renamed"
    before = machine.name if machine.name != new else old
    if machine.name != new:
        # The new name is claimed first, so that no boot takes it meanwhile.
        if not request.ledger.take(machine, new):
            raise _taken(new, driver)
        try:
            _refuse_taken(request, driver, machine, new)
        except EngineError:
            request.ledger.leave(driver.cloud, new, machine.id)
            raise
        driver.rename(machine, new)

    def judge(seen: Machine) -> str:
        return "" if seen.name == new else f"is named {seen.name} and not {new}"

    machine = waiting.confirm(driver, machine, judge, request.budget)
    request.ledger.record(machine)
    if before != new:
        request.ledger.leave(driver.cloud, before, machine.id)
    return machine, action


def _refuse_taken(request: VmRequest, driver: Driver, machine: Machine, new: str) -> None:
    row = request.ledger.find(driver.cloud, new)
    others = [other for other in driver.find(new) if other.id != machine.id]
    if others or (row and row.state in (CREATING, PRESENT) and row.instance != machine.id):
        raise _taken(new, driver)


def _taken(name: str, driver: Driver) -> Refused:
    return Refused(f"vm rename: {name} on {driver.cloud} is there already: choose another name")


def _resize(request: VmRequest, driver: Driver, machine: Machine, size: str) -> Machine:
    running = machine.state in ("pending", "running")
    restart = running or _RESTART_TAG in machine.tags
    try:
        if machine.flavor != size:
            if running:
                driver.tag(machine, _RESTART_TAG, "yes")
                driver.stop(waiting.until(driver, machine, "running", request.budget))
            driver.resize(waiting.until(driver, machine, "stopped", request.budget), size)
    except EngineError:
        # What ran before shall run again; if not even that works, a repetition will do it.
        with contextlib.suppress(EngineError):
            _restart(request, driver, machine, restart)
        raise
    _restart(request, driver, machine, restart)

    def judge(seen: Machine) -> str:
        return "" if seen.flavor == size else f"is {seen.flavor} and not {size}"

    return waiting.confirm(driver, machine, judge, request.budget)


def _restart(request: VmRequest, driver: Driver, machine: Machine, wanted: bool) -> None:
    if not wanted:
        return
    seen = driver.get(machine.id)
    if seen and seen.state in ("stopping", "stopped"):
        driver.start(waiting.until(driver, machine, "stopped", request.budget))
    waiting.until(driver, machine, "running", request.budget)
    driver.untag(machine, _RESTART_TAG)


def _metadata(machine: Machine) -> list[Document]:
    return [{"name": machine.name, "key": k, "value": v} for k, v in machine.metadata.items()]


def _tag(action: str, machine: Machine, key: str, value: str | None) -> Document:
    return {"action": action, "name": machine.name, "key": key, "value": value}


def _words(request: VmRequest, word: str) -> list[str]:
    words: list[str] = request.arguments[word]
    if not words:
        raise Refused("vm meta: name the VM before what is to be changed: none is ever guessed")
    return words


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise UsageError(f"{text}: write KEY=VALUE")
    return _own(key), value


def _own(key: str) -> str:
    if is_reserved(key):
        raise Refused(f"{key}: this tag is the appliance's or the cloud's own: choose another key")
    return key
