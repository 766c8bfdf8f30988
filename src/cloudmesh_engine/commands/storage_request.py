"""What one `cms storage` command asks for, and how its result is shown."""

import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cloudmesh_engine import causes, stores
from cloudmesh_engine.commands import transfer
from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import EngineError, UsageError
from cloudmesh_engine.moving import plan, runs
from cloudmesh_engine.moving.plan import Spot
from cloudmesh_engine.moving.result import Options
from cloudmesh_engine.output import render
from cloudmesh_engine.stores import Store

Document = dict[str, Any]


class StorageRequest:
    """The arguments of one command with what they refer to."""

    def __init__(self, settings: Settings, arguments: Mapping[str, Any]) -> None:
        self.settings = settings
        self.arguments = arguments
        self.form = transfer.output(arguments)

    @property
    def services(self) -> list[str]:
        """The services to work on."""
        given = self.arguments["--storage"] or self.settings.get("default.storage")
        return [name.strip() for name in str(given).split(",") if name.strip()]

    def service(self) -> str:
        """The one service to work on."""
        found = self.services
        if len(found) != 1:
            raise UsageError(f"--storage={','.join(found)}: give one service")
        return found[0]

    def store(self) -> Store:
        """Open the one service."""
        return stores.open_store(self.settings, self.service())

    def spot(self, name: str, store: Store | None = None) -> Spot:
        """Give the place that an argument names."""
        return plan.spot(store or self.store(), str(self.arguments[name] or ""))

    def move(self, source: Spot, target: Spot, name: str = "", recursive: bool = False) -> None:
        """Move objects, show the report and raise what failed."""
        words = self.arguments
        options = Options(
            verify=transfer.verify(str(words["--verify"] or "store")),
            delete=bool(words["--delete"]),
            dryrun=bool(words["--dryrun"]),
        )
        deep = recursive or bool(words["--recursive"])
        report, failure = runs.run(
            self.settings, source, target, options, recursive=deep, name=name
        )
        transfer.show(self.settings, report, self.form)
        if failure:
            raise failure

    def each(self, work: Callable[[Store], Iterable[Document]]) -> None:
        """Do the work on every service, show what was found, and raise what failed."""
        records: list[Document] = []
        errors: list[EngineError] = []
        for service in self.services:
            try:
                records += work(stores.open_store(self.settings, service))
            except Exception as error:
                errors.append(causes.explain("storage", error, self.settings))
        self.show(records)
        if errors:
            worst = max(errors, key=lambda error: error.exit_code)
            raise type(worst)("; ".join(dict.fromkeys(map(str, errors)))) from worst

    def show(self, records: list[Document]) -> None:
        """Write records to stdout."""
        if records or self.form != "table":
            sys.stdout.write(self.settings.redact(render(records, self.form)))
