"""Writes records as a table, in the form of upstream's, each value exactly as it is.

The library that upstream uses takes a VM named `007` or `1e3` for a number, and writes 7 or 1000;
it also takes as long to import as all else that `cms vm list` does with the records.
"""

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

# Beside the name of a column, as upstream's tables have it.
_ROOM = 2


def table(records: Sequence[dict[str, Any]]) -> str:
    """Write records below the names of their columns; a cell may have several lines."""
    if not records:
        return "\n"
    names = list(dict.fromkeys(name for record in records for name in record))
    columns = [_column(name, [record.get(name) for record in records]) for name in names]
    head, *rows = zip(*columns, strict=True)
    rule = ["-" * (len(cell[0]) + 2) for cell in head]
    edge = f"+{'+'.join(rule)}+"
    lines = [edge, *_lines(head), f"|{'+'.join(rule)}|"]
    lines += [line for row in rows for line in _lines(row)]
    return "\n".join([*lines, edge]) + "\n"


def _column(name: str, values: list[Any]) -> list[list[str]]:
    """Give the lines of each cell, the name's first, all of one width."""
    known = [value for value in values if value is not None]
    numbers = bool(known) and all(map(_is_number, known))
    cells = [[name], *(_text(value).splitlines() or [""] for value in values)]
    width = max(len(name) + _ROOM, *(len(line) for cell in cells for line in cell))
    adjust = str.rjust if numbers else str.ljust
    return [[adjust(line, width) for line in cell] for cell in cells]


def _lines(row: Sequence[list[str]]) -> list[str]:
    blank = [" " * len(cell[0]) for cell in row]
    height = zip_longest(*row)
    return [
        f"| {' | '.join(line or blank[i] for i, line in enumerate(lines))} |" for lines in height
    ]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> str:
    return "" if value is None else str(value)
