"""The reaper in the running stack, while everything that it could lean on dies."""

import json

import pytest
import yaml

from .conftest import wait_until

VMS = 20
# Three tries of a boot with a pause of 15 s between them, on a machine that does much else.
PATIENCE = 900
# So many calls of EC2 pass, then every worker of a boot waits: something can be killed meanwhile.
PART, WORKERS = 5, 8


@pytest.fixture
def clouds(stack):
    """The clouds that are active in cloudmesh.yaml and have a driver; the reaper looks often."""
    file = stack.config / "cloudmesh.yaml"
    shipped = file.read_text()
    file.write_text(shipped.replace("  reaper:", "  reaper:\n    every_minutes: 0.1", 1))
    sections = yaml.safe_load(shipped)["cloudmesh"]["cloud"]
    active = [name for name, section in sections.items() if section["cm"]["active"]]
    found = [name for name in active if asked(stack, name).returncode != 3]
    assert "aws" in found
    assert stack.run("restart", "reaper").returncode == 0
    yield found
    file.write_text(shipped)
    assert stack.run("start", "mongo").returncode == 0
    assert stack.run("restart", "reaper").returncode == 0


def asked(stack, name):
    words = ["vm", "list", "--all", "--refresh", f"--cloud={name}", "--output=json"]
    return stack.execute("worker", "cms", *words)


def held(stack, name):
    """Give the names of the VMs that a cloud itself holds, those of others too."""
    done = asked(stack, name)
    assert done.returncode == 0, done.stderr
    return sorted(record["name"] for record in json.loads(done.stdout))


def kill(stack, service):
    assert stack.run("kill", "--signal=KILL", service).returncode == 0
    assert service not in stack.run("ps", "--services", "--status=running").stdout.split()


def wait_for_calls(cloud, count):
    wait_until(lambda: cloud.calls("RunInstances") >= count, f"{count} calls", timeout=240)


def wait_until_empty(stack, name):
    wait_until(lambda: not any(held(stack, name)), f"{name} is empty", timeout=PATIENCE)


def shares(clouds):
    """Spread the VMs over the clouds."""
    return {name: len(range(number, VMS, len(clouds))) for number, name in enumerate(clouds)}


def test_whatever_dies_each_vm_is_there_once_and_none_after_its_deadline(stack, cloud, clouds):
    foreign = cloud.launch()
    client = stack.client()
    client.wait_for_dag("vm_boot")
    hold = {"action": "RunInstances", "nth": PART, "times": WORKERS, "fault": "hold"}
    cloud.script({**hold, "when": "after"})
    runs = {
        name: client.trigger("vm_boot", {"cloud": name, "n": count, "name": "kept"})
        for name, count in shares(clouds).items()
    }
    for number, service in enumerate(("reaper", "scheduler", "mongo"), 1):
        wait_for_calls(cloud, min(number * PART, shares(clouds)["aws"]))
        kill(stack, service)
        assert stack.run("start", service).returncode == 0
        # What was held goes on, and so many later calls are held again.
        cloud.script({**hold, "when": "before"})
    cloud.script()
    for name, run in runs.items():
        assert client.wait("vm_boot", run, timeout=PATIENCE) == "success", name
    kept = {
        name: sorted(f"kept-{number}" for number in range(count))
        for name, count in shares(clouds).items()
    }
    assert cloud.names() == ["", *kept["aws"]]
    for name in clouds:
        assert [one for one in held(stack, name) if one] == kept[name]

    for name, count in shares(clouds).items():
        words = [f"kept-[0-{count - 1}]", "--until=2m", f"--cloud={name}"]
        stack.cms("fleet", "deadline", *words)
    # Deadlines stand in the cloud: they count without MongoDB.
    kill(stack, "mongo")
    kill(stack, "reaper")
    assert stack.run("start", "reaper").returncode == 0
    wait_until(lambda: list(cloud.instances()) == [foreign], "the deadline", timeout=PATIENCE)
    assert stack.run("start", "mongo").returncode == 0
    for name in clouds:
        wait_until(
            lambda name=name: not any(held(stack, name)), f"{name} is empty", timeout=PATIENCE
        )
    assert "deleted vm kept-0" in stack.run("logs", "reaper").stdout
    assert json.loads(stack.cms("vm", "list", "--output=json")) == []
