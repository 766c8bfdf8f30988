"""What one `cms airflow` command asks for, and how its result is shown."""

import functools
import sys
from collections.abc import Mapping
from typing import Any

from cloudmesh_engine.airflow import login, runs
from cloudmesh_engine.airflow.client import Client
from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import UsageError
from cloudmesh_engine.output import checked, render

Document = dict[str, Any]


class AirflowRequest:
    """The arguments of one command with what they refer to."""

    def __init__(self, settings: Settings, arguments: Mapping[str, Any]) -> None:
        self.settings = settings
        self.arguments = arguments
        self.form = checked(str(arguments["--output"] or "table"))
        self.url = login.address(settings, arguments["--url"])

    @functools.cached_property
    def client(self) -> Client:
        """Airflow, with the login that is kept."""
        return login.client(self.url)

    @property
    def dag(self) -> str:
        """The DAG that is named."""
        return str(self.arguments["DAG"])

    def run(self) -> Document:
        """The run that is named."""
        return runs.find(self.client, self.dag, str(self.arguments["RUN"]))

    def number(self, option: str) -> int | None:
        """Read an option that is a whole number from 1."""
        text = self.arguments[option]
        if text is None:
            return None
        if not str(text).isdecimal() or int(text) < 1:
            raise UsageError(f"{option}={text}: give a number from 1")
        return int(text)

    def show(self, records: list[Document], columns: tuple[str, ...]) -> None:
        """Write records to stdout; json and yaml have all of each, a table the columns."""
        if self.form in ("json", "yaml"):
            self.write(render(records, self.form))
        elif records or self.form == "csv":
            data = [{name: _cell(record.get(name)) for name in columns} for record in records]
            self.write(render(data, self.form, list(columns) if self.form == "csv" else None))

    def write(self, text: str) -> None:
        """Write to stdout."""
        sys.stdout.write(self.settings.redact(text))

    def flush(self) -> None:
        """Let what was written be seen at once."""
        sys.stdout.flush()

    def say(self, text: str) -> None:
        """Write a line for people to stderr."""
        print(self.settings.redact(text), file=sys.stderr, flush=True)


def _cell(value: Any) -> Any:
    return " ".join(str(part) for part in value) if isinstance(value, list) else value
