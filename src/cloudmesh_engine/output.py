"""Keeps stdout for data: upstream's chatter goes to stderr, its records to one document."""

import contextlib
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TextIO, cast

from cloudmesh_engine.config import dump
from cloudmesh_engine.errors import UsageError
from cloudmesh_engine.tables import table

STRUCTURED = ("json", "yaml", "csv")
_FORMATS = (*STRUCTURED, "table", "dict", "flat", "html", "grid", "psql", "plain", "txt")


class Output:
    """Stands in for sys.stdout while upstream runs.

    Until `open` says which format was asked for, everything counts as chatter: plugins print
    while they are imported. In a structured format only what reaches `add` is data; of a command
    that only lists records, only what reaches `show` is data in the other formats.
    """

    def __init__(self, stdout: TextIO, stderr: TextIO, redact: Callable[[str], str]) -> None:
        self._stdout = stdout
        self._stderr = stderr
        self._redact = redact
        self._target = stderr
        self._format: str | None = None
        self._chatters = False
        self._pieces: list[Any] = []
        self._columns: list[str] | None = None

    @property
    def structured(self) -> bool:
        """Whether the user asked for a format that programs read."""
        return self._format is not None

    @property
    def lists_records(self) -> bool:
        """Whether tables are the data, and all else is chatter."""
        return self._chatters and not self.structured

    def open(self, arguments: Mapping[str, Any], argv: list[str], listing: bool = False) -> None:
        """Start the data part, in the format that the command line asks for.

        :param listing: the command only lists records; what else it prints is chatter
        """
        wanted = None
        for option in ("--output", "--format"):
            # A default in upstream's usage text is not a wish: `config cat` has yaml there.
            if any(len(word) > 2 and option.startswith(word.partition("=")[0]) for word in argv):
                wanted = arguments.get(option)
        if wanted is not None and wanted not in _FORMATS:
            raise UsageError(f"{wanted}: unknown output format: use table, json, yaml or csv")
        self._format = wanted if wanted in STRUCTURED else None
        self._chatters = listing or self.structured
        self._target = self._stderr if self._chatters else self._stdout

    def add(self, records: Any, columns: Iterable[str] | None = None) -> None:
        """Take records as data of a structured format."""
        self._pieces.append(records)
        self._columns = list(columns) if columns else self._columns

    def show(self, text: str) -> None:
        """Write a table."""
        self._stdout.write(self._redact(text) + "\n")

    def finish(self) -> None:
        """Write the one document of a structured format."""
        if self._format:
            text = render(_joined(self._pieces), self._format, self._columns)
            self._stdout.write(self._redact(text))
        self._stdout.flush()

    def write(self, text: str) -> int:
        """Pass text on to where it belongs."""
        if not self._chatters or text.strip():
            self._target.write(self._redact(text) + ("\n" if self._chatters else ""))
        return len(text)

    def flush(self) -> None:
        """Pass the flush on."""
        self._target.flush()

    def isatty(self) -> bool:
        """Tell upstream whether colours make sense."""
        return self._target.isatty()

    def fileno(self) -> int:
        """Let a child process write to the same place."""
        return self._target.fileno()

    @property
    def encoding(self) -> str:
        """Tell rich what the terminal can show."""
        return self._target.encoding


@contextlib.contextmanager
def replaced_stdout(redact: Callable[[str], str]) -> Iterator[Output]:
    """Put an Output in front of sys.stdout."""
    # Children that upstream starts write to descriptor 1 behind Python's back.
    data = os.fdopen(os.dup(1), "w", encoding="utf-8")
    output = Output(data, sys.stderr, redact)
    with contextlib.redirect_stdout(cast(TextIO, output)), data:
        yield output


def checked(kind: str) -> str:
    """Give the name of a format back, if it is one for records."""
    if kind not in (*STRUCTURED, "table"):
        raise UsageError(f"--output={kind}: unknown format: use table, json, yaml or csv")
    return kind


def render(records: Any, kind: str, columns: list[str] | None = None) -> str:
    """Write records as json, yaml, csv or table."""
    checked(kind)
    # Through JSON first: dates, object ids and upstream's dict types become plain values.
    text = json.dumps(records, indent=2, default=str, ensure_ascii=False)
    if kind == "json":
        return text + "\n"
    plain = json.loads(text)
    if kind == "yaml":
        return dump(plain)
    return _csv(plain, columns) if kind == "csv" else table(plain)


def _joined(pieces: list[Any]) -> Any:
    """Make one document of several listings, as one per cloud."""
    if len(pieces) == 1:
        return pieces[0]
    joined: list[Any] = []
    for piece in pieces:
        joined.extend(piece if isinstance(piece, list) else [piece])
    return joined


def _csv(records: Any, columns: list[str] | None) -> str:
    import csv

    rows = records if isinstance(records, list) else [records]
    if columns is None:
        columns = list(dict.fromkeys(key for row in rows for key in row))
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: _cell(row.get(key)) for key in columns})
    return stream.getvalue()


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | dict) else value
