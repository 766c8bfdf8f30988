"""Exactly one VM a name, whatever repeats, dies or is lost: through the strict proxy."""

import json
from typing import Any

import pytest

from .conftest import PATIENCE, Cms, Ec2, Faults, http, wait_until
from .site import ALL, INSTANCES, Site

BOOT = ("vm", "boot", "--name=web")
KILLED = -9


def rows(cms: Cms) -> list[dict[str, Any]]:
    result = cms("vm", "list", "--output=json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def assert_one(cms: Cms, ec2: Ec2, name: str = "web") -> None:
    (instance,) = ec2.instances()
    (row,) = rows(cms)
    assert ec2.words() == name
    assert (row["name"], row["instance_id"]) == (name, instance["InstanceId"])


def assert_only(site: Site) -> None:
    """Exactly one VM; where the cloud takes tokens, there never was another."""
    if site.tokens:
        assert len(site.launches()) == 1
        assert len(site.cloud.groups("cloudmesh")) == 1
    # Of two groups that were made in one second Neutron keeps both: each lets in the same.
    assert {*site.cloud.groups("cloudmesh")} == {"tcp 22-22 0.0.0.0/0"}
    assert_last(site)


def assert_last(site: Site) -> None:
    """Exactly one VM now."""
    if not site.tokens:
        # What is deleted before it was built Nova may show for a moment more.
        wait_until(lambda: len(site.cloud.machine_ids()) == 1)
    (row,) = rows(site.cms)
    assert site.cloud.words() == "web"
    assert site.cloud.machine_ids() == [row["instance_id"]]


def test_identical_boots_at_once_make_one(site: Site) -> None:
    # Nobody sees the VM for a second, so only the token can keep it single.
    site.script({"action": "RunInstances", "fault": "hide", "nth": "every", "seconds": 1})
    count = 8 if site.tokens else 3
    running = [site.cms.start(*BOOT) for _ in range(count)]
    told = [process.communicate(timeout=PATIENCE)[1] for process in running]
    assert [process.returncode for process in running] == [0] * count, told
    assert_only(site)


@pytest.mark.parametrize("fault", ["lose-reply", "repeat"])
def test_a_lost_reply_or_a_repeated_call_makes_one(site: Site, fault: str) -> None:
    site.script(
        {"action": "RunInstances", "fault": fault},
        {"action": "RunInstances", "fault": "hide", "nth": "every", "seconds": 1},
    )
    result = site.cms(*BOOT)
    assert result.returncode == 0, result.stderr
    assert_only(site)


def test_a_boot_that_never_heard_back_is_finished_by_the_next(site: Site) -> None:
    site.script(
        {"action": "RunInstances", "fault": "error-after", "nth": "every", "status": 500,
         "code": "InternalError"},
        {"action": "RunInstances", "fault": "hide", "nth": "every", "seconds": 2},
    )  # fmt: skip
    # Where a call may not be repeated it is looked for, and found.
    assert site.cms(*BOOT).returncode == (4 if site.tokens else 0)
    site.script()
    assert site.cms(*BOOT).returncode == 0
    assert_only(site)


KILLS = [
    ("aws", action, nth, when)
    for action, nth in (
        ("DescribeInstances", 1),
        ("DescribeKeyPairs", 1),
        ("ImportKeyPair", 1),
        ("DescribeSecurityGroups", 1),
        ("CreateSecurityGroup", 1),
        ("DescribeSecurityGroups", 2),
        ("AuthorizeSecurityGroupIngress", 1),
        ("RunInstances", 1),
        ("DescribeInstances", 2),
    )
    for when in ("before", "after")
]
OPENSTACK_KILLS = [
    ("openstack", action, nth, when)
    for action, nth in (
        ("DescribeInstances", 1), ("DescribeKeyPairs", 1), ("ImportKeyPair", 1),
        ("DescribeInstances", 2), ("RunInstances", 1), ("DescribeInstances", 3),
    )
    for when in ("before", "after")
    if ALL or (action, when) in (("ImportKeyPair", "after"), ("RunInstances", "before"),
                                 ("RunInstances", "after"))
]  # fmt: skip

AZURE_KILLS = [
    ("azure", action, nth, when)
    for action, nth in (
        ("POST /*/oauth2/v2.0/token", 1), ("DescribeInstances", 1), ("DescribeKeyPairs", 1),
        ("ImportKeyPair", 1), ("DescribeSecurityGroups", 1), ("CreateSecurityGroup", 1),
        ("CreateNetwork", 1), ("CreateInterface", 1), ("RunInstances", 1), ("DescribeInstance", 2),
    )
    for when in ("before", "after")
]  # fmt: skip

GOOGLE_KILLS = [
    ("google", action, nth, when)
    for action, nth in (
        ("DescribeInstances", 1),
        ("DescribeKeyPairs", 1),
        ("ImportKeyPair", 1),
        ("DescribeSecurityGroups", 1),
        ("CreateSecurityGroup", 1),
        ("DescribeKeyPairs", 2),
        ("RunInstances", 1),
        ("GET /compute/v1/projects/sandbox/zones/us-central1-a/operations/*", 1),
        (f"GET {INSTANCES}/*", 1),
    )
    for when in ("before", "after")
]


@pytest.mark.parametrize(
    ("site", "action", "nth", "when"),
    KILLS + AZURE_KILLS + GOOGLE_KILLS + OPENSTACK_KILLS,
    indirect=["site"],
)
def test_a_boot_killed_at_any_call_is_finished_by_the_next(
    site: Site, action: str, nth: int, when: str
) -> None:
    pid = site.cms.root / "pid"
    site.script(
        {"action": action, "fault": "kill", "nth": nth, "when": when, "pid_file": str(pid)},
        {"action": "RunInstances", "fault": "hide", "nth": "every", "seconds": 1},
    )
    process = site.cms.start(*BOOT, pid=pid)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == KILLED
    result = site.cms(*BOOT)
    assert result.returncode == 0, result.stderr
    assert_only(site)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_killed_delete_is_finished_by_the_next(site: Site, when: str) -> None:
    assert site.cms(*BOOT).returncode == 0
    pid = site.cms.root / "pid"
    site.script(
        {"action": "TerminateInstances", "fault": "kill", "when": when, "pid_file": str(pid)}
    )
    process = site.cms.start("vm", "delete", "web", pid=pid)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == KILLED
    assert site.cms("vm", "delete", "web").returncode == 0
    assert (site.cloud.words(), rows(site.cms)) == ("", [])


def test_a_delete_after_an_interrupted_boot_never_says_done_too_early(
    cms_aws: Cms, ec2: Ec2, faults: Faults
) -> None:
    pid = cms_aws.root / "pid"
    faults.script(
        {"action": "RunInstances", "fault": "kill", "when": "after", "pid_file": str(pid)},
        {"action": "RunInstances", "fault": "hide", "seconds": 300},
    )
    process = cms_aws.start(*BOOT, pid=pid)
    process.communicate(timeout=PATIENCE)
    for words in ((), ("--missing-ok",)):
        early = cms_aws("vm", "delete", "web", *words)
        assert (early.returncode, ec2.words()) == (1, "web")
        assert "a boot was interrupted" in early.stderr
    # It forgets what it hides, and with it the tokens, of which no more are used.
    http("DELETE", f"{faults.control}/instances")
    assert cms_aws("vm", "delete", "web").returncode == 0
    assert (ec2.words(), rows(cms_aws)) == ("", [])


def test_a_terminated_vm_is_replaced_with_the_next_token(site: Site) -> None:
    for _ in range(2):
        assert site.cms(*BOOT).returncode == 0
        (machine,) = site.cloud.machine_ids()
        site.cloud.terminate(machine)
        wait_until(lambda: not site.cloud.machine_ids())
    assert site.cms(*BOOT).returncode == 0
    assert site.faults.actions().count(site.call("RunInstances")) == 3
    if site.tokens:
        assert len({launch["token"] for launch in site.launches()}) == 3
    assert_last(site)


def test_a_ledger_without_memory_walks_past_spent_tokens(
    cms_aws: Cms, ec2: Ec2, faults: Faults
) -> None:
    assert cms_aws(*BOOT).returncode == 0
    assert cms_aws("vm", "delete", "web").returncode == 0
    forget_everything(cms_aws)
    assert cms_aws(*BOOT).returncode == 0
    assert len(faults.launches()) == 2
    assert_one(cms_aws, ec2)


def test_a_lost_ledger_makes_no_second_vm(site: Site) -> None:
    assert site.cms(*BOOT).returncode == 0
    forget_everything(site.cms)
    assert site.cms(*BOOT).returncode == 0
    assert site.faults.actions().count(site.call("RunInstances")) == 1
    assert_only(site)


def test_refresh_restores_every_vm_after_the_loss_of_mongo(site: Site) -> None:
    site.cloud.make("? ~db")
    assert site.cms("vm", "boot", "--name=web[1-2]", "--group=blue").returncode == 0
    before = {(row["name"], row["instance_id"]) for row in rows(site.cms)}
    forget_everything(site.cms)
    assert rows(site.cms) == []
    assert site.cms(*site.refresh).returncode == 0
    assert {(row["name"], row["instance_id"]) for row in rows(site.cms)} == before
    assert {row["cm"]["group"] for row in rows(site.cms)} == {"blue"}


def test_refresh_drops_what_was_terminated_elsewhere(site: Site) -> None:
    assert site.cms("vm", "boot", "--name=web,db").returncode == 0
    (web,) = [row["instance_id"] for row in rows(site.cms) if row["name"] == "web"]
    site.cloud.terminate(web)
    wait_until(lambda: web not in site.cloud.machine_ids())
    assert site.cms(*site.refresh).returncode == 0
    assert [row["name"] for row in rows(site.cms)] == ["db"]
    assert site.cms("vm", "delete", "web").returncode == 0


def test_a_failed_boot_can_be_asked_differently(site: Site) -> None:
    site.script({"action": "RunInstances", "fault": "error", "status": 400, "code": "BadRequest"})
    assert site.cms(*BOOT, site.say("--flavor=t2.small")).returncode == 1
    assert site.cms(*BOOT).returncode == 0
    assert_last(site)


def forget_everything(cms: Cms) -> None:
    """Let Mongo lose all it knows: the next command finds another, empty database."""
    file = cms.root / "cloudmesh.yaml"
    file.write_text(file.read_text().replace("MONGO_DBNAME: test_", "MONGO_DBNAME: test_x"))
