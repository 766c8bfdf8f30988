"""The DAGs in the running stack: what they leave in the cloud is read from the cloud itself."""

import subprocess
import time
from datetime import UTC, datetime, timedelta
from functools import partial

from cloudmesh_airflow.client import ApiError

from .conftest import wait_until

# Prints how many processes one command has, and once they are gone, when that was.
WATCH = """
import glob, time
def marks(word):
    for file in glob.glob("/proc/[0-9]*/environ"):
        try:
            command = open(file.replace("environ", "cmdline"), "rb").read()
            variables = open(file, "rb").read().split(b"\\0")
        except OSError:
            continue
        if word in command:
            yield from (one for one in variables if one.startswith(b"CLOUDMESH_COMMAND="))
(mark,) = set(marks(b"\\0vm\\0boot\\0"))
print(list(marks(b"")).count(mark), flush=True)
while mark in marks(b""):
    time.sleep(0.05)
print(time.time())
"""


def several(name, n):
    return [f"{name}-{number}" for number in range(n)]


def test_a_killed_worker_and_a_cleared_run_leave_exactly_the_vms_asked_for(stack, cloud, trigger):
    foreign = cloud.launch()
    # Two are made and nobody is told; one more is made only when its asker is dead.
    cloud.script(
        {"action": "RunInstances", "nth": 3, "times": 2, "fault": "hold", "when": "after"},
        {"action": "RunInstances", "nth": 5, "fault": "hold", "when": "before"},
    )
    run = trigger("vm_boot", n=5, name="five")
    wait_until(lambda: cloud.calls("RunInstances") == 5, "five VMs are asked for")
    wait_until(lambda: len(cloud.names()) == 5, "four and the foreign one are there")
    assert stack.run("kill", "--signal=KILL", "worker").returncode == 0
    assert "worker" not in stack.run("ps", "--services", "--status=running").stdout.split()
    cloud.script()
    assert stack.run("start", "worker").returncode == 0
    run.ends()
    assert cloud.names() == ["", *several("five", 5)]
    before = cloud.instances()
    run.clear()
    run.ends()
    assert cloud.instances() == before
    deletion = trigger("vm_delete", names="five-[0-4]")
    deletion.ends()
    assert deletion.tasks()["approve"] == "skipped"
    assert list(cloud.instances()) == [foreign]


def test_a_boot_waits_without_a_worker_and_ends_with_its_vms_whatever_dies(stack, cloud, trigger):
    cloud.script({"action": "RunInstances", "nth": "every", "fault": "hide", "seconds": 300})
    run = trigger("vm_boot", n=3, name="late")
    wait_until(lambda: run.tasks()["boot"] == "deferred", "the boot has left its worker")
    before = cloud.instances()
    run.clear()
    # The cloud shows no VM, so each is asked for once more.
    wait_until(lambda: cloud.calls("RunInstances") == 6, "the boot is done again")
    wait_until(lambda: run.tasks()["boot"] == "deferred", "it has left its worker again")
    for service in ("worker", "triggerer"):
        assert stack.run("kill", "--signal=KILL", service).returncode == 0
        assert stack.run("start", service).returncode == 0
    cloud.reveal()
    run.ends()
    assert cloud.names() == several("late", 3)
    assert cloud.instances() == before


def test_a_delete_of_many_vms_waits_for_an_approval(stack, cloud, client, trigger):
    cloud.launch()
    stack.cms("vm", "boot", "--name=many-[0-5]")
    run = trigger("vm_delete", names="many-[0-5]")
    question = f"{run.path}/taskInstances/approve/-1/hitlDetails"
    wait_until(partial(answers, client, question), "somebody is asked")
    assert cloud.names() == ["", *several("many", 6)]
    client.call("PATCH", question, {"chosen_options": ["Approve"]})
    run.ends()
    assert cloud.names() == [""]


def answers(client, path):
    try:
        return client.call("GET", path)
    except ApiError:
        return None


def test_a_task_marked_failed_leaves_no_process_and_its_vm_is_adopted(
    stack, cloud, client, trigger
):
    cloud.script({"action": "RunInstances", "fault": "hold", "when": "after"})
    run = trigger("vm_boot", name="half")
    (made,) = wait_until(cloud.instances, "the VM is made")
    words = ["exec", "--no-TTY", "worker", "python3", "-c", WATCH]
    with subprocess.Popen(
        [*stack.compose_command_property, *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as watch:
        assert int(watch.stdout.readline()) > 0
        client.call("PATCH", f"{run.path}/taskInstances/boot", {"new_state": "failed"})
        marked = time.time()
        left = float(watch.communicate(timeout=300)[0])
    # Its call is held: by itself it would go on until the script is replaced.
    assert left - marked < 60
    run.ends("failed")
    cloud.script()
    trigger("vm_boot", name="half").ends()
    assert cloud.instances() == {made: ("half", "running")}


def test_what_waits_in_the_triggerer_survives_its_death(stack, cloud, trigger):
    run = trigger("wait_for_vm", name="awaited")
    wait_until(lambda: run.tasks()["wait"] == "deferred", "the sensor is in the triggerer")
    assert stack.run("kill", "--signal=KILL", "triggerer").returncode == 0
    assert "triggerer" not in stack.run("ps", "--services", "--status=running").stdout.split()
    assert stack.run("start", "triggerer").returncode == 0
    stack.cms("vm", "boot", "--name=awaited")
    run.ends()
    assert cloud.names() == ["awaited"]


def test_vm_cleanup_deletes_what_is_past_its_deadline_only(stack, cloud, trigger):
    cloud.launch()
    now = datetime.now(UTC)
    # Which would be faster.
    assert stack.run("stop", "reaper").returncode == 0
    try:
        for name, hours in (("due", -1), ("later", 1)):
            deadline = (now + timedelta(hours=hours)).isoformat(timespec="seconds")
            stack.cms("vm", "boot", f"--name={name}", f"--deadline={deadline}")
        stack.cms("vm", "boot", "--name=forever")
        assert cloud.names() == ["", "due", "forever", "later"]
        trigger("vm_cleanup").ends()
        assert cloud.names() == ["", "forever", "later"]
    finally:
        assert stack.run("start", "reaper").returncode == 0


def test_the_forms_propose_what_the_refresh_has_found(stack, cloud, client, trigger):
    stack.cms("vm", "boot", "--name=proposed", "--flavor=t3.nano")
    trigger("vm_inventory_refresh").ends()

    def proposals(dag, parameter):
        params = client.call("GET", f"/api/v2/dags/{dag}/details")["params"]
        return params[parameter]["schema"]["examples"]

    wait_until(lambda: "t3.nano" in proposals("vm_boot", "flavor"), "the flavor is proposed")
    wait_until(lambda: "proposed" in proposals("vm_delete", "names"), "the VM is proposed")


def test_a_broken_file_has_an_import_error_of_its_own_and_hides_nothing(stack, client):
    broken = stack.dags / "broken.py"
    broken.write_text("from airflow.sdk import dag\nimport nothing_of_that_name\n")
    try:

        def errors():
            return client.call("GET", "/api/v2/importErrors")["import_errors"]

        (error,) = wait_until(errors, "the import error")
        assert error["filename"] == "broken.py"
        assert "nothing_of_that_name" in error["stack_trace"]
        dags = client.call("GET", "/api/v2/dags")["dags"]
        files = {path.stem for path in stack.dags.glob("*.py")} - {"broken"}
        assert {dag["dag_id"] for dag in dags if not dag["has_import_errors"]} == files
    finally:
        broken.unlink()
    wait_until(lambda: not errors(), "the import error is gone")
