"""`cms fleet hours` in real processes: what it does to a cloud."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from . import office as given
from .conftest import PATIENCE, Ec2, Faults
from .office import EVENING, MORNING, NEXT_EVENING, NIGHT, NOON, OFFICE, Office

cloud, fresh, office, settings = given.cloud, given.fresh, given.office, given.settings


def test_the_evening_stops_and_the_morning_starts_only_what_it_stopped(
    office: Office, ec2: Ec2
) -> None:
    ec2.make("web db/stopped ~web ?")
    assert office.apply(EVENING) == ["web stopped"]
    assert ec2.words() == "? db/stopped web/stopped ~web"
    assert office.apply(NIGHT) == []
    assert office.apply(MORNING) == ["web started"]
    assert ec2.words() == "? db/stopped web ~web"
    assert office.apply(NEXT_EVENING) == ["web stopped"]


def test_the_inventory_knows_the_new_state(office: Office, ec2: Ec2) -> None:
    ec2.make("web")
    for at, state in ((EVENING, "stopped"), (MORNING, "running")):
        office.apply(at)
        (row,) = json.loads(office.cms("vm", "list", "--output=json").stdout)
        assert row["status"] == state


def test_the_first_apply_stops_nothing(fresh: Office, ec2: Ec2) -> None:
    ec2.make("web")
    office = fresh
    assert office.apply(NIGHT) == []
    assert ec2.words() == "web"


def test_a_vm_that_a_person_starts_at_night_runs_on(office: Office, ec2: Ec2) -> None:
    ec2.make("web")
    office.apply(EVENING)
    assert office.cms("vm", "start", "web").returncode == 0
    assert office.apply(NIGHT) == []
    assert ec2.words() == "web"
    # Nobody has to start it in the morning, and what a person then stops stays stopped.
    assert office.apply(MORNING) == []
    assert office.cms("vm", "stop", "web").returncode == 0
    assert office.apply(NEXT_EVENING) == []
    assert office.apply("2025-07-03T08:02+02:00") == []
    assert ec2.words() == "web/stopped"


@pytest.mark.parametrize(
    ("back", "done", "leaves"),
    [
        (NIGHT, ["web stopped"], "web/stopped"),
        ("2025-07-02T12:00+02:00", [], "web"),  # a whole night was missed: nothing to stop now
        ("2025-07-06T12:00+02:00", ["web stopped"], "web/stopped"),  # on Sunday
    ],
)
def test_what_was_missed_while_the_machine_was_off_is_caught_up_on(
    office: Office, ec2: Ec2, back: str, done: list[str], leaves: str
) -> None:
    ec2.make("web")
    assert office.apply(back) == done
    assert ec2.words() == leaves


def test_a_vm_that_a_person_started_since_the_evening_is_not_stopped_late(
    office: Office, ec2: Ec2
) -> None:
    ec2.make("web")
    assert office.cloud
    office.cloud.launched = "2025-07-01T19:30:00.000Z"
    assert office.apply(NIGHT) == []
    assert ec2.words() == "web"
    assert office.apply(NEXT_EVENING) == ["web stopped"]


def test_a_vm_that_a_person_started_and_stopped_at_night_stays_stopped(
    office: Office, ec2: Ec2
) -> None:
    ec2.make("web")
    assert office.apply(EVENING) == ["web stopped"]
    assert office.cloud
    office.cloud.launched = "2025-07-01T20:00:00.000Z"
    assert office.apply(MORNING) == []
    assert ec2.words() == "web/stopped"


def test_a_missed_morning_is_caught_up_on(office: Office, ec2: Ec2) -> None:
    ec2.make("web db/stopped")
    office.apply(EVENING)
    assert office.apply("2025-07-04T11:00+02:00") == ["web started"]
    assert ec2.words() == "db/stopped web"


def test_nothing_due_costs_one_look_into_mongo_and_no_cloud(
    office: Office, ec2: Ec2, faults: Faults
) -> None:
    ec2.make("web")
    program = f"""
import sys
from pymongo import monitoring

class Commands(monitoring.CommandListener):
    names = []
    def started(self, event):
        self.names.append(event.command_name)
    def succeeded(self, event): pass
    def failed(self, event): pass

monitoring.register(Commands())
from cloudmesh_engine.launcher import run
assert run(["fleet", "hours", "apply", "--at={NOON}"]) == 0
print(*(name for name in Commands.names if name in ("find", "update", "insert", "delete")))
print(*sorted({{"boto3", "botocore", "requests"}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=office.cms.environ,
        cwd=office.cms.root,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    # What it told, and until when it has looked.
    assert done.stdout == "find update update\n\n", done.stderr
    assert faults.actions() == []


def test_a_dry_run_changes_nothing(office: Office, ec2: Ec2, faults: Faults) -> None:
    ec2.make("web")
    assert office.apply(NIGHT, "--dryrun") == ["web would stop"]
    assert office.hours("show", "--vms") == []
    assert set(faults.actions()) == {"DescribeInstances"}
    assert office.apply(EVENING) == ["web stopped"]


def test_a_dry_run_before_the_first_apply_shows_a_day_to_come(fresh: Office, ec2: Ec2) -> None:
    ec2.make("web")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    fresh.schedules(OFFICE.replace("mon-fri", "mon-sun").replace("Europe/Berlin", "UTC"))
    evening = f"{tomorrow:%Y-%m-%d}T19:00Z"
    assert fresh.apply(evening, "--dryrun") == ["web would stop"]
    assert (fresh.apply(NIGHT), ec2.words()) == ([], "web")


def test_two_schedules_keep_a_vm_while_one_wants_it(office: Office, ec2: Ec2) -> None:
    late = OFFICE.partition("schedules:\n")[2].replace("office:", "late:")
    late = late.replace("08:00", "17:00").replace("18:00", "22:00").replace('"*"', "web")
    office.schedules(OFFICE + late)
    office.apply("2025-07-01T12:01+02:00")
    ec2.make("db web")
    assert office.apply(EVENING) == ["db stopped"]
    assert office.apply(NIGHT) == ["web stopped"]
    assert office.apply(MORNING) == ["db started", "web started"]


def test_a_schedule_that_is_switched_on_at_night_waits_for_its_next_transition(
    office: Office, ec2: Ec2
) -> None:
    ec2.make("web")
    office.schedules(OFFICE.replace("timezone", "enabled: false\n    timezone"))
    assert office.apply(EVENING) == []
    office.schedules(OFFICE)
    assert office.apply(NIGHT) == []
    assert office.apply(NEXT_EVENING) == ["web stopped"]
