"""What is noted of when VMs ran, and what `cms fleet report` makes of it."""

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.database import Database

from cloudmesh_engine import config, mongo
from cloudmesh_engine.clouds import Machine
from cloudmesh_engine.timesheets import Sheet, Timesheets

from .conftest import OWNER, Cms, Ec2

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def at(hours: float) -> str:
    """So many hours after noon, as the engine writes a time."""
    return (NOON + timedelta(hours=hours)).isoformat(timespec="microseconds")


def vm(state: str = "running", launched: float = 0, **more: Any) -> Machine:
    """A VM that was launched so many hours after noon."""
    when = (NOON + timedelta(hours=launched)).isoformat()
    tags = {"cm-run": "vm_boot/manual__1", "cm-owner": OWNER}
    made = Machine("aws", "web", "i-1", state, "ami-1", "t2.micro", "", [], [], when, tags)
    return replace(made, **more)


def lasted(sheet: Sheet) -> list[tuple[float, float | None]]:
    """From when to when a VM ran, in hours after noon."""

    def hours(moment: datetime | None) -> float | None:
        return (moment - NOON).total_seconds() / 3600 if moment else None

    return [(hours(one.since) or 0.0, hours(one.until)) for one in sheet.stretches]


@pytest.fixture
def database(cms_db: Cms) -> Iterator[Database[dict[str, Any]]]:
    server = mongo.server(config.load(cms_db.environ))
    yield mongo.client(server)[server.database]
    mongo.client(server).close()


@pytest.fixture
def sheets(database: Database[dict[str, Any]]) -> Timesheets:
    return Timesheets(database)


def told(sheets: Timesheets) -> list[tuple[float, float | None]]:
    (sheet,) = sheets.read()
    return lasted(sheet)


def test_a_vm_runs_from_its_launch_until_it_is_seen_down(sheets: Timesheets) -> None:
    sheets.saw([vm()], at(1))
    assert told(sheets) == [(0, None)]
    sheets.saw([vm()], at(2))
    assert told(sheets) == [(0, None)]
    sheets.saw([vm("stopping")], at(3))
    sheets.saw([vm("stopped")], at(4))
    assert told(sheets) == [(0, 3)]


def test_a_vm_that_is_stopped_and_charged_on_counts_on(sheets: Timesheets) -> None:
    sheets.saw([vm()], at(1))
    sheets.saw([vm("stopped", charged=True)], at(2))
    assert told(sheets) == [(0, None)]
    sheets.saw([vm("stopped")], at(3))
    assert told(sheets) == [(0, 3)]


def test_a_stop_and_start_that_nobody_saw_ends_with_the_new_launch(sheets: Timesheets) -> None:
    sheets.saw([vm()], at(1))
    sheets.saw([vm(launched=5)], at(6))
    assert told(sheets) == [(0, 5), (5, None)]


def test_a_start_counts_from_the_launch(sheets: Timesheets) -> None:
    sheets.saw([vm()], at(1))
    sheets.saw([vm("stopped")], at(2))
    sheets.saw([vm(launched=5)], at(6))
    assert told(sheets) == [(0, 2), (5, None)]


def test_where_the_cloud_tells_only_of_the_first_launch_it_counts_from_the_look(
    sheets: Timesheets,
) -> None:
    sheets.saw([vm("stopped")], at(2))
    sheets.saw([vm()], at(6))
    sheets.saw([vm("stopped")], at(7))
    sheets.saw([vm(launched=0)], at(9))
    assert told(sheets) == [(2, 2), (6, 7), (9, None)]


def test_what_was_seen_earlier_and_noted_later_changes_nothing(sheets: Timesheets) -> None:
    sheets.saw([vm()], at(1))
    sheets.saw([vm("stopped")], at(3))
    sheets.saw([vm()], at(2))
    assert told(sheets) == [(0, 3)]
    sheets.saw([vm(launched=5)], at(6))
    sheets.saw([vm("stopped")], at(4))
    assert told(sheets) == [(0, 3), (5, None)]


def test_a_vm_that_is_gone_ran_until_then(sheets: Timesheets) -> None:
    sheets.saw([vm(), vm(id="i-2"), vm(id="i-3", cloud="azure")], at(1))
    sheets.gone("aws", "i-1", at(2))
    sheets.only("aws", [], at(3))
    ended = {sheet.instance: lasted(sheet)[-1][1] for sheet in sheets.read()}
    assert ended == {"i-1": 2, "i-2": 3, "i-3": None}


def test_a_resized_vm_keeps_what_it_was_before(sheets: Timesheets) -> None:
    sheets.saw([vm()], at(1))
    sheets.saw([vm("stopped", flavor="t3.large")], at(2))
    sheets.saw([vm(flavor="t3.large", name="www")], at(3))
    (sheet,) = sheets.read()
    assert [one.flavor for one in sheet.stretches] == ["t2.micro", "t3.large"]
    assert sheet.name == "www"


def test_a_resize_where_the_cloud_tells_only_of_the_first_launch_begins_anew(
    sheets: Timesheets,
) -> None:
    sheets.saw([vm()], at(1))
    sheets.saw([vm(flavor="t3.large (being changed)")], at(3))
    # Seen earlier and noted later, then the same again.
    sheets.saw([vm()], at(2))
    sheets.saw([vm(flavor="t3.large")], at(4))
    (sheet,) = sheets.read()
    assert [one.flavor for one in sheet.stretches] == ["t2.micro", "t3.large"]
    assert lasted(sheet) == [(0, 3), (3, None)]


def test_what_is_long_ago_is_forgotten_but_not_of_vms_that_are_there(sheets: Timesheets) -> None:
    year = 24 * 365
    for instance in ("i-1", "i-2"):
        sheets.saw([vm(id=instance)], at(1))
        sheets.saw([vm("stopped", id=instance)], at(2))
    sheets.saw([vm(launched=year)], at(year))
    sheets.only("aws", ["i-1"], at(year + 1))
    (sheet,) = sheets.read()
    assert lasted(sheet) == [(year, None)]
    sheets.saw([vm("stopped", launched=year)], at(year + 2))
    sheets.only("aws", ["i-1"], at(3 * year))
    assert told(sheets) == [(year, year + 2)]


def test_cms_notes_every_start_and_stop(cms_aws: Cms, ec2: Ec2, sheets: Timesheets) -> None:
    begun = datetime.now(UTC)
    assert cms_aws("vm", "boot", "--name=web", "--run=vm_boot/manual__1").returncode == 0
    for verb in ("stop", "start", "stop"):
        assert cms_aws("vm", verb, "web").returncode == 0
    (sheet,) = sheets.read()
    assert (sheet.name, sheet.run, sheet.owner) == ("web", "vm_boot/manual__1", OWNER)
    assert len(sheet.stretches) == 2
    assert sheet.stretches[-1].until is not None
    assert cms_aws("vm", "start", "web").returncode == 0
    assert cms_aws("vm", "delete", "web").returncode == 0
    (sheet,) = sheets.read()
    assert len(sheet.stretches) == 3
    ended = sheet.stretches[-1].until
    assert ended is not None
    assert begun < ended <= datetime.now(UTC)


def test_a_refresh_notes_what_was_done_past_cms(cms_aws: Cms, ec2: Ec2, sheets: Timesheets) -> None:
    ec2.make("web db ~else")
    assert cms_aws("vm", "list", "--refresh").returncode == 0
    assert {sheet.name: lasted(sheet)[-1][1] for sheet in sheets.read()} == {
        "web": None,
        "db": None,
    }
    ec2.client.terminate_instances(InstanceIds=[ec2.instances()[0]["InstanceId"]])
    assert cms_aws("vm", "list", "--refresh").returncode == 0
    ran = {sheet.name: sheet.stretches[-1].until for sheet in sheets.read()}
    assert ran["web"] is not None
    assert ran["db"] is None


def test_the_inventory_tells_what_a_vm_costs_as_it_is(cms_aws: Cms, ec2: Ec2) -> None:
    ec2.make("web db/stopped")
    listed = json.loads(cms_aws("vm", "list", "--refresh", "--output=json").stdout)
    assert {vm["name"]: vm["cost_per_hour"] for vm in listed} == {"db": 0.0, "web": 0.0116}
    (cms_aws.root / "prices.yaml").write_text("aws: [wrong]")
    listed = json.loads(cms_aws("vm", "list", "--refresh", "--output=json").stdout)
    assert {vm["name"]: vm["cost_per_hour"] for vm in listed} == {"db": 0.0, "web": None}


def sheet(name: str, *stretches: tuple[float, float | None, str], **more: str) -> dict[str, Any]:
    """A document of a VM that ran from and until so many hours ago, with a flavor."""

    def ago(hours: float | None) -> str:
        moment = datetime.now(UTC) - timedelta(hours=hours or 0)
        return "" if hours is None else moment.isoformat(timespec="microseconds")

    past = [{"since": ago(a), "until": ago(b), "flavor": flavor} for a, b, flavor in stretches]
    labels = {"name": name, "run": "", "owner": OWNER, "group": "default", "cloud": "aws"}
    head = {"_id": f"aws/{name}", "instance": name, "launched": ""}
    return {**head, **labels, **past.pop(), "past": past, **more}


@pytest.fixture
def filled(cms_db: Cms, database: Database[dict[str, Any]]) -> Cms:
    """`cms` that knows of four VMs."""
    boot = {"run": "vm_boot/manual__1"}
    database["timesheets"].insert_many(
        [
            sheet("web", (30, 20, "t2.micro"), (10, 5, "t2.large"), **boot),
            sheet("web-1", (200, 160, "t2.micro"), **boot),
            sheet("old", (3000, 2000, "t2.micro")),
            sheet("gpu", (4, None, "x9.huge"), run="lab/manual__2"),
        ]
    )
    return cms_db


def report(cms: Cms, *words: str) -> list[dict[str, Any]]:
    done = cms("fleet", "report", *words, "--output=json")
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def test_a_report_adds_up_vms_hours_and_cost(filled: Cms) -> None:
    of_dag = {line["dag"]: line for line in report(filled)}
    assert {*of_dag} == {"vm_boot", "lab"}
    web, gpu = of_dag["vm_boot"], of_dag["lab"]
    assert (web["cloud"], web["owner"], web["vms"], web["running"]) == ("aws", OWNER, 2, 0)
    # 7 days are 168 hours: of web-1 only the last 8 of them count.
    assert web["hours"] == pytest.approx(10 + 5 + 8, abs=0.1)
    assert web["cost"] == pytest.approx(18 * 0.0116 + 5 * 0.0928, abs=0.002)
    assert web["unpriced_hours"] == 0
    # Nobody knows what it costs, and that is said.
    assert (gpu["vms"], gpu["running"], gpu["cost"]) == (1, 1, 0)
    assert gpu["unpriced_hours"] == pytest.approx(4, abs=0.1)


def test_a_report_tells_apart_what_it_is_asked_to(filled: Cms) -> None:
    assert [(line["flavor"], line["vms"]) for line in report(filled, "--by=flavor")] == [
        ("t2.large", 1),
        ("t2.micro", 2),
        ("x9.huge", 1),
    ]
    assert [line["run"] for line in report(filled, "--by=cloud,run", "--days=1")] == [
        "lab/manual__2",
        "vm_boot/manual__1",
    ]
    assert {line["name"] for line in report(filled, "--by=name", "--days=90")} == {
        *("web", "web-1", "old", "gpu")
    }


@pytest.mark.parametrize("words", [["--by=colour"], ["--by="], ["--days=91"], ["--days=0"]])
def test_a_report_of_what_there_is_not_is_a_usage_error(cms: Cms, words: list[str]) -> None:
    done = cms("fleet", "report", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert words[0] in done.stderr


def test_a_report_is_a_table_or_csv_as_well(filled: Cms) -> None:
    table = filled("fleet", "report").stdout
    assert "| cloud" in table
    lines = csv.DictReader(filled("fleet", "report", "--output=csv").stdout.splitlines())
    assert [(line["dag"], line["vms"]) for line in lines] == [("lab", "1"), ("vm_boot", "2")]
    assert filled("fleet", "report", "--output=yaml").stdout.startswith("- cloud: aws")


def test_a_wrong_price_is_told_by_the_report(filled: Cms) -> None:
    (filled.root / "prices.yaml").write_text("aws: {us-east-1: {t2.micro: cheap}}")
    done = filled("fleet", "report")
    assert done.returncode == 2
    assert "t2.micro: 'cheap' is no price" in done.stderr
