"""`cms fleet reap`, `adopt` and `deadline` in real processes, and what the cloud holds then."""

import json
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from .. import office
from ..conftest import AMI, OWNER, PATIENCE, Cms, Ec2, Faults, Result, free_port, wait_until
from ..gce import ZONE, Gce

cloud = office.cloud

REAP = ("fleet", "reap")
NOW = datetime.now(UTC)
PAST, FUTURE = ((NOW + timedelta(hours=hours)).isoformat() for hours in (-1, 24))
OURS = [{"Key": "cm-owner", "Value": OWNER}]
# Look-alikes: everything says that it is ours, but for the one tag that counts.
NOT_OURS = [
    [],
    [{"Key": "Name", "Value": "web"}, {"Key": "cm-name", "Value": "web"}],
    [{"Key": "cm-owner", "Value": "cm-somebody-else"}, {"Key": "cm-deadline", "Value": PAST}],
    [{"Key": "Cm-Owner", "Value": OWNER}, {"Key": "cm-deadline", "Value": PAST}],
    [{"Key": "cm-owner", "Value": OWNER + "0"}],
]


def found(cms: Cms, *words: str, code: int = 0) -> list[tuple[str, str, str]]:
    """What a command says of each thing."""
    done = cms(*REAP, *words, "--output=json")
    assert done.returncode == code, done.stderr
    return sorted((one["action"], one["kind"], one["name"]) for one in json.loads(done.stdout))


def boot(cms: Cms, name: str, *words: str) -> None:
    assert cms("vm", "boot", f"--name={name}", *words).returncode == 0


def listed(cms: Cms) -> list[str]:
    done = cms("vm", "list", "--output=json")
    return [record["name"] for record in json.loads(done.stdout)]


def tagged(kind: str, tags: list[dict[str, str]]) -> dict[str, Any]:
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tags}]} if tags else {}


class Things:
    """What there may be of each kind, made past `cms`."""

    def __init__(self, ec2: Ec2) -> None:
        self.client = ec2.client
        subnet = self.client.describe_subnets()["Subnets"][0]
        self.subnet, self.zone = subnet["SubnetId"], subnet["AvailabilityZone"]

    def make(self, tags: list[dict[str, str]], name: str) -> None:
        """Make one of each kind."""
        client = self.client
        client.allocate_address(Domain="vpc", **tagged("elastic-ip", tags))
        client.create_volume(Size=1, AvailabilityZone=self.zone, **tagged("volume", tags))
        client.create_network_interface(SubnetId=self.subnet, **tagged("network-interface", tags))
        client.create_security_group(
            GroupName=name, Description=name, **tagged("security-group", tags)
        )
        client.import_key_pair(KeyName=name, PublicKeyMaterial=PUBLIC, **tagged("key-pair", tags))

    def all(self) -> dict[str, set[str]]:
        """Name all there is."""
        client = self.client
        groups = client.describe_security_groups()["SecurityGroups"]
        return {
            "address": {one["AllocationId"] for one in client.describe_addresses()["Addresses"]},
            "disk": {one["VolumeId"] for one in client.describe_volumes()["Volumes"]},
            "interface": {
                one["NetworkInterfaceId"]
                for one in client.describe_network_interfaces()["NetworkInterfaces"]
            },
            "group": {one["GroupName"] for one in groups},
            "key": {one["KeyName"] for one in client.describe_key_pairs()["KeyPairs"]},
        }


PUBLIC = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAJ0RmEdmuQvqgY0Y3pn1lqzvnNDDFvjIYNm0p0qV2Ab t"


@pytest.fixture
def things(cms_aws: Cms, ec2: Ec2) -> Things:
    return Things(ec2)


def test_what_is_past_its_deadline_goes_only_when_asked_for(cms_aws: Cms, ec2: Ec2) -> None:
    boot(cms_aws, "old[1-2]", f"--deadline={PAST}")
    boot(cms_aws, "new", f"--deadline={FUTURE}")
    boot(cms_aws, "keep")
    ec2.make("~other ?")
    shown = cms_aws(*REAP, "--output=json")
    assert [one["action"] for one in json.loads(shown.stdout)] == ["would delete"] * 2
    assert "nothing was deleted: add --yes" in shown.stderr
    assert ec2.words() == "? keep new old1 old2 ~other"
    assert found(cms_aws, "--yes") == [("deleted", "vm", "old1"), ("deleted", "vm", "old2")]
    assert ec2.words() == "? keep new ~other"
    assert listed(cms_aws) == ["keep", "new"]
    assert found(cms_aws, "--yes") == []
    log = json.loads(cms_aws(*REAP, "--log", "--output=json").stdout)
    assert sorted((one["what"], one["name"]) for one in log) == [("vm", "old1"), ("vm", "old2")]
    assert f"past its deadline {PAST}" in log[0]["why"]
    # The name is free again.
    boot(cms_aws, "old1")


def test_look_alikes_are_never_touched(cms_aws: Cms, ec2: Ec2, things: Things) -> None:
    for number, tags in enumerate(NOT_OURS):
        things.make(tags, f"alike{number}")
        ec2.client.run_instances(ImageId=AMI, MinCount=1, MaxCount=1, **tagged("instance", tags))
    before, vms = things.all(), sorted(ec2.machine_ids())
    for _ in range(2):
        assert found(cms_aws, "--yes", "--grace=0") == []
    assert things.all() == before
    assert sorted(ec2.machine_ids()) == vms


def test_what_nobody_uses_goes_after_its_time_and_nothing_else(
    cms_aws: Cms, ec2: Ec2, things: Things
) -> None:
    boot(cms_aws, "web", "--secgroup=", "--key=cloudmesh")
    assert cms_aws("vm", "ip", "assign", "web").returncode == 0
    things.make([], "foreign")
    before = things.all()
    things.make(OURS, "unused")
    kinds = ["address", "disk", "group", "interface", "key"]
    assert [kind for _, kind, _ in found(cms_aws, "--yes")] == kinds
    assert {action for action, _, _ in found(cms_aws, "--yes")} == {"waits"}
    gone = found(cms_aws, "--yes", "--grace=0")
    assert [(action, kind) for action, kind, _ in gone] == [("deleted", kind) for kind in kinds]
    assert things.all() == before
    assert ec2.words() == "web"
    assert found(cms_aws, "--yes", "--grace=0") == []


def test_a_look_that_fails_lets_nothing_wait_anew(
    cms_aws: Cms, things: Things, faults: Faults
) -> None:
    things.make(OURS, "unused")
    first = waits(cms_aws)
    assert len(first) == 5
    faults.script(
        {"action": "DescribeSecurityGroups", "fault": "error", "status": 403,
         "code": "UnauthorizedOperation", "message": "no"},
    )  # fmt: skip
    assert waits(cms_aws, code=4) == {}
    faults.script()
    next_second = int(time.time()) + 1
    wait_until(lambda: time.time() >= next_second)
    assert waits(cms_aws) == first


def waits(cms: Cms, code: int = 0) -> dict[str, str]:
    """Say of each thing that waits until when it does."""
    done = cms(*REAP, "--yes", "--output=json")
    assert done.returncode == code, done.stderr
    return {one["id"]: one["due"] for one in json.loads(done.stdout) if one["action"] == "waits"}


def test_a_disk_that_outlives_its_vm_is_found_by_its_tags(
    cms_aws: Cms, ec2: Ec2, things: Things
) -> None:
    boot(cms_aws, "web")
    (disk,) = ec2.client.describe_volumes()["Volumes"]
    tags = {pair["Key"]: pair["Value"] for pair in disk["Tags"]}
    assert tags == {"cm-owner": OWNER, "cm-name": "web"}
    (attached,) = disk["Attachments"]
    ec2.client.detach_volume(
        VolumeId=disk["VolumeId"], InstanceId=attached["InstanceId"], Device=attached["Device"]
    )
    assert found(cms_aws, "--yes", "--grace=0") == [("deleted", "disk", "web")]


def test_the_address_of_a_vm_that_is_gone_is_given_back(
    cms_aws: Cms, ec2: Ec2, things: Things
) -> None:
    boot(cms_aws, "web")
    assert cms_aws("vm", "ip", "assign", "web").returncode == 0
    ec2.terminate(ec2.machine_ids()[0])
    # It was found with the VM's row and goes when both are settled.
    for _ in range(2):
        assert cms_aws(*REAP, "--yes", "--grace=0").returncode == 0
    assert things.all()["address"] == set()
    assert listed(cms_aws) == []


@pytest.fixture
def watched(cms_aws: Cms) -> None:
    """The reaper has watched the ledger for so long that EC2 tells what is launched after it."""
    watch(cms_aws)


def watch(cms: Cms) -> None:
    """Begin to watch the ledger.

    EC2 tells launches in whole seconds: one of the second in which the watch began may be before.
    """
    assert cms(*REAP, "--yes").returncode == 0
    next_second = int(time.time()) + 1
    wait_until(lambda: time.time() >= next_second)


def test_an_orphan_goes_and_what_the_ledger_knows_stays(
    cms_aws: Cms, ec2: Ec2, watched: None
) -> None:
    boot(cms_aws, "web")
    ec2.make("orphan ~other ?")
    assert found(cms_aws, "--yes") == [("waits", "vm", "orphan")]
    assert found(cms_aws, "--yes", "--grace=0") == [("deleted", "vm", "orphan")]
    assert ec2.words() == "? web ~other"


def test_a_ledger_that_is_dropped_makes_no_orphans(cms_aws: Cms, ec2: Ec2, watched: None) -> None:
    # To write down every flavor of EC2 would take most of the time.
    cms_aws.catalogue(flavors="t2.micro")
    boot(cms_aws, "web")
    ec2.make("orphan")
    assert found(cms_aws, "--yes") == [("waits", "vm", "orphan")]
    assert cms_aws("init", "--drop", "--force").returncode == 0
    for _ in range(2):
        assert {action for action, _, _ in found(cms_aws, "--yes", "--grace=0")} == {"left"}
    assert ec2.words() == "orphan web"


HERE, ELSEWHERE = "        region: us-east-1\n", "        region: eu-west-1\n"


def look_elsewhere(cms: Cms) -> None:
    """Look while cloudmesh.yaml names another region, and put it back."""
    cms.configure(HERE, ELSEWHERE)
    assert cms(*REAP, "--yes").returncode == 0
    cms.configure(ELSEWHERE, HERE)


def test_a_look_into_another_region_makes_no_orphans(cms_aws: Cms, ec2: Ec2, watched: None) -> None:
    boot(cms_aws, "web,db")
    look_elsewhere(cms_aws)
    left = [("left", "vm", "db"), ("left", "vm", "web")]
    assert found(cms_aws, "--yes", "--grace=0") == left
    # The name may have been given to another VM meanwhile.
    cms_aws.configure(HERE, ELSEWHERE)
    boot(cms_aws, "web")
    cms_aws.configure(ELSEWHERE, HERE)
    for _ in range(2):
        assert found(cms_aws, "--yes", "--grace=0") == left
    assert ec2.words() == "db web"
    assert cms_aws("fleet", "adopt", "web").returncode == 0
    assert cms_aws("vm", "delete", "db").returncode == 0
    assert found(cms_aws, "--yes", "--grace=0") == []
    assert ec2.words() == "web"


def test_a_boot_in_another_region_makes_no_orphan_of_a_vm_of_its_name(
    cms_aws: Cms, ec2: Ec2, watched: None
) -> None:
    boot(cms_aws, "web")
    cms_aws.configure(HERE, ELSEWHERE)
    boot(cms_aws, "web")
    cms_aws.configure(ELSEWHERE, HERE)
    for _ in range(2):
        assert found(cms_aws, "--yes", "--grace=0") == [("left", "vm", "web")]
    assert ec2.words() == "web"


def test_a_vm_whose_deletion_failed_is_no_less_an_orphan_after_a_look_elsewhere(
    cms_aws: Cms, ec2: Ec2, faults: Faults, watched: None
) -> None:
    boot(cms_aws, "web")
    faults.script(
        {"action": "TerminateInstances", "fault": "error", "status": 403,
         "code": "UnauthorizedOperation", "message": "no"},
    )  # fmt: skip
    assert cms_aws("vm", "delete", "web").returncode == 4
    faults.script()
    look_elsewhere(cms_aws)
    assert found(cms_aws, "--yes", "--grace=0") == [("deleted", "vm", "web")]


def test_the_loss_of_mongodb_makes_no_orphans(cms_aws: Cms, ec2: Ec2) -> None:
    ec2.make("web1 web2")
    assert cms_aws(*REAP, "--yes", "--grace=0").returncode == 0
    assert {action for action, _, _ in found(cms_aws, "--yes", "--grace=0")} == {"left"}
    assert ec2.words() == "web1 web2"
    adopted = cms_aws("fleet", "adopt", "web1", "--output=json")
    assert [one["action"] for one in json.loads(adopted.stdout)] == ["adopted"]
    assert found(cms_aws, "--yes", "--grace=0") == [("left", "vm", "web2")]
    assert cms_aws("fleet", "adopt").returncode == 0
    assert found(cms_aws, "--yes", "--grace=0") == []
    assert listed(cms_aws) == ["web1", "web2"]
    unknown = cms_aws("fleet", "adopt", "nosuch")
    assert (unknown.returncode, "nosuch" in unknown.stderr) == (1, True)


def test_a_vm_from_before_the_ledger_is_no_orphan_when_it_is_launched_again(
    cms_aws: Cms, ec2: Ec2, cloud: office.Cloud
) -> None:
    ec2.make("web")
    cloud.upstream, cms_aws.environ["CLOUDMESH_SANDBOX_AWS"] = ec2.address, cloud.address
    assert cms_aws(*REAP, "--yes").returncode == 0
    cloud.launched = FUTURE
    assert found(cms_aws, "--yes", "--grace=0") == [("left", "vm", "web")]
    assert ec2.words() == "web"


def test_a_vm_of_googles_from_before_the_ledger_is_no_orphan_when_it_is_started_again(
    cms_google: Cms, google_project: Gce
) -> None:
    (made,) = google_project.make("web")
    google = ("--cloud=google", "--yes")
    assert cms_google(*REAP, *google).returncode == 0
    for action in ("stop", "start"):
        google_project.change("POST", f"/{ZONE}/instances/{made}/{action}")
    assert found(cms_google, *google, "--grace=0") == [("left", "vm", "web")]
    assert google_project.words() == "web"


def test_a_vm_that_is_prolonged_stays(cms_aws: Cms, ec2: Ec2) -> None:
    boot(cms_aws, "web", f"--deadline={PAST}")
    moved = cms_aws("fleet", "deadline", "web", "--until=2h", "--output=json")
    assert json.loads(moved.stdout)[0]["deadline"] > NOW.isoformat()
    assert found(cms_aws, "--yes") == []
    assert cms_aws("fleet", "deadline", "web", "--until=never").returncode == 0
    assert json.loads(cms_aws("vm", "list", "--output=json").stdout)[0]["deadline"] == ""
    assert cms_aws("fleet", "deadline", "web", "--until=now").returncode == 0
    assert found(cms_aws, "--yes") == [("deleted", "vm", "web")]


def test_a_run_takes_its_vms_along_and_no_other(cms_aws: Cms, ec2: Ec2) -> None:
    boot(cms_aws, "one", "--run=dag/1")
    boot(cms_aws, "two", "--run=dag/2", f"--deadline={PAST}")
    assert found(cms_aws, "--run=dag/1") == [("would delete", "vm", "one")]
    assert found(cms_aws, "--run=dag/1", "--yes") == [("deleted", "vm", "one")]
    assert ec2.words() == "two"


def test_without_mongodb_deadlines_are_kept_and_the_rest_is_left(
    cms_aws: Cms, ec2: Ec2, things: Things
) -> None:
    boot(cms_aws, "old", f"--deadline={PAST}")
    boot(cms_aws, "web")
    ec2.make("orphan")
    things.make(OURS, "unused")
    before = things.all()
    port = str(free_port())
    done = cms_aws(*REAP, "--yes", "--grace=0", "--output=json", CLOUDMESH_MONGO_PORT=port)
    assert done.returncode == 4
    assert re.match(r"cms: aws: MongoDB at 127.0.0.1:\d+ does not answer", done.stderr)
    assert [one["action"] for one in json.loads(done.stdout)] == ["deleted"]
    assert ec2.words() == "orphan web"
    after = things.all()
    assert {kind: after[kind] for kind in ("address", "group", "key")} == {
        kind: before[kind] for kind in ("address", "group", "key")
    }
    # MongoDB is back: the row of the VM that went is settled, too.
    assert cms_aws(*REAP, "--yes").returncode == 0
    assert listed(cms_aws) == ["web"]


def test_two_reapers_at_once_do_no_harm(cms_aws: Cms, ec2: Ec2, things: Things) -> None:
    boot(cms_aws, "old[1-6]", f"--deadline={PAST}")
    boot(cms_aws, "keep")
    things.make(OURS, "unused")
    running = [cms_aws.start(*REAP, "--yes", "--grace=0", "--output=json") for _ in range(3)]
    told = [process.communicate(timeout=PATIENCE) for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], told
    assert ec2.words() == "keep"
    log = json.loads(cms_aws(*REAP, "--log", "--output=json").stdout)
    names = [one["name"] for one in log if one["what"] == "vm"]
    assert sorted(names) == [f"old{number}" for number in range(1, 7)]


def test_a_deletion_that_fails_is_told_and_hinders_no_other(
    cms_aws: Cms, ec2: Ec2, faults: Faults
) -> None:
    boot(cms_aws, "old[1-2]", f"--deadline={PAST}")
    faults.script(
        {"action": "TerminateInstances", "fault": "error", "status": 403,
         "code": "UnauthorizedOperation", "message": "no"},
    )  # fmt: skip
    assert sorted(one[0] for one in found(cms_aws, "--yes", code=4)) == ["deleted", "failed"]
    faults.script()
    assert [one[0] for one in found(cms_aws, "--yes")] == ["deleted"]
    assert ec2.words() == ""


def add_section(cms: Cms, name: str, credentials: str) -> None:
    """Let cloudmesh.yaml have another section of kind `aws`."""
    cms.configure(
        "  cloud:\n",
        f"  cloud:\n    {name}:\n      cm: {{active: true, kind: aws}}\n"
        f"      credentials: {credentials}\n",
    )


def of_account(ec2: Ec2) -> str:
    """The credentials of another section for the account and region of the first."""
    given = "region: us-east-1, EC2_ACCESS_ID: a-1234, EC2_SECRET_KEY: b-1234"
    return f"{{{given}, endpoint: '{ec2.address}'}}"


def test_a_vm_of_another_section_of_the_account_is_no_orphan(cms_aws: Cms, ec2: Ec2) -> None:
    add_section(cms_aws, "big", of_account(ec2))
    watch(cms_aws)
    boot(cms_aws, "web")
    ec2.make("orphan")
    assert cms_aws(*REAP, "--yes", "--grace=0").returncode == 0
    assert ec2.words() == "web"
    adopted = cms_aws("fleet", "adopt", "--output=json")
    assert (adopted.returncode, json.loads(adopted.stdout)) == (0, [])
    assert listed(cms_aws) == ["web"]


def test_a_group_that_another_section_of_the_account_names_stays(
    cms_aws: Cms, ec2: Ec2, things: Things
) -> None:
    add_section(cms_aws, "big", f"{of_account(ec2)}\n      default: {{ssh_group: unused}}")
    things.make(OURS, "unused")
    assert cms_aws(*REAP, "--yes", "--grace=0").returncode == 0
    assert "unused" in things.all()["group"]
    assert things.all()["key"] == set()


@pytest.mark.parametrize("wrong", ["credentials: key.json", "default: none"])
def test_a_section_that_nobody_looks_at_hinders_no_look(cms_aws: Cms, ec2: Ec2, wrong: str) -> None:
    boot(cms_aws, "old", f"--deadline={PAST}")
    idle = "cm: {active: false, kind: vagrant}"
    cms_aws.configure("  cloud:\n", f"  cloud:\n    idle:\n      {idle}\n      {wrong}\n")
    assert cms_aws(*REAP, "--yes").returncode == 0
    assert ec2.words() == ""


def broken(cms: Cms, credentials: str) -> Result:
    """Look at two clouds of which one is as the test says."""
    add_section(cms, "broken", credentials)
    return cms(*REAP, "--yes", "--output=json", AWS_EC2_METADATA_DISABLED="true")


@pytest.mark.parametrize(
    ("credentials", "code", "says"),
    [
        ("{region: us-east-1}", 4, "Unable to locate credentials"),
        ("{EC2_ACCESS_ID: a-1234, EC2_SECRET_KEY: b-1234}", 2, "no region"),
        (
            "{region: us-east-1, EC2_ACCESS_ID: a-1234, EC2_SECRET_KEY: b-1234,"
            " endpoint: 'http://127.0.0.1:9'}",
            4,
            "AWS does not answer",
        ),
    ],
)
def test_a_broken_cloud_hinders_no_other(
    cms_aws: Cms, ec2: Ec2, credentials: str, code: int, says: str
) -> None:
    boot(cms_aws, "old", f"--deadline={PAST}")
    done = broken(cms_aws, credentials)
    assert done.returncode == code
    assert done.stderr.startswith("cms: broken: ")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert [one["action"] for one in json.loads(done.stdout)] == ["deleted"]
    assert ec2.words() == ""


@pytest.mark.parametrize(
    ("reaper", "says"),
    [
        ("every_minutes: 60", "every_minutes: 60: give a number from 0 to 15"),
        ("orphan_hours: soon", "orphan_hours: 'soon': give a number"),
        ("unused_hours: -1", "unused_hours: -1: give a number"),
    ],
)
def test_a_time_that_is_none_is_told(cms_aws: Cms, reaper: str, says: str) -> None:
    cms_aws.configure("  reaper:", f"  reaper:\n    {reaper}")
    told = cms_aws(*REAP, *(["--watch"] if "every" in reaper else []))
    assert told.returncode == 2
    assert says in told.stderr
