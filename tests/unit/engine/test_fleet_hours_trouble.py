"""Office hours where something goes wrong, and on several clouds."""

from datetime import UTC, datetime

import boto3
import pytest

from cloudmesh_engine import config
from cloudmesh_engine.hours.book import Book

from . import office as given
from .conftest import Ec2, Faults
from .office import EVENING, MORNING, NIGHT, NOON, OFFICE, Office

cloud, fresh, office, settings = given.cloud, given.fresh, given.office, given.settings


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
    office.schedules(OFFICE.replace("vms:", "clouds: [aws, nimbus]\n    vms:"))
    office.apply(NOON, code=0)
    assert office.apply(EVENING, code=3) == ["web stopped"]
    assert "nimbus: not supported yet" in office.said


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
