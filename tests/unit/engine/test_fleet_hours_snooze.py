"""VMs that stay out of office hours, for a while or for good."""

from datetime import UTC, datetime, timedelta

import pytest

from cloudmesh_engine import config
from cloudmesh_engine.clouds import open_driver
from cloudmesh_engine.hours.applying import Applying
from cloudmesh_engine.hours.book import Book
from cloudmesh_engine.hours.config import load
from cloudmesh_engine.hours.plan import Note
from cloudmesh_engine.ledger import Ledger

from . import office as given
from .conftest import OWNER, Ec2
from .office import EVENING, NEXT_EVENING, NIGHT, NOON, OFFICE, Office

cloud, fresh, office, settings = given.cloud, given.fresh, given.office, given.settings


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
