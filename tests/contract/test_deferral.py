"""A boot that leaves its worker while its VMs are on their way: still exactly the VMs asked for."""

import pytest

from .conftest import engine

LEFT = "waiting in the triggerer"


def hide(faults, *rules):
    """Let the cloud not show what it makes, until `reveal`."""
    faults.script(
        {"action": "RunInstances", "fault": "hide", "nth": "every", "seconds": 300}, *rules
    )


def reveal(faults):
    engine.http("DELETE", f"{faults.control}/instances")


def test_it_comes_back_by_itself_when_its_vms_run(airflow, ec2, faults):
    hide(faults)
    end = airflow.begin(
        "boot_deferred", f"web-0 is pending, web-1 is pending: {LEFT}", names="web", n=2
    )
    assert len(faults.launches()) == 2
    reveal(faults)
    done = end()
    assert done.state == "success", airflow.log.read_text()[-3000:]
    told = [(one["name"], one["status"]) for one in done.returned["do"]]
    assert told == [("web-0", "running"), ("web-1", "running")]
    assert ec2.words() == "web-0 web-1"


def test_it_comes_back_at_once_when_the_inventory_shows_that_they_run(
    airflow, cms_aws, ec2, faults
):
    hide(faults)
    end = airflow.begin("boot_deferred", LEFT, names="web")
    reveal(faults)
    assert cms_aws("vm", "wait", "web").returncode == 0
    assert end().state == "success"
    assert ec2.words() == "web"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("action", "nth"), [("RunInstances", 1), ("DescribeInstances", 2)])
def test_killed_at_any_call_and_cleared_it_has_one_vm(
    airflow, cms_aws, ec2, faults, action, nth, when
):
    pid = str(cms_aws.root / "pid")
    hide(faults, {"action": action, "fault": "kill", "nth": nth, "when": when, "pid_file": pid})
    assert airflow("boot_deferred", names="web").state == "failed"
    assert "ended by signal 9" in airflow.log.read_text()
    end = airflow.begin("boot_deferred", LEFT, names="web")
    assert len(faults.launches()) == 1
    reveal(faults)
    assert end().state == "success"
    assert ec2.words() == "web"


def test_what_takes_too_long_fails_and_is_adopted_by_the_next_try(airflow, ec2, faults):
    hide(faults)
    assert airflow("boot_hasty", names="web").state == "failed"
    assert "after 0 s web is pending" in airflow.log.read_text()
    reveal(faults)
    before = ec2.instances()[0]["InstanceId"]
    assert airflow("boot_hasty", names="web").state == "success"
    assert [one["InstanceId"] for one in ec2.instances()] == [before]


def test_a_vm_that_dies_meanwhile_fails_the_task_and_the_next_try_makes_one(airflow, ec2, faults):
    hide(faults)
    end = airflow.begin("boot_deferred", LEFT, names="web")
    (dead,) = ec2.instances()
    ec2.client.terminate_instances(InstanceIds=[dead["InstanceId"]])
    reveal(faults)
    faults.script()
    assert end().state == "failed"
    assert "no VM named web on aws" in airflow.log.read_text()
    assert airflow("boot_deferred", names="web").state == "success"
    assert ec2.words() == "web"
