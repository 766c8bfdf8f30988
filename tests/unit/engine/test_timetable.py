"""What `cms fleet hours apply` leaves for who cannot read the file of schedules."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloudmesh_engine import config, mongo

from .conftest import Cms

FILE = """
schedules:
  office:
    timezone: Asia/Kolkata
    weekdays: mon-sun
    start: "08:00"
    stop: "18:00"
    vms: {names: [web*]}
  later:
    enabled: false
    timezone: Europe/Berlin
    weekdays: sat
    stop: "02:00"
    vms: {groups: [batch]}
"""


@pytest.fixture
def timetable(cms_db: Cms) -> Iterator[Callable[[], dict[str, Any] | None]]:
    """Reads what is there now."""
    server = mongo.server(config.load(cms_db.environ))
    stored = mongo.client(server)[server.database]["hours"]
    yield lambda: stored.find_one({"kind": "timetable"})
    mongo.client(server).close()


def test_apply_tells_what_the_schedules_say(
    cms_db: Cms, timetable: Callable[[], dict[str, Any]]
) -> None:
    (cms_db.root / "office-hours.yaml").write_text(FILE)
    before = datetime.now(UTC)
    assert cms_db("fleet", "hours", "apply").returncode == 0
    told = timetable()
    assert before <= datetime.fromisoformat(told["as_of"]) <= datetime.now(UTC)
    shown = json.loads(cms_db("fleet", "hours", "show", "--output=json").stdout)
    assert told["schedules"] == shown
    # Fourteen or so, as the week begins now.
    assert {entry["schedule"] for entry in told["preview"]} == {"office"}
    moments = [datetime.fromisoformat(entry["utc"]) for entry in told["preview"]]
    assert moments == sorted(moments)
    assert 13 <= len(moments) <= 15
    assert moments[-1] - before <= timedelta(days=7, seconds=60)


def test_the_next_apply_tells_anew(cms_db: Cms, timetable: Callable[[], dict[str, Any]]) -> None:
    (cms_db.root / "office-hours.yaml").write_text(FILE)
    assert cms_db("fleet", "hours", "apply").returncode == 0
    (cms_db.root / "office-hours.yaml").write_text("schedules: {}")
    assert cms_db("fleet", "hours", "apply").returncode == 0
    assert (timetable()["schedules"], timetable()["preview"]) == ([], [])
    # Nor does it take that document for a VM.
    shown = cms_db("fleet", "hours", "show", "--vms", "--output=json")
    assert json.loads(shown.stdout) == []


@pytest.mark.parametrize("text", [FILE, "schedules: [wrong]"])
def test_a_dry_run_and_a_mistake_tell_nothing(
    cms_db: Cms, timetable: Callable[[], dict[str, Any] | None], text: str
) -> None:
    (cms_db.root / "office-hours.yaml").write_text(text)
    code = 0 if text == FILE else 2
    assert cms_db("fleet", "hours", "apply", "--dryrun").returncode == code
    assert timetable() is None
