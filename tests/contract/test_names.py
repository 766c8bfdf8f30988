"""Who counts names, to have a deletion of many approved, counts those that `cms` deletes."""

import itertools
import json
import subprocess

import pytest

from cloudmesh_engine.commands.vm_request import expand
from cloudmesh_engine.errors import UsageError

from .conftest import AIRFLOW_PYTHON, REPOSITORY

AIRFLOWS_HALF = """
import json, sys
from cloudmesh_airflow.arguments import names_of
from cloudmesh_airflow.failures import BadArgument
def names(text):
    try:
        return names_of(text)
    except BadArgument:
        return "refused"
print(json.dumps([names(text) for text in json.load(sys.stdin)]))
"""
PIECES = [
    "web",
    "1",
    "[1-3]",
    "[08-11]",
    "[1,2,7]",
    "[1-3,5-6]",
    "[3-1]",
    "[]",
    "[1-]",
    "[",
    "]",
    ",",
    "[1]",
]


def names(text: str) -> list[str] | str:
    try:
        return expand(text, "NAMES")
    except UsageError:
        return "refused"


@pytest.mark.skipif(not AIRFLOW_PYTHON, reason="AIRFLOW_PYTHON is not set: a Python with Airflow")
def test_both_halves_find_the_same_names():
    texts = [f"a{''.join(pieces)}" for pieces in itertools.product(PIECES, repeat=3)]
    done = subprocess.run(
        [str(AIRFLOW_PYTHON), "-c", AIRFLOWS_HALF],
        env={"PYTHONPATH": str(REPOSITORY / "src")},
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    apart = {
        text: (ours, theirs)
        for text, ours, theirs in zip(texts, told, map(names, texts), strict=True)
        if ours != theirs and list(dict.fromkeys(ours)) != theirs
    }
    assert apart == {}
    assert 0 < told.count("refused") < len(told)
