"""What one `cms vm` command asks for, and how its result is shown."""

import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from hostlist import BadHostlist, expand_hostlist
from pymongo.errors import PyMongoError

from cloudmesh_engine import causes, clouds, limits, owner
from cloudmesh_engine.clouds import Driver, Machine
from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import (
    ActionFailed,
    DependencyDown,
    EngineError,
    Refused,
    UsageError,
    raise_worst,
)
from cloudmesh_engine.ledger import Document, Ledger, document
from cloudmesh_engine.output import STRUCTURED, render

# A name becomes a tag, a host name, and a word on other command lines.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
COLUMNS = (
    "cloud", "name", "status", "instance_id", "image", "flavor", "public_ips", "private_ips",
    "created",
)  # fmt: skip
_WAIT_SECONDS = 300
_AT_ONCE = 8


class NoSuchVm(ActionFailed):
    """No VM of ours has that name."""


class VmRequest:
    """The arguments of one command with what they refer to."""

    def __init__(self, settings: Settings, arguments: Mapping[str, Any]) -> None:
        self.settings = settings
        self.arguments = arguments
        self.output = str(arguments["--output"] or "table")
        if self.output not in (*STRUCTURED, "table"):
            raise UsageError(
                f"--output={self.output}: unknown format: use table, json, yaml or csv"
            )

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger."""
        return Ledger(self.settings)

    @property
    def dryrun(self) -> bool:
        """Whether nothing may be changed."""
        return bool(self.arguments["--dryrun"])

    @property
    def names(self) -> list[str]:
        """The VMs that the command names."""
        return expand(self.arguments["NAMES"], "NAMES")

    def named(self, verb: str) -> list[str]:
        """The VMs that the command names; to name none is refused."""
        names = self.names
        if not names:
            raise Refused(f"vm {verb}: name the VMs: none is ever guessed")
        return names

    def machine(self, verb: str = "") -> tuple[Driver, Machine]:
        """The one VM of NAME; without NAME the last one booted, as upstream's manual says.

        :param verb: what changes the VM; to name none is refused then
        """
        driver = self.driver(self.cloud())
        names = expand(self.arguments["NAME"], "NAME")
        if verb and not names:
            raise Refused(f"vm {verb}: name the VM: none is ever guessed")
        if len(names) > 1:
            raise UsageError(f"NAME: {self.arguments['NAME']}: give one")
        return driver, self.only(driver, names[0]) if names else self.latest(driver)

    def latest(self, driver: Driver) -> Machine:
        """The VM that was booted last, for verbs that change nothing."""
        machines = driver.list_owned()
        if not machines:
            raise ActionFailed(f"no VM on {driver.cloud}: boot one, or name one of another cloud")
        latest = max(machines, key=lambda machine: (machine.launched, machine.id))
        if not self.arguments["--quiet"]:
            print(f"cms: note: {latest.name} ({latest.id}) was booted last", file=sys.stderr)
        return latest

    def owned(self, driver: Driver, name: str) -> list[Machine]:
        """Find our VMs of a name; what is not ours is refused."""
        found = driver.find(name)
        if found:
            return found
        foreign = driver.find_foreign(name)
        if foreign:
            ids = ", ".join(machine.id for machine in foreign)
            raise Refused(f"{name} ({ids}) on {driver.cloud} was not booted by this appliance")
        raise unknown(name, driver.cloud, self._elsewhere(driver.cloud, name))

    def only(self, driver: Driver, name: str) -> Machine:
        """Find our VM of a name; several are refused."""
        machines = self.owned(driver, name)
        if len(machines) > 1:
            where, ids = driver.cloud, ", ".join(machine.id for machine in machines)
            raise Refused(f"{len(machines)} VMs on {where} are named {name}: {ids}: give an id")
        return machines[0]

    @property
    def given_clouds(self) -> list[str]:
        """The clouds of --cloud, all known."""
        chosen = expand(self.arguments["--cloud"], "--cloud")
        for cloud in chosen:
            clouds.section(self.settings, cloud)
        return chosen

    def cloud(self) -> str:
        """The one cloud to work on."""
        chosen = self.given_clouds or [str(self.settings.get("default.cloud"))]
        if len(chosen) > 1:
            raise UsageError(f"--cloud={','.join(chosen)}: give one cloud")
        return chosen[0]

    def driver(self, cloud: str) -> Driver:
        """Open a cloud."""
        return clouds.open_driver(self.settings, cloud, owner.current(make=not self.dryrun))

    def coming(self, driver: Driver, name: str) -> list[Machine]:
        """Give the VM of a name that was just made, while the cloud does not show it yet."""
        row = self.ledger.find(driver.cloud, name)
        if not row or not row.instance or not row.fresh or driver.get(row.instance):
            return []
        return [row.expected(driver.owner)]

    def seconds(self, option: str) -> float:
        """Read an option that is a number of seconds."""
        text = self.arguments[option]
        try:
            seconds = float(text)
        except ValueError:
            seconds = -1.0
        # Text like nan is a number to Python, too.
        if not 0 <= seconds < math.inf:
            raise UsageError(f"{option}={text}: not a number of seconds, 0 or more")
        return seconds

    def days(self, most: int) -> int:
        """Read the option --days."""
        text = str(self.arguments["--days"])
        if not text.isdecimal() or not 0 < int(text) <= most:
            raise UsageError(f"--days={text}: give a number from 1 to {most}")
        return int(text)

    @property
    def budget(self) -> float:
        """How many seconds an action may take until the cloud confirms it."""
        return limits.whole(self.settings, "wait_seconds") or _WAIT_SECONDS

    def each[T](
        self,
        items: Iterable[T],
        work: Callable[[T], list[Document]],
        columns: tuple[str, ...] = COLUMNS,
    ) -> None:
        """Do the work for every item, show what was done, and raise what failed."""
        records, errors = self.gather(items, work)
        self.show(records, columns)
        self.fail(errors)

    def gather[T, R](
        self, items: Iterable[T], work: Callable[[T], list[R]]
    ) -> tuple[list[R], list[EngineError]]:
        """Do the work for every item, and give what was done and what failed."""
        from concurrent.futures import ThreadPoolExecutor

        records: list[R] = []
        errors: list[EngineError] = []
        # Side by side, because most of the time is spent waiting for the cloud.
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            running = [pool.submit(work, item) for item in items]
            for future in running:
                if future.cancelled():
                    continue
                try:
                    records += future.result()
                except Exception as error:
                    errors.append(causes.explain("vm", error, self.settings))
                    if isinstance(errors[-1], DependencyDown):
                        # Nor will it answer for those that have not begun.
                        pool.shutdown(wait=False, cancel_futures=True)
        return records, errors

    def on_clouds[T](
        self, chosen: Iterable[str], work: Callable[[str], T]
    ) -> tuple[dict[str, T], list[EngineError]]:
        """Do the work on clouds side by side, so that one that is broken hinders no other."""
        from concurrent.futures import ThreadPoolExecutor

        done: dict[str, T] = {}
        errors: list[EngineError] = []
        with ThreadPoolExecutor() as pool:
            running = {cloud: pool.submit(work, cloud) for cloud in chosen}
            for cloud, future in running.items():
                try:
                    done[cloud] = future.result()
                except Exception as error:
                    reason = causes.explain("vm", error, self.settings)
                    errors.append(of_cloud(cloud, reason))
        return done, errors

    def fail(self, errors: list[EngineError]) -> None:
        """Raise all errors as one, if there are any."""
        raise_worst(errors)

    def fail_clouds(self, errors: list[EngineError]) -> None:
        """Raise the errors of several clouds as one, with a line for each."""
        raise_worst(errors, "\ncms: ")

    def _elsewhere(self, cloud: str, name: str) -> list[str]:
        """Name the clouds that were not asked, and have a VM of that name as far as we know."""
        try:
            rows = self.ledger.wanted()
        except (EngineError, PyMongoError):
            # Without MongoDB there is no hint; what failed is the name.
            return []
        asked = {cloud, *self.given_clouds}
        return sorted({row.cloud for row in rows if name in (row.name, row.instance)} - asked)

    def show(self, records: list[Document], columns: tuple[str, ...] = COLUMNS) -> None:
        """Write records to stdout."""
        if self.output in ("json", "yaml"):
            data: list[Document] = [_without_id(record) for record in records]
        elif not records and self.output == "table":
            return
        else:
            if any("action" in record for record in records):
                columns = ("action", *columns)
            data = [{key: _cell(record.get(key)) for key in columns} for record in records]
        text = render(data, self.output, list(columns) if self.output == "csv" else None)
        sys.stdout.write(self.settings.redact(text))


def of_cloud(cloud: str, error: EngineError) -> EngineError:
    """Say of which cloud an error is, unless it does so itself."""
    text = str(error)
    return error if text.startswith(f"{cloud}: ") else type(error)(f"{cloud}: {text}")


def result(machine: Machine, action: str) -> Document:
    """Describe a VM and what was done to it."""
    return {"action": action, **document(machine)}


def unknown(name: str, cloud: str, others: Sequence[str] = ()) -> NoSuchVm:
    """Say that there is no such VM.

    :param others: the clouds that have one of that name
    """
    if not others:
        return NoSuchVm(f"no VM named {name} on {cloud}: see cms vm list --refresh")
    options = " or ".join(f"--cloud={other}" for other in others)
    return NoSuchVm(f"no VM named {name} on {cloud}, but on {' and '.join(others)}: give {options}")


def expand(text: Any, what: str) -> list[str]:
    """Expand `web[1-3],db` into its names, each once."""
    if not text:
        return []
    try:
        names = list(dict.fromkeys(expand_hostlist(str(text))))
    except BadHostlist as error:
        raise UsageError(f"{what}: {text}: {error}") from None
    for name in names:
        if not _NAME.fullmatch(name):
            raise UsageError(f"{what}: {name!r} is no name: use letters, digits, '-', '_' and '.'")
    return names


def _without_id(record: Document) -> Document:
    return {key: value for key, value in record.items() if key != "_id"}


def _cell(value: Any) -> Any:
    return " ".join(value) if isinstance(value, list) else value
