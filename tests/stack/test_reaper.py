"""The reaper in the running stack, while everything that it could lean on dies or is wrong."""

import json
from datetime import UTC, datetime

import pytest

from .conftest import on_all, wait_until

EACH = 5
NAMES = [f"kept-{number}" for number in range(EACH)]
# Three tries of a boot with pauses between them, on a machine that does much else.
PATIENCE = 600
# Of five calls two pass, the answer of one is held back, and two have not come through.
HOLD = (
    {"nth": 3, "fault": "hold", "when": "after"},
    {"nth": 4, "times": 100, "fault": "hold", "when": "before"},
)
MISSING = (
    "        EC2_ACCESS_ID: sandbox-access-id\n        EC2_SECRET_KEY: sandbox-secret-key\n",
    "",
)
EXPIRED = ("access_token: sandbox-access-token", "access_token: ya29.of-yesterday")


@pytest.fixture(scope="module")
def reaper(stack):
    """The reaper, which looks every six seconds here; whatever was killed is back afterwards."""
    with stack.configured(("  reaper:", "  reaper:\n    every_minutes: 0.1")):
        assert stack.run("restart", "reaper").returncode == 0
        yield
    assert stack.run("restart", "reaper").returncode == 0
    up = stack.run("up", "--detach", "--wait", "--wait-timeout", "600")
    assert up.returncode == 0, up.stderr


def kill(stack, service):
    assert stack.run("kill", "--signal=KILL", service).returncode == 0
    assert service not in stack.run("ps", "--services", "--status=running").stdout.split()


def start(stack, service):
    assert stack.run("start", service).returncode == 0


def test_whatever_dies_each_vm_is_there_once_and_none_after_its_deadline(
    stack, fleet, trigger, reaper
):
    foreign = fleet["aws"].launch()
    for cloud in fleet.values():
        cloud.forget_calls()
        cloud.script(*({**rule, "action": cloud.making} for rule in HOLD))
    runs = {name: trigger("vm_boot", cloud=name, n=EACH, name="kept") for name in fleet}
    for name, cloud in fleet.items():
        wait_until(lambda c=cloud: c.calls(c.making) > 3, f"{name} makes VMs", timeout=PATIENCE)
    for service in ("reaper", "scheduler"):
        kill(stack, service)
        start(stack, service)
    kill(stack, "mongo")
    for cloud in fleet.values():
        cloud.script()
    for name, run in runs.items():
        failed = lambda r=run: r.tasks()["boot"] == "up_for_retry"  # noqa: E731
        wait_until(failed, f"the boot on {name} notices", timeout=PATIENCE)
    start(stack, "mongo")
    for run in runs.values():
        run.ends()
    assert fleet["aws"].names() == ["", *NAMES]
    assert [cloud.vms() for name, cloud in fleet.items() if name != "aws"] == [
        [(name, "running") for name in NAMES]
    ] * 3
    listed = json.loads(stack.cms("vm", "list", "--output=json"))
    assert sorted((vm["cloud"], vm["name"]) for vm in listed) == [
        (cloud, name) for cloud in sorted(fleet) for name in NAMES
    ]

    kill(stack, "reaper")
    words = ("fleet", "deadline", "kept-[0-4]", "--until=now")
    on_all(lambda name: stack.cms(*words, f"--cloud={name}"), fleet)
    # Deadlines stand in the clouds: they count without MongoDB.
    kill(stack, "mongo")
    start(stack, "reaper")
    for name, cloud in fleet.items():
        wait_until(lambda c=cloud: not any(c.names()), f"{name} is empty", timeout=PATIENCE)
    assert [*fleet["aws"].instances()] == [foreign]
    start(stack, "mongo")
    wait_until(lambda: stack.cms("vm", "list", "--output=json").strip() == "[]", "the ledger knows")
    log = stack.run("logs", "reaper").stdout
    for name in fleet:
        assert f"{name}: deleted vm kept-0 " in log


def test_credentials_that_are_missing_or_expired_hinder_no_other_cloud(
    stack, fleet, trigger, client, reaper
):
    assert stack.run("stop", "reaper").returncode == 0
    past = f"--deadline={datetime.now(UTC).isoformat(timespec='seconds')}"

    def boot(name):
        for words in (("--name=due", past), ("--name=kept",)):
            stack.cms("vm", "boot", f"--cloud={name}", *words)

    on_all(boot, fleet)
    with stack.configured(MISSING, EXPIRED):
        start(stack, "reaper")
        run = trigger("vm_inventory_refresh")
        wait_until(lambda: run.tasks()["refresh"] == "up_for_retry", "the refresh tells")
        for name in ("azure", "chameleon"):
            only_kept(fleet[name])
        told = stack.execute("worker", "cms", "vm", "list", "--refresh", "--output=json")
        assert told.returncode == 4
        seen = {(vm["cloud"], vm["name"]) for vm in json.loads(told.stdout)}
        assert {("azure", "kept"), ("chameleon", "kept")} <= seen
        assert not {("azure", "due"), ("chameleon", "due")} & seen
        aws, google = told.stderr.splitlines()
        assert aws.startswith("cms: aws: ")
        assert "Unable to locate credentials" in aws
        assert google.startswith("cms: google: ")
        assert "access_token" in google
        for name in ("aws", "google"):
            assert fleet[name].names() == ["due", "kept"]
        reaped = stack.run("logs", "reaper").stdout
        refreshed = "\n".join(client.log(run.dag, run.id, "refresh", 1))
        for line in (aws, google):
            assert line.removeprefix("cms: ") in reaped
            assert line in refreshed
        wait_until(lambda: proposes(client, "kept"), "the forms propose what is known")
    for name in ("aws", "google"):
        only_kept(fleet[name])
    client.wait(run.dag, run.id, timeout=PATIENCE)


def only_kept(cloud):
    what = f"the reaper deletes what is due on {type(cloud).__name__}"
    wait_until(lambda: cloud.names() == ["kept"], what)


def proposes(client, name):
    params = client.call("GET", "/api/v2/dags/vm_delete/details")["params"]
    return name in params["names"]["schema"]["examples"]
