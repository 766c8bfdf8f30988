"""Renaming, resizing, tagging and addressing VMs: what is there afterwards, also after a kill."""

import json
from typing import Any

import pytest

from .conftest import OWNER, PATIENCE, Cms, Ec2, Faults

KILLED = -9


def rows(cms: Cms) -> list[dict[str, Any]]:
    result = cms("vm", "list", "--output=json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def tags(instance: dict[str, Any]) -> dict[str, str]:
    return {pair["Key"]: pair["Value"] for pair in instance["Tags"]}


def done(cms: Cms, *words: str) -> list[dict[str, Any]]:
    result = cms("vm", *words, "--output=json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def kill(cms: Cms, faults: Faults, rule: dict[str, Any], *words: str) -> None:
    """Run a command that is killed at a call of the cloud's."""
    pid = cms.root / "pid"
    faults.script({"fault": "kill", "pid_file": str(pid), **rule})
    process = cms.start("vm", *words, pid=pid)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == KILLED
    faults.script()


def addresses(ec2: Ec2) -> list[dict[str, Any]]:
    return ec2.client.describe_addresses()["Addresses"]


def test_a_renamed_vm_is_known_by_its_new_name_alone(cms_aws: Cms, ec2: Ec2) -> None:
    assert cms_aws("vm", "boot", "--name=web").returncode == 0
    (instance,) = ec2.instances()
    (record,) = done(cms_aws, "rename", "web", "www")
    assert (record["action"], record["name"]) == ("renamed", "www")
    (after,) = ec2.instances()
    assert after["InstanceId"] == instance["InstanceId"]
    assert (tags(after)["Name"], tags(after)["cm-name"]) == ("www", "www")
    assert [row["name"] for row in rows(cms_aws)] == ["www"]
    assert cms_aws("vm", "delete", "web").returncode == 1
    assert done(cms_aws, "boot", "--name=www")[0]["action"] == "adopted"
    assert ec2.words() == "www"
    assert done(cms_aws, "boot", "--name=web")[0]["action"] == "created"
    assert ec2.words() == "web www"


def test_a_repeated_rename_changes_nothing(cms_aws: Cms, ec2: Ec2) -> None:
    assert cms_aws("vm", "boot", "--name=web").returncode == 0
    assert done(cms_aws, "rename", "web", "www")[0]["action"] == "renamed"
    for old in ("web", "www"):
        assert done(cms_aws, "rename", old, "www")[0]["action"] == "already renamed"
    assert (ec2.words(), [row["name"] for row in rows(cms_aws)]) == ("www", ["www"])


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "call", ["DescribeInstances 1", "DescribeInstances 2", "CreateTags 1", "DescribeInstances 3"]
)
def test_a_rename_killed_at_any_call_is_finished_by_the_next(
    cms_aws: Cms, ec2: Ec2, faults: Faults, call: str, when: str
) -> None:
    action, nth = call.split()
    assert cms_aws("vm", "boot", "--name=web").returncode == 0
    kill(cms_aws, faults, {"action": action, "nth": int(nth), "when": when}, "rename", "web", "www")
    assert done(cms_aws, "rename", "web", "www")[0]["name"] == "www"
    assert (ec2.words(), [row["name"] for row in rows(cms_aws)]) == ("www", ["www"])
    assert done(cms_aws, "boot", "--name=web,www")
    assert ec2.words() == "web www"


@pytest.mark.parametrize("when", ["before", "after"])
def test_what_a_killed_rename_left_harms_nothing(
    cms_aws: Cms, ec2: Ec2, faults: Faults, when: str
) -> None:
    assert cms_aws("vm", "boot", "--name=web").returncode == 0
    kill(cms_aws, faults, {"action": "CreateTags", "when": when}, "rename", "web", "www")
    name, other = ("web", "www") if when == "before" else ("www", "web")
    if when == "before":
        refused = cms_aws("vm", "boot", "--name=www")
        assert (refused.returncode, ec2.words()) == (5, "web")
        assert "repeat cms vm rename web www" in refused.stderr
        assert done(cms_aws, "delete", "www")[0]["action"] == "forgotten"
    else:
        assert cms_aws("vm", "delete", "web").returncode == 1
    assert ec2.words() == name
    assert done(cms_aws, "boot", f"--name={other}")[0]["action"] == "created"
    assert ec2.words() == "web www"


def test_a_refresh_finishes_a_killed_rename(cms_aws: Cms, ec2: Ec2, faults: Faults) -> None:
    assert cms_aws("vm", "boot", "--name=web").returncode == 0
    kill(cms_aws, faults, {"action": "CreateTags", "when": "after"}, "rename", "web", "www")
    assert [row["name"] for row in done(cms_aws, "list", "--refresh")] == ["www"]
    assert done(cms_aws, "boot", "--name=web")[0]["action"] == "created"
    assert ec2.words() == "web www"


def test_a_name_that_is_being_booted_is_not_taken(cms_aws: Cms, ec2: Ec2, faults: Faults) -> None:
    assert cms_aws("vm", "boot", "--name=web").returncode == 0
    kill(cms_aws, faults, {"action": "RunInstances", "when": "before"}, "boot", "--name=www")
    assert cms_aws("vm", "rename", "web", "www").returncode == 5
    assert cms_aws("vm", "boot", "--name=www").returncode == 0
    assert ec2.words() == "web www"


def test_two_renames_to_one_name_at_once_make_one(cms_aws: Cms, ec2: Ec2) -> None:
    assert cms_aws("vm", "boot", "--name=a,b,c").returncode == 0
    running = [cms_aws.start("vm", "rename", name, "www") for name in "abc"]
    told = [process.communicate(timeout=PATIENCE)[1] for process in running]
    assert sorted(process.returncode for process in running) == [0, 5, 5], told
    assert ec2.words().split().count("www") == 1
    assert len(ec2.instances()) == 3


@pytest.mark.parametrize("state", ["running", "stopped"])
def test_a_resized_vm_is_as_it_was_but_for_its_size(cms_aws: Cms, ec2: Ec2, state: str) -> None:
    ec2.make("web" if state == "running" else "web/stopped")
    (record,) = done(cms_aws, "resize", "web", "--size=t2.small")
    assert (record["flavor"], record["status"]) == ("t2.small", state)
    (instance,) = ec2.instances()
    assert (instance["InstanceType"], instance["State"]["Name"]) == ("t2.small", state)
    assert set(tags(instance)) == {"Name", "cm-name", "cm-owner"}
    assert rows(cms_aws)[0]["flavor"] == "t2.small"
    assert done(cms_aws, "resize", "web", "--size=t2.small")[0]["action"] == "already that size"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "action", ["CreateTags", "StopInstances", "ModifyInstanceAttribute", "StartInstances",
               "DeleteTags"],
)  # fmt: skip
def test_a_resize_killed_at_any_call_is_finished_by_the_next(
    cms_aws: Cms, ec2: Ec2, faults: Faults, action: str, when: str
) -> None:
    ec2.make("web")
    kill(cms_aws, faults, {"action": action, "when": when}, "resize", "web", "--size=t2.small")
    assert done(cms_aws, "resize", "web", "--size=t2.small")[0]["status"] == "running"
    (instance,) = ec2.instances()
    assert (instance["InstanceType"], instance["State"]["Name"]) == ("t2.small", "running")
    assert set(tags(instance)) == {"Name", "cm-name", "cm-owner"}


def test_tags_are_set_listed_and_removed(cms_aws: Cms, ec2: Ec2) -> None:
    ec2.make("web")
    assert done(cms_aws, "meta", "list", "web") == []
    set_ = done(cms_aws, "meta", "set", "web", "color=blue", "url=http://x/?a=b", "empty=")
    assert {one["key"]: one["value"] for one in set_} == {
        "color": "blue", "url": "http://x/?a=b", "empty": "",
    }  # fmt: skip
    assert done(cms_aws, "meta", "list", "web") == set_
    done(cms_aws, "meta", "set", "web", "color=red", "--dryrun")
    assert tags(ec2.instances()[0])["color"] == "blue"
    done(cms_aws, "meta", "delete", "web", "color", "nosuch")
    assert tags(ec2.instances()[0]) == {
        "Name": "web", "cm-name": "web", "cm-owner": OWNER, "url": "http://x/?a=b", "empty": "",
    }  # fmt: skip


def test_an_address_is_assigned_once_and_given_back(cms_aws: Cms, ec2: Ec2) -> None:
    ec2.make("web")
    (instance,) = ec2.instances()
    (record,) = done(cms_aws, "ip", "assign", "web")
    (address,) = addresses(ec2)
    assert record["public_ips"] == [address["PublicIp"]] == rows(cms_aws)[0]["public_ips"]
    assert tags(address) == {
        "cm-owner": OWNER, "cm-name": "web", "cm-vm": instance["InstanceId"],
    }  # fmt: skip
    assert done(cms_aws, "ip", "assign", "web")[0]["action"] == "already assigned"
    assert len(addresses(ec2)) == 1
    assert done(cms_aws, "ip", "unassign", "web", "--dryrun")[0]["action"] == "would unassign"
    assert len(addresses(ec2)) == 1
    assert done(cms_aws, "ip", "unassign", "web")[0]["action"] == "unassigned"
    assert addresses(ec2) == []


def test_an_address_of_somebody_else_stays(cms_aws: Cms, ec2: Ec2) -> None:
    ec2.make("web")
    made = ec2.client.allocate_address(Domain="vpc")["AllocationId"]
    instance = ec2.instances()[0]["InstanceId"]
    ec2.client.associate_address(AllocationId=made, InstanceId=instance)
    refused = cms_aws("vm", "ip", "assign", "web")
    assert (refused.returncode, len(addresses(ec2))) == (5, 1)
    assert "which this appliance did not assign" in refused.stderr
    assert cms_aws("vm", "ip", "unassign", "web").returncode == 3
    assert cms_aws("vm", "delete", "web").returncode == 0
    assert [one["AllocationId"] for one in addresses(ec2)] == [made]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("action", ["AllocateAddress", "AssociateAddress"])
def test_an_assignment_killed_at_any_call_is_finished_by_the_next(
    cms_aws: Cms, ec2: Ec2, faults: Faults, action: str, when: str
) -> None:
    ec2.make("web")
    kill(cms_aws, faults, {"action": action, "when": when}, "ip", "assign", "web")
    assert len(done(cms_aws, "ip", "assign", "web")[0]["public_ips"]) == 1
    (address,) = addresses(ec2)
    assert address["InstanceId"] == ec2.instances()[0]["InstanceId"]


@pytest.mark.parametrize("fault", ["lose-reply", "repeat"])
def test_a_lost_reply_leaves_no_second_address(
    cms_aws: Cms, ec2: Ec2, faults: Faults, fault: str
) -> None:
    ec2.make("web")
    faults.script({"action": "AllocateAddress", "fault": fault})
    assert done(cms_aws, "ip", "assign", "web")[0]["action"] == "assigned"
    assert len(addresses(ec2)) == 1


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("action", ["DisassociateAddress", "ReleaseAddress"])
def test_a_killed_release_is_finished_by_the_next(
    cms_aws: Cms, ec2: Ec2, faults: Faults, action: str, when: str
) -> None:
    ec2.make("web")
    done(cms_aws, "ip", "assign", "web")
    kill(cms_aws, faults, {"action": action, "when": when}, "ip", "unassign", "web")
    cms_aws("vm", "ip", "unassign", "web")
    assert addresses(ec2) == []


@pytest.mark.parametrize("action", ["TerminateInstances", "DescribeAddresses", "ReleaseAddress"])
def test_a_deleted_vm_leaves_no_address_also_when_killed(
    cms_aws: Cms, ec2: Ec2, faults: Faults, action: str
) -> None:
    assert cms_aws("vm", "boot", "--name=web,db").returncode == 0
    done(cms_aws, "ip", "assign", "web,db")
    kill(cms_aws, faults, {"action": action, "when": "before"}, "delete", "web")
    assert cms_aws("vm", "delete", "web").returncode == 0
    (left,) = addresses(ec2)
    assert (tags(left)["cm-name"], ec2.words()) == ("db", "db")


def test_the_console_is_printed(cms_aws: Cms, ec2: Ec2) -> None:
    ec2.make("web")
    shown = cms_aws("vm", "console", "web")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "Linux version 2.6" in shown.stdout
    (record,) = done(cms_aws, "log", "web")
    assert record["console"] == shown.stdout


def test_the_inventory_is_one_that_ansible_reads(cms_aws: Cms, ec2: Ec2) -> None:
    assert cms_aws("vm", "boot", "--name=web", "--group=front").returncode == 0
    assert cms_aws("vm", "boot", "--name=db", "--username=admin").returncode == 0
    ip = {ec2.word(one): one["PublicIpAddress"] for one in ec2.instances()}
    lines = cms_aws("vm", "ip", "inventory").stdout.splitlines()
    assert [line for line in lines if line.startswith("[")] == ["[default]", "[front]"]
    assert lines[1].startswith(f"db ansible_host={ip['db']} ansible_port=22 ansible_user=admin ")
    assert lines[4].startswith(f"web ansible_host={ip['web']} ansible_port=22 ansible_user=ubuntu ")
    (data,) = [json.loads(cms_aws("vm", "ip", "inventory", "web", "--output=json").stdout)]
    assert list(data["all"]["children"]) == ["front"]
    assert data["all"]["children"]["front"]["hosts"]["web"]["ansible_host"] == ip["web"]
