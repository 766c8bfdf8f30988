"""Boots of one name that meet at the worst moment: replies are held until all are there."""

import json
import re
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from pymongo import MongoClient

from cloudmesh_engine import config, mongo
from cloudmesh_engine.clouds import Request
from cloudmesh_engine.ledger import Ledger

from .conftest import PATIENCE, Cms, Ec2, Faults, Mongo, wait_until

BOOT = ("vm", "boot", "--name=web")
OTHER = (*BOOT, "--flavor=t2.small")
HOLD = {"action": "RunInstances", "fault": "hold", "when": "before"}
NO_ROOM = {"action": "RunInstances", "fault": "error", "nth": 2, "status": 400,
           "code": "InstanceLimitExceeded"}  # fmt: skip


def flavors(ec2: Ec2) -> list[str]:
    return [instance["InstanceType"] for instance in ec2.instances()]


def rows(cms: Cms) -> list[tuple[str, str]]:
    listed = json.loads(cms("vm", "list", "--output=json").stdout)
    return [(row["name"], row["instance_id"]) for row in listed]


def assert_one(cms: Cms, ec2: Ec2) -> None:
    assert rows(cms) == [("web", instance["InstanceId"]) for instance in ec2.instances()]
    assert ec2.words() == "web"


def database(cms: Cms) -> Any:
    server = mongo.server(config.load(cms.environ))
    return MongoClient(mongo.uri(server)), server.database


def wipe(cms: Cms) -> None:
    """Let MongoDB lose everything while commands run."""
    client, name = database(cms)
    client.drop_database(name)
    client.close()


def held(cms: Cms, faults: Faults, *rules: dict[str, Any]) -> Any:
    """Start a boot, and wait until the cloud holds its reply."""
    faults.script(*rules)
    process = cms.start(*BOOT)
    wait_until(lambda: "RunInstances" in faults.actions())
    return process


def test_a_failed_boot_gives_nothing_up_while_another_is_in_flight(
    cms_aws: Cms, ec2: Ec2, faults: Faults
) -> None:
    process = held(cms_aws, faults, HOLD, NO_ROOM)
    assert cms_aws(*BOOT).returncode == 1
    other = cms_aws(*OTHER)
    assert (other.returncode, flavors(ec2)) == (5, [])
    assert "web on aws was asked for differently: flavor is t2.micro" in other.stderr
    faults.script()
    assert process.communicate(timeout=PATIENCE)[1] == ""
    assert (process.returncode, flavors(ec2)) == (0, ["t2.micro"])
    assert_one(cms_aws, ec2)


def test_a_boot_that_died_in_flight_gives_nothing_up_either(
    cms_aws: Cms, ec2: Ec2, faults: Faults
) -> None:
    process = held(cms_aws, faults, HOLD, NO_ROOM)
    process.kill()
    process.communicate(timeout=PATIENCE)
    assert cms_aws(*BOOT).returncode == 1
    assert cms_aws(*OTHER).returncode == 5
    # The dead one's call reaches the cloud only now.
    faults.script()
    wait_until(lambda: flavors(ec2) == ["t2.micro"])
    assert cms_aws(*BOOT).returncode == 0
    assert len(faults.launches()) == 1
    assert_one(cms_aws, ec2)


def test_a_failed_row_that_another_boot_has_taken_up_is_not_given_to_a_third(cms_aws: Cms) -> None:
    ledger = Ledger(config.load(cms_aws.environ))
    micro, small = Request("ami-1", "t2.micro"), Request("ami-1", "t2.small")
    row, _ = ledger.claim("aws", "web", micro)
    ledger.creating(row, "first")
    ledger.failed(row, "first")
    read = ledger.find("aws", "web")
    assert read
    assert read.state == "failed"
    # Between the reading and the writing of a claim for something else.
    row, _ = ledger.claim("aws", "web", micro)
    assert ledger.creating(row, "second")
    assert ledger.reopen(read, small) == (ledger.find("aws", "web"), False)
    assert ledger.created(row, "second", "i-1")
    mongo.client(mongo.server(config.load(cms_aws.environ))).close()


@pytest.mark.parametrize("noted", [True, False])
def test_a_delete_that_waits_for_the_end_closes_no_boot_that_came_meanwhile(
    cms_aws: Cms, ec2: Ec2, faults: Faults, noted: bool
) -> None:
    assert cms_aws(*BOOT).returncode == 0
    if not noted:
        forget_instance(cms_aws)
    faults.script({"action": "TerminateInstances", "fault": "hold", "when": "after"})
    delete = cms_aws.start("vm", "delete", "web")
    wait_until(lambda: "TerminateInstances" in faults.actions() and not ec2.instances())
    delete.send_signal(signal.SIGSTOP)
    before = len(faults.log())
    faults.script(HOLD)
    boot = cms_aws.start(*BOOT)
    wait_until(lambda: "RunInstances" in faults.actions()[before:])
    boot.kill()
    boot.communicate(timeout=60)
    delete.send_signal(signal.SIGCONT)
    assert (delete.communicate(timeout=60)[1], delete.returncode) == ("", 0)
    # The dead one's call reaches the cloud only after that of the next, which has its token.
    assert cms_aws(*BOOT).returncode == 0
    faults.script()
    wait_until(lambda: None not in answers(faults))
    assert_one(cms_aws, ec2)


def answers(faults: Faults) -> list[int | None]:
    """What each call for a VM was answered, None where that is not yet known."""
    return [one["answered"] for one in faults.log() if one["action"] == "RunInstances"]


def forget_instance(cms: Cms) -> None:
    """Make the row what a boot leaves that was killed before it noted its VM."""
    client, name = database(cms)
    client[name]["ledger"].update_one({}, {"$set": {"instance": "", "state": "creating"}})
    client.close()


@pytest.mark.parametrize("another", [OTHER, BOOT, None])
def test_what_was_made_for_a_row_that_is_gone_is_kept_or_ended(
    cms_aws: Cms, ec2: Ec2, faults: Faults, another: tuple[str, ...] | None
) -> None:
    process = held(
        cms_aws, faults, HOLD,
        {"action": "RunInstances", "fault": "hide", "seconds": 0.5, "nth": "every"},
    )  # fmt: skip
    wipe(cms_aws)
    if another:
        assert cms_aws(*another).returncode == 0
    faults.script({"action": "TerminateInstances", "fault": "throttle"})
    said = process.communicate(timeout=PATIENCE)[1]
    assert flavors(ec2) == ["t2.small" if another == OTHER else "t2.micro"]
    assert process.returncode == (5 if another == OTHER else 0), said
    assert_one(cms_aws, ec2)


@pytest.mark.parametrize(
    ("option", "says"),
    [("--network=subnet-1", "network is none, not subnet-1"), ("--public", "public is no, not yes"),
     ("--secgroup=sg-1", "secgroup is cloudmesh, not sg-1")],
)  # fmt: skip
def test_a_name_stands_for_everything_that_makes_a_vm(
    cms_aws: Cms, ec2: Ec2, option: str, says: str
) -> None:
    assert cms_aws(*BOOT, "--run=one").returncode == 0
    refused = cms_aws(*BOOT, option)
    assert (refused.returncode, ec2.words()) == (5, "web")
    assert says in refused.stderr
    # A retry may carry another run and deadline; the VM keeps its first.
    assert cms_aws(*BOOT, "--run=two", "--deadline=2027-01-01T00:00:00Z").returncode == 0
    assert json.loads(cms_aws("vm", "list", "--output=json").stdout)[0]["run"] == "one"
    # After the loss of MongoDB nobody knows these, so nobody is refused for them.
    wipe(cms_aws)
    assert cms_aws("vm", "list", "--refresh").returncode == 0
    assert cms_aws(*BOOT, option).returncode == 0
    assert_one(cms_aws, ec2)


@pytest.fixture
def mortal(cms_aws: Cms) -> Iterator[Mongo]:
    """A MongoDB for `cms_aws` alone."""
    root = cms_aws.root / "mongo"
    root.mkdir()
    server = Mongo(root)
    server.start()
    cms_aws.environ["CLOUDMESH_MONGO_PORT"] = str(server.port)
    (cms_aws.root / "secrets/mongo_password").write_text(server.password)
    yield server
    server.end()


@pytest.mark.parametrize(
    ("action", "nth"),
    [("DescribeInstances", 1), ("DescribeKeyPairs", 1), ("ImportKeyPair", 1), ("RunInstances", 1),
     ("DescribeInstances", 2)],
)  # fmt: skip
def test_a_boot_whose_mongo_dies_is_finished_when_it_is_back(
    cms_aws: Cms, ec2: Ec2, faults: Faults, mortal: Mongo, action: str, nth: int
) -> None:
    faults.script({"action": action, "fault": "hold", "when": "before", "nth": nth})
    process = cms_aws.start(*BOOT)
    wait_until(lambda: faults.actions().count(action) == nth)
    mortal.end(signal.SIGKILL)
    faults.script()
    said = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 4, said
    assert re.fullmatch(r"cms: MongoDB at .* does not answer .*\n", said)
    mortal.start()
    assert cms_aws(*BOOT).returncode == 0
    assert len(faults.launches()) == 1
    assert_one(cms_aws, ec2)


def test_sixteen_boots_at_once_make_sixteen(cms_aws: Cms, ec2: Ec2, faults: Faults) -> None:
    names = [f"web{number}" for number in range(16)]
    before = {path: path.read_bytes() for path in files(cms_aws, "state")}
    running = [cms_aws.start("vm", "boot", f"--name={name}") for name in names]
    told = [process.communicate(timeout=PATIENCE)[1] for process in running]
    assert [process.returncode for process in running] == [0] * 16, told
    assert ec2.words().split() == sorted(names)
    assert [name for name, _ in rows(cms_aws)] == sorted(names)
    assert {path: path.read_bytes() for path in files(cms_aws, "state")} == before
    assert files(cms_aws, "tmp") == files(cms_aws, "work") == files(cms_aws, "home") == []


def files(cms: Cms, place: str) -> list[Any]:
    return [path for path in (cms.root / place).rglob("*") if path.is_file()]
