"""Changing VMs on a real OpenStack: rename, resize, addresses, office hours; also after a kill."""

import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloudmesh_engine import config, mongo
from cloudmesh_engine.clouds import Driver, open_driver
from cloudmesh_engine.hours.applying import Applying
from cloudmesh_engine.hours.book import Book
from cloudmesh_engine.hours.config import load
from cloudmesh_engine.ledger import Ledger

from .conftest import OWNER, PATIENCE, Cms, Faults, wait_until
from .nova import Nova
from .site import ALL
from .test_vm_edit import done, kill

BOOT = ("vm", "boot", "--name=web")
CREATE, ACTION = "POST /v2.1/servers", "POST /v2.1/servers/*/action"
OFFICE = """
schedules:
  office:
    timezone: UTC
    weekdays: mon-sun
    start: "08:00"
    stop: "18:00"
    vms: {names: ["*"]}
"""


def named(project: Nova) -> list[tuple[str, str]]:
    return [(one["name"], one["metadata"]["cm-name"]) for one in project.instances()]


def flavors(project: Nova) -> list[str]:
    return [one["flavor"]["original_name"] for one in project.instances()]


@pytest.mark.parametrize(
    ("action", "when"),
    [
        ("PUT /v2.1/servers/*", "after"),
        ("POST /v2.1/servers/*/metadata", "after"),
        ("PUT /v2.1/servers/*", "before"),
        ("POST /v2.1/servers/*/metadata", "before"),
    ][: None if ALL else 2],
)
def test_a_rename_killed_between_its_calls_is_finished_by_the_next(
    cms_openstack: Cms, project: Nova, nova_faults: Faults, action: str, when: str
) -> None:
    assert cms_openstack(*BOOT).returncode == 0
    kill(cms_openstack, nova_faults, {"action": action, "when": when}, "rename", "web", "www")
    assert done(cms_openstack, "rename", "web", "www")[0]["name"] == "www"
    assert named(project) == [("www", "www")]
    assert [row["name"] for row in done(cms_openstack, "list")] == ["www"]


@pytest.mark.parametrize(
    ("given", "nth", "when", "leaves"),
    [
        ("web/stopped", 1, "after", "web/stopped"),  # moved, and nobody has confirmed it
        ("web", 2, "after", "web"),
        ("web", 4, "before", "web"),  # confirmed, and not started again
    ][: None if ALL else 2],
)
def test_a_resize_killed_at_any_call_is_finished_by_the_next(
    cms_openstack: Cms, project: Nova, nova_faults: Faults, given: str, nth: int, when: str,
    leaves: str,
) -> None:  # fmt: skip
    project.make(given)
    resize = ("resize", "web", "--size=m1.large")
    kill(cms_openstack, nova_faults, {"action": ACTION, "nth": nth, "when": when}, *resize)
    assert done(cms_openstack, *resize)
    assert (project.words(), flavors(project)) == (leaves, ["m1.large"])


def test_a_resize_that_nobody_confirmed_is_ended_by_a_start(
    cms_openstack: Cms, project: Nova
) -> None:
    (machine,) = project.make("web/stopped")
    large = {"resize": {"flavorRef": project.ids["m1.large"]}}
    project.compute.post(f"/servers/{machine}/action", json=large)
    project.until(machine, "VERIFY_RESIZE")
    assert done(cms_openstack, "start", "web")[0]["action"] == "started"
    assert (project.words(), flavors(project)) == ("web", ["m1.large"])


def test_racing_boots_one_of_which_lost_its_reply_settle_on_the_oldest(
    cms_openstack: Cms, project: Nova, nova_faults: Faults
) -> None:
    nova_faults.script(
        {"action": CREATE, "fault": "hold", "when": "before"},
        {"action": CREATE, "fault": "lose-reply", "nth": 2},
    )
    slow = cms_openstack.start(*BOOT)
    wait_until(lambda: CREATE in nova_faults.actions(), 240)
    # It waits its turn, and then takes the other one for dead.
    assert cms_openstack(*BOOT).returncode == 0
    oldest = project.machine_ids()
    assert len(oldest) == 1
    nova_faults.script()
    said = slow.communicate(timeout=PATIENCE)[1]
    assert slow.returncode == 0, said
    assert nova_faults.actions().count(CREATE) >= 2
    # What is deleted before it was built Nova may show for a moment more.
    wait_until(lambda: project.machine_ids() == oldest)
    assert [row["instance_id"] for row in done(cms_openstack, "list")] == oldest


def test_an_address_is_assigned_once_and_given_back(cms_openstack: Cms, project: Nova) -> None:
    assert cms_openstack(*BOOT).returncode == 0
    for action in ("assigned", "already assigned"):
        assert done(cms_openstack, "ip", "assign", "web")[0]["action"] == action
    (address,) = project.addresses()
    assert done(cms_openstack, "status", "web")[0]["public_ips"] == [address["floating_ip_address"]]
    for action in ("unassigned", "nothing assigned"):
        assert done(cms_openstack, "ip", "unassign", "web")[0]["action"] == action
    assert project.addresses() == []


Hours = Callable[[datetime, datetime], list[str]]


@pytest.fixture
def hours(cms_openstack: Cms, project: Nova) -> Iterator[Hours]:
    """Office hours as a command applies them, at times to come: VMs are launched today."""
    (cms_openstack.root / "office-hours.yaml").write_text(OFFICE)
    settings = config.load(cms_openstack.environ)
    with warnings.catch_warnings():
        # The SDK warns of its own next release.
        warnings.simplefilter("ignore")
        driver: Any = open_driver(settings, "chameleon", OWNER)
        yield lambda last, now: applied(cms_openstack, settings, driver, last, now)
        driver._cloud.close()
    mongo.client(mongo.server(settings)).close()


def applied(
    cms: Cms, settings: config.Settings, driver: Driver, last: datetime, now: datetime
) -> list[str]:
    book = Book(settings)
    applying = Applying(
        driver=driver,
        ledger=Ledger(settings),
        book=book,
        schedules=load(settings, cms.environ),
        notes=book.read().notes.get("chameleon", []),
        last=last,
        now=now,
        budget=60,
    )
    outcome, errors = applying.run()
    assert errors == []
    return sorted(f"{machine.name} {action}" for machine, action in outcome)


def test_office_hours_start_in_the_morning_only_what_they_stopped(
    hours: Hours, cms_openstack: Cms, project: Nova
) -> None:
    today = datetime.now(UTC)
    evening = (today + timedelta(days=1)).replace(hour=18, minute=2)
    morning = evening + timedelta(hours=14)
    project.make("web nap db/stopped ~web ?")
    assert hours(today, evening) == ["nap stopped", "web stopped"]
    assert project.words() == "? db/stopped nap/stopped web/stopped ~web"
    # A person uses one at night, and stops it again.
    for verb in ("start", "stop"):
        assert done(cms_openstack, verb, "nap")
    assert hours(evening, morning) == ["web started"]
    assert project.words() == "? db/stopped nap/stopped web ~web"
