"""`cms fleet hours` in real processes: what it does to a cloud, and what it says."""

import http.server
import itertools
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import boto3
import pytest

from cloudmesh_engine import config, mongo
from cloudmesh_engine.clouds import open_driver
from cloudmesh_engine.hours.applying import Applying
from cloudmesh_engine.hours.book import Book
from cloudmesh_engine.hours.config import load
from cloudmesh_engine.hours.plan import Note
from cloudmesh_engine.ledger import Ledger

from .conftest import OWNER, REPOSITORY, Cms, Ec2, Faults, Result

OFFICE = """
schedules:
  office:
    timezone: Europe/Berlin
    weekdays: mon-fri
    start: "08:00"
    stop: "18:00"
    vms: {names: ["*"]}
"""
# A Tuesday and a Wednesday in Berlin's summer.
NOON, EVENING, NIGHT = "2025-07-01T12:00+02:00", "2025-07-01T18:02+02:00", "2025-07-01T23:00+02:00"
MORNING, NEXT_EVENING = "2025-07-02T08:02+02:00", "2025-07-02T18:02+02:00"
KILLED = -9


class Cloud(http.server.ThreadingHTTPServer):
    """The cloud at another time: its VMs were launched when the test says.

    :ivar launched: given for all VMs
    :ivar before_look: called before the cloud is asked for its VMs the nth time
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server_address[1]}"
        self.upstream = ""
        self.launched = "2025-06-30T09:00:00.000Z"
        self.before_look: Callable[[int], None] = lambda number: None
        self.looks = itertools.count(1)

    def forward(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        if b"Action=DescribeInstances" in body:
            self.before_look(next(self.looks))
        try:
            with urlopen(Request(self.upstream, body, headers)) as reply:
                status, answer = reply.status, reply.read()
        except HTTPError as error:
            with error:
                status, answer = error.code, error.read()
        there = f"<launchTime>{self.launched}<".encode()
        return status, re.sub(rb"<launchTime>[^<]*<", there, answer)


class Handler(http.server.BaseHTTPRequestHandler):
    server: Cloud

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            status, answer = self.server.forward(body, dict(self.headers))
        except OSError:
            return  # as the upstream did: no answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def cloud(ec2: Ec2) -> Iterator[Cloud]:
    with Cloud() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield server
        server.shutdown()


class Office:
    """`cms fleet hours` at chosen times."""

    def __init__(self, cms: Cms, cloud: Cloud | None = None) -> None:
        self.cms = cms
        self.cloud = cloud
        self.said = ""
        self.schedules(OFFICE)

    @property
    def environ(self) -> dict[str, str]:
        """What leads to the cloud, or to the fault proxy in front of it."""
        if self.cloud is None:
            return {}
        self.cloud.upstream = self.cms.environ["CLOUDMESH_SANDBOX_AWS"]
        names = ("CLOUDMESH_SANDBOX_AWS", "CLOUDMESH_SANDBOX_WEST")
        return dict.fromkeys(names, self.cloud.address)

    def schedules(self, text: str) -> None:
        (self.cms.root / "office-hours.yaml").write_text(text)

    def hours(self, *words: str, code: int = 0, **environ: str) -> Any:
        result: Result = self.cms(
            "fleet", "hours", *words, "--output=json", **self.environ | environ
        )
        assert result.returncode == code, result.stderr
        self.said = result.stderr
        return json.loads(result.stdout) if result.stdout else None

    def apply(self, at: str, *more: str, code: int = 0, **environ: str) -> list[str]:
        done = self.hours("apply", *([f"--at={at}"] if at else []), *more, code=code, **environ)
        return sorted(f"{entry['name']} {entry['action']}" for entry in done)

    def killed(self, at: str, faults: Faults, **rule: Any) -> None:
        pid = self.cms.root / "pid"
        faults.script({"fault": "kill", "pid_file": str(pid), **rule})
        process = self.cms.start("fleet", "hours", "apply", f"--at={at}", **self.environ)
        pid.write_text(str(process.pid))
        process.communicate(timeout=60)
        faults.script()
        assert process.returncode == KILLED


@pytest.fixture
def fresh(cms_aws: Cms, cloud: Cloud) -> Office:
    """Office hours that were never applied."""
    return Office(cms_aws, cloud)


@pytest.fixture
def office(fresh: Office) -> Office:
    """Office hours that were applied at noon, for the first time."""
    assert fresh.apply(NOON) == []
    return fresh


@pytest.fixture
def settings(fresh: Office) -> Iterator[config.Settings]:
    """What `cms` is configured with, for what is done in this process."""
    settings = config.load(fresh.cms.environ | fresh.environ)
    yield settings
    mongo.client(mongo.server(settings)).close()


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
        timeout=60,
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


def test_a_vm_that_is_opted_out_is_left_alone(office: Office, ec2: Ec2) -> None:
    ec2.make("web db ~x")
    (told,) = office.hours("off", "web")
    assert told["action"] == "opted out"
    office.hours("off", "x", code=5)
    assert office.apply(EVENING) == ["db stopped"]
    office.hours("on", "web")
    assert office.apply(NEXT_EVENING) == ["web stopped"]
    assert ec2.words() == "db/stopped web/stopped ~x"


def around_now(begin: int, end: int) -> str:
    """Give hours that began and end so many minutes from now."""
    now = datetime.now(UTC)
    start, stop = (f"{now + timedelta(minutes=m):%H:%M}" for m in (begin, end))
    office = OFFICE.replace("Europe/Berlin", "UTC").replace("mon-fri", "mon-sun")
    return office.replace("08:00", start).replace("18:00", stop)


def ago(minutes: int) -> str:
    return (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()


def test_a_snoozed_vm_is_stopped_when_that_ends(fresh: Office, ec2: Ec2) -> None:
    ec2.make("web db")
    office = fresh
    office.schedules(around_now(-300, -60))
    assert office.apply(ago(120)) == []
    (told,) = office.hours("snooze", "web", "--until=2h")
    assert told["action"] == "snoozed"
    assert office.apply("") == ["db stopped"]
    assert ec2.words() == "db/stopped web"
    (kept,) = [note for note in office.hours("show", "--vms") if note["snoozed_until"]]
    assert (kept["name"], kept["stopped_by_us"]) == ("web", False)
    office.hours("snooze", "web", "--until=now")
    assert office.apply("") == ["web stopped"]
    assert ec2.words() == "db/stopped web/stopped"


def test_a_vm_started_at_night_can_be_kept_until_a_time_and_is_then_stopped(
    fresh: Office, ec2: Ec2
) -> None:
    office = fresh
    office.schedules(around_now(-300, -60))
    assert office.apply("") == []
    ec2.make("web")
    office.hours("snooze", "web", "--until=now")
    assert office.apply("") == ["web stopped"]


@pytest.mark.parametrize("ended", [[], [timedelta()]], ids=["fresh", "prolonged"])
def test_a_snooze_that_comes_while_an_apply_is_at_work_still_counts(
    office: Office, settings: config.Settings, ec2: Ec2, ended: list[timedelta]
) -> None:
    ec2.make("web")
    book, now = Book(settings), datetime.fromisoformat(EVENING)
    note = Note("aws", ec2.instances()[0]["InstanceId"], "web")
    for length in ended:
        book.snooze(note, now + length)
    applying = Applying(
        driver=open_driver(settings, "aws", OWNER),
        ledger=Ledger(settings),
        book=book,
        schedules=load(settings, office.cms.environ),
        notes=book.read().notes.get("aws", []),
        last=datetime.fromisoformat(NOON),
        now=now,
        budget=10,
    )
    book.snooze(note, now + timedelta(hours=2))
    ((_, action),), errors = applying.run()
    assert (action, errors) == ("snoozed meanwhile", [])
    assert office.apply(NIGHT) == ["web stopped"]


def test_a_snooze_that_ends_within_the_hours_stops_nothing(fresh: Office, ec2: Ec2) -> None:
    ec2.make("web")
    office = fresh
    office.schedules(around_now(-60, 60))
    assert office.apply("") == []
    office.hours("snooze", "web", "--until=now")
    assert office.apply("") == []
    assert (ec2.words(), office.hours("show", "--vms")) == ("web", [])


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("web --until=soon", 2, "--until=soon: no time: write 2h, 23:00"),
        ("web --until=9999999999d", 2, "no time"),
        ("web --until=25:00", 2, "--until=25:00: no time"),
        ("web --until=2020-01-01", 2, "has passed"),
        ("nosuch --until=2h", 1, "no VM named nosuch on aws"),
        ("~web --until=2h", 2, "is no name"),
        ("foreign --until=2h", 5, "was not booted by this appliance"),
        ("free --until=2h", 1, "free on aws has no office hours"),
    ],
)
def test_a_snooze_that_means_nothing_is_refused(
    office: Office, ec2: Ec2, words: str, code: int, says: str
) -> None:
    ec2.make("web free ~foreign")
    office.schedules(OFFICE.replace('"*"', '"web*"'))
    office.hours("snooze", *words.split(), code=code)
    assert says in office.said
    assert office.hours("show", "--vms") == []


def test_a_time_of_day_is_one_of_the_schedule(office: Office, ec2: Ec2) -> None:
    ec2.make("web")
    (told,) = office.hours("snooze", "web", "--until=23:00")
    until = datetime.fromisoformat(told["snoozed_until"])
    assert (until.hour, until.minute) == (23, 0)
    assert until.utcoffset() in (timedelta(hours=1), timedelta(hours=2))
    assert timedelta() < until - datetime.now(UTC) <= timedelta(hours=25)


def test_a_vm_deleted_meanwhile_is_forgotten(office: Office, ec2: Ec2) -> None:
    ec2.make("web db")
    office.apply(EVENING)
    ids = {ec2.word(one).partition("/")[0]: one["InstanceId"] for one in ec2.instances()}
    ec2.client.terminate_instances(InstanceIds=[ids["web"]])
    assert office.apply(MORNING) == ["db started"]
    assert office.hours("show", "--vms") == []


def test_one_of_the_same_name_made_meanwhile_is_not_taken_for_it(office: Office, ec2: Ec2) -> None:
    ec2.make("web")
    office.apply(EVENING)
    ec2.client.terminate_instances(InstanceIds=[ec2.instances()[0]["InstanceId"]])
    ec2.make("web/stopped")
    assert office.apply(MORNING) == []
    assert ec2.words() == "web/stopped"


# An instance that will not stop, and no word of it: aws-solutions/instance-scheduler-on-aws 384
# and 215.


def test_a_vm_that_cannot_be_stopped_is_named_and_hinders_no_other(
    office: Office, ec2: Ec2, faults: Faults
) -> None:
    ec2.make("db web")
    refusal = {"status": 400, "code": "IncorrectInstanceState"}
    faults.script({"action": "StopInstances", "fault": "error", **refusal})
    done = office.apply(EVENING, code=1)
    (left,) = {"db", "web"} - {entry.split()[0] for entry in done}
    assert f"{left} (i-" in office.said
    assert "is running and should be stopped: AWS: IncorrectInstanceState" in office.said
    assert office.said.count("\n") == 1
    # No transition is due five minutes later, and still it is tried again.
    assert office.apply("2025-07-01T18:07+02:00") == [f"{left} stopped"]
    assert office.apply(MORNING) == ["db started", "web started"]


def test_a_stop_whose_answer_was_lost_is_no_failure(
    office: Office, ec2: Ec2, faults: Faults
) -> None:
    ec2.make("web")
    lost = {"status": 500, "code": "InternalError"}
    faults.script({"action": "StopInstances", "fault": "error-after", "nth": "every", **lost})
    assert office.apply(EVENING) == ["web stopped"]
    assert [note["stopped_by_us"] for note in office.hours("show", "--vms")] == [True]


def test_a_vm_that_does_not_stay_stopped_is_named(office: Office, ec2: Ec2) -> None:
    ec2.make("web")

    def start_all(look: int) -> None:
        if look == 3:
            ec2.client.start_instances(InstanceIds=[ec2.instances()[0]["InstanceId"]])

    assert office.cloud
    office.cloud.before_look = start_all
    assert office.apply(EVENING, code=1) == []
    assert "is running and should be stopped: somebody changed it again" in office.said


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("action", "nth"),
    [("DescribeInstances", 1), ("StopInstances", 1), ("DescribeInstances", 2),
     ("StopInstances", 2), ("DescribeInstances", 4)],
)  # fmt: skip
def test_an_evening_killed_at_any_call_is_finished_by_the_next(
    office: Office, ec2: Ec2, faults: Faults, action: str, nth: int, when: str
) -> None:
    ec2.make("db nap/stopped web ~x")
    office.killed(EVENING, faults, action=action, nth=nth, when=when)
    office.apply("2025-07-01T18:07+02:00")
    assert ec2.words() == "db/stopped nap/stopped web/stopped ~x"
    assert office.apply(MORNING) == ["db started", "web started"]
    assert ec2.words() == "db nap/stopped web ~x"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("action", "nth"),
    [("DescribeInstances", 1), ("StartInstances", 1), ("DescribeInstances", 2),
     ("StartInstances", 2), ("DescribeInstances", 4)],
)  # fmt: skip
def test_a_morning_killed_at_any_call_is_finished_by_the_next(
    office: Office, ec2: Ec2, faults: Faults, action: str, nth: int, when: str
) -> None:
    ec2.make("db nap/stopped web")
    office.apply(EVENING)
    office.killed(MORNING, faults, action=action, nth=nth, when=when)
    office.apply("2025-07-02T08:07+02:00")
    assert ec2.words() == "db nap/stopped web"
    assert office.hours("show", "--vms") == []


def with_a_second_cloud(office: Office) -> None:
    """Let `west` be another cloud of the same kind, at an address of its own."""
    file = office.cms.root / "cloudmesh.yaml"
    text = file.read_text()
    aws = text[text.index("    aws:") : text.index("    azure:")]
    west = aws.replace("    aws:", "    west:", 1).replace("us-east-1", "us-west-2")
    west = west.replace("CLOUDMESH_SANDBOX_AWS", "CLOUDMESH_SANDBOX_WEST")
    file.write_text(text.replace(aws, aws + west, 1))


def west_of(ec2: Ec2) -> Ec2:
    west = Ec2(ec2.address)
    west.client = boto3.client(
        "ec2", region_name="us-west-2", endpoint_url=ec2.address,
        aws_access_key_id="a", aws_secret_access_key="b",
    )  # fmt: skip
    return west


def test_a_cloud_that_is_down_hinders_no_other_and_is_caught_up_on(fresh: Office, ec2: Ec2) -> None:
    office, west = fresh, west_of(ec2)
    with_a_second_cloud(office)
    assert office.apply(NOON) == []
    ec2.make("web")
    west.make("db")
    down = {"CLOUDMESH_SANDBOX_WEST": "http://127.0.0.1:9"}
    assert office.apply(EVENING, code=4, **down) == ["web stopped"]
    assert "west: AWS does not answer" in office.said
    assert (ec2.words(), west.words()) == ("web/stopped", "db")
    assert office.apply(NIGHT) == ["db stopped"]
    assert office.apply(MORNING) == ["db started", "web started"]


def test_a_schedule_for_one_cloud_leaves_the_others_alone(fresh: Office, ec2: Ec2) -> None:
    office, west = fresh, west_of(ec2)
    with_a_second_cloud(office)
    office.schedules(OFFICE.replace("vms:", "clouds: [west]\n    vms:"))
    office.apply(NOON)
    ec2.make("web")
    west.make("web")
    office.apply(EVENING)
    assert (ec2.words(), west.words()) == ("web", "web/stopped")


def test_a_cloud_without_a_driver_is_told_and_hinders_no_other(office: Office, ec2: Ec2) -> None:
    ec2.make("web")
    office.schedules(OFFICE.replace("vms:", "clouds: [aws, azure]\n    vms:"))
    office.apply(NOON, code=0)
    assert office.apply(EVENING, code=3) == ["web stopped"]
    assert "azure: not supported yet" in office.said


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


def test_a_clock_that_was_wrong_once_does_not_end_office_hours(
    fresh: Office, settings: config.Settings, ec2: Ec2
) -> None:
    ec2.make("web")
    office, book = fresh, Book(settings)
    book.passed("aws", datetime(2999, 1, 1, tzinfo=UTC))
    assert office.apply("") == []
    assert "aws: the last apply was at 2999-01-01" in office.said
    assert book.read().last["aws"] <= datetime.now(UTC)
    assert office.apply("") == []
    assert office.said == ""


def test_without_mongo_nothing_is_done(office: Office, ec2: Ec2) -> None:
    ec2.make("web")
    office.hours("apply", f"--at={EVENING}", code=4, CLOUDMESH_MONGO_PORT="9")
    assert "MongoDB at 127.0.0.1:9 does not answer" in office.said
    assert ec2.words() == "web"


@pytest.mark.parametrize("verb", ["show", "preview", "apply", "snooze web --until=2h"])
def test_a_mistake_in_the_file_is_named_with_its_line(office: Office, ec2: Ec2, verb: str) -> None:
    office.schedules(OFFICE.replace("Berlin", "Berlinn"))
    office.hours(*verb.split(), code=2)
    file = office.cms.root / "office-hours.yaml"
    assert office.said == (
        f"cms: {file}, line 4: schedules.office.timezone: 'Europe/Berlinn' is no time zone: "
        "use Europe/Berlin\n"
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", "wrong usage"),
        ("hours", "wrong usage"),
        ("hours apply --at=tomorrow", "--at=tomorrow: no time: write it as"),
        ("hours apply --at=0001-01-01", "--at=0001-01-01: no time"),
        ("hours apply --at=2999-01-01T00:00Z", "is still to come: add --dryrun"),
        ("hours preview --days=0", "--days=0: give a number"),
        ("hours preview nosuch", "nosuch: no such schedule: there are office"),
        ("hours preview --from=x", "--from=x: no time"),
        ("hours show --output=nope", "unknown format"),
        ("hours snooze web", "wrong usage"),
    ],
)
def test_wrong_usage(office: Office, words: str, says: str) -> None:
    result = office.cms("fleet", *words.split())
    assert (result.returncode, result.stdout) == (2, "")
    assert says in result.stderr


def test_the_preview_needs_neither_mongo_nor_a_cloud(cms: Cms) -> None:
    office = Office(cms)
    week = office.hours("preview", "office", "--from=2026-03-28", "--days=3")
    assert [(entry["at"], entry["action"]) for entry in week] == [
        ("2026-03-30T08:00+02:00", "start"), ("2026-03-30T18:00+02:00", "stop"),
    ]  # fmt: skip
    (shown,) = office.hours("show")
    assert (shown["name"], shown["weekdays"][-1], shown["stop"]) == ("office", "fri", "18:00")
    assert shown["now"] in ("on", "off")
    assert shown["next"].split()[0] in ("start", "stop")
    # A machine without time zones of its own has them from a package.
    table = cms("fleet", "hours", "show", PYTHONTZPATH="")
    assert (table.returncode, table.stderr) == (0, "")
    assert "Europe/Berlin" in table.stdout


def test_as_shipped_it_does_nothing(fresh: Office, ec2: Ec2, faults: Faults) -> None:
    ec2.make("web")
    office = fresh
    office.schedules((REPOSITORY / "config/office-hours.yaml").read_text())
    for at in (NOON, NIGHT):
        assert office.apply(at) == []
    assert faults.actions() == []
    assert office.hours("preview") == []


def test_the_example_of_the_docs_gives_what_they_show(cms: Cms) -> None:
    page = (REPOSITORY / "docs/office-hours.md").read_text()
    office = Office(cms)
    office.schedules(page.partition("```yaml\n")[2].partition("```")[0])
    session = page.partition("```console\n")[2].partition("```")[0]
    (command, shown), *_ = re.findall(r"^\$ cms (.* preview .*)\n((?:[|+].*\n)+)", session, re.M)
    assert cms(*command.split()).stdout == shown
