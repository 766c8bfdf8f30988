"""A boot that does not wait: nobody takes a VM for gone that the cloud does not show yet."""

import json
from typing import Any

import pytest

from .conftest import PATIENCE, Cms, Ec2, Faults, Result, http

BOOT = ("vm", "boot", "--name=web", "--nowait", "--output=json")


def told(result: Result) -> list[tuple[str, str]]:
    assert result.returncode == 0, result.stderr
    return [(one["name"], one["status"]) for one in json.loads(result.stdout)]


def hide(faults: Faults, **more: Any) -> None:
    """Let the cloud not show what it makes, until `reveal`."""
    rule = {"action": "RunInstances", "fault": "hide", "nth": "every", "seconds": 300}
    faults.script(rule, *([more] if more else []))


def reveal(faults: Faults) -> None:
    http("DELETE", f"{faults.control}/instances")


def test_what_the_cloud_shows_is_told_and_recorded(cms_aws: Cms, ec2: Ec2) -> None:
    assert told(cms_aws(*BOOT)) == [("web", "running")]
    assert told(cms_aws(*BOOT)) == [("web", "running")]
    assert told(cms_aws("vm", "list", "--output=json")) == [("web", "running")]
    assert ec2.words() == "web"


def test_a_vm_that_is_not_shown_yet_is_pending_and_none_is_added(
    cms_aws: Cms, ec2: Ec2, faults: Faults
) -> None:
    hide(faults)
    for _ in range(2):
        assert told(cms_aws(*BOOT)) == [("web", "pending")]
        for look in (("status", "web"), ("list",), ("list", "--refresh")):
            cms_aws("vm", *look)
        assert told(cms_aws("vm", "status", "web", "--output=json")) == [("web", "pending")]
    early = cms_aws("vm", "delete", "web")
    assert (early.returncode, ec2.words()) == (1, "web")
    assert "shows no VM yet" in early.stderr
    assert len(faults.launches()) == 1
    reveal(faults)
    assert told(cms_aws("vm", "wait", "web", "--output=json")) == [("web", "running")]
    assert told(cms_aws("vm", "list", "--output=json")) == [("web", "running")]
    assert cms_aws("vm", "delete", "web").returncode == 0
    assert ec2.words() == ""


def test_waiting_waits_for_what_is_not_shown_yet(cms_aws: Cms, ec2: Ec2, faults: Faults) -> None:
    hide(faults)
    assert told(cms_aws(*BOOT)) == [("web", "pending")]
    done = cms_aws("vm", "wait", "web", "--timeout=0")
    assert (done.returncode, done.stdout) == (1, "")
    assert "is not to be seen after 0 s" in done.stderr


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("action", "nth"), [("RunInstances", 1), ("DescribeInstances", 2)])
def test_killed_at_any_call_it_is_finished_by_the_next(
    cms_aws: Cms, ec2: Ec2, faults: Faults, action: str, nth: int, when: str
) -> None:
    pid = cms_aws.root / "pid"
    kill = {"action": action, "fault": "kill", "nth": nth, "when": when, "pid_file": str(pid)}
    hide(faults, **kill)
    process = cms_aws.start(*BOOT, pid=pid)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == -9
    assert cms_aws("vm", "list", "--refresh").returncode == 0
    assert told(cms_aws(*BOOT)) == [("web", "pending")]
    assert len(faults.launches()) == 1
    assert ec2.words() == "web"


def test_a_vm_that_died_meanwhile_is_not_waited_for(cms_aws: Cms, ec2: Ec2) -> None:
    assert told(cms_aws(*BOOT)) == [("web", "running")]
    (web,) = ec2.instances()
    ec2.client.terminate_instances(InstanceIds=[web["InstanceId"]])
    for verb in ("status", "wait"):
        done = cms_aws("vm", verb, "web")
        assert done.returncode == 1
        assert "no VM named web on aws" in done.stderr
    assert told(cms_aws(*BOOT)) == [("web", "running")]
    assert ec2.words() == "web"


def test_a_stopped_vm_is_started(cms_aws: Cms, ec2: Ec2) -> None:
    ec2.make("web/stopped")
    done = cms_aws(*BOOT)
    assert [one["action"] for one in json.loads(done.stdout)] == ["started"]
    assert ec2.words() == "web"
