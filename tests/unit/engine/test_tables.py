"""Tables look as upstream's do, and hold each value as it is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tabulate import tabulate

from cloudmesh_engine.tables import table

TEXT = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "Zs"]), max_size=12)
VALUE = st.none() | TEXT.map(str.strip)


@given(st.lists(st.dictionaries(st.sampled_from(["name", "status", "ip"]), VALUE, min_size=1)))
def test_text_is_written_as_upstream_writes_it(records: list[dict[str, Any]]) -> None:
    theirs = tabulate(records, headers="keys", tablefmt="psql", disable_numparse=True)
    assert table(records) == str(theirs) + "\n"


@pytest.mark.parametrize("name", ["007", "1e3", "1_000", "nan", "inf", "0x10", "1.50"])
def test_a_name_that_looks_like_a_number_stays_as_it_is(name: str) -> None:
    assert table([{"name": name}]).splitlines()[3].split() == ["|", name, "|"]


def test_numbers_are_on_the_right() -> None:
    assert table([{"name": "a", "size": 5}, {"name": "b", "size": 12345678}]).splitlines() == [
        "+--------+----------+",
        "| name   |     size |",
        "|--------+----------|",
        "| a      |        5 |",
        "| b      | 12345678 |",
        "+--------+----------+",
    ]


def test_a_cell_may_have_several_lines() -> None:
    assert table([{"name": "a", "stdout": "one\n\ntwo\n"}, {"name": "b"}]).splitlines()[3:-1] == [
        "| a      | one      |",
        "|        |          |",
        "|        | two      |",
        "| b      |          |",
    ]
