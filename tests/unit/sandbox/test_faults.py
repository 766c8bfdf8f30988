"""The fault proxy before a real moto, asked with real boto3.

MOTO_SERVER names a moto_server (locks/sandbox.txt); the Python that runs this has boto3.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

boto3 = pytest.importorskip("boto3", reason="boto3 is in cms's environment (cms-test)")
from botocore.config import Config  # noqa: E402
from botocore.exceptions import ClientError, ConnectionClosedError  # noqa: E402

MOTO_SERVER = os.environ.get("MOTO_SERVER")
pytestmark = pytest.mark.skipif(
    not MOTO_SERVER, reason="MOTO_SERVER names no moto_server (locks/sandbox.txt)"
)

PROGRAM = Path(__file__).parents[3] / "sandbox/faults"
SESSION = boto3.Session("testing", "testing", region_name="us-east-1")
IMAGE = "ami-12c6146b"


def client(url: str, service: str = "ec2", attempts: int = 1, **options: Any) -> Any:
    config = Config(
        retries={"total_max_attempts": attempts, "mode": "standard"},
        s3={"addressing_style": "path"},
        max_pool_connections=20,
    )
    return SESSION.client(service, endpoint_url=url, config=config, **options)


def until(true: Callable[[], Any], seconds: float = 180) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if found := true():
                return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def ask(url: str, method: str = "GET", body: bytes | None = None) -> tuple[int, Any]:
    request = urllib.request.Request(url, data=body, method=method)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.fixture(scope="module")
def moto(tmp_path_factory) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (tmp_path_factory.mktemp("moto") / "log").open("wb") as log:
        process = subprocess.Popen(
            [MOTO_SERVER, "--host", "127.0.0.1", "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        until(lambda: socket.create_connection(("127.0.0.1", port), 1).close() or True)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


class Faults:
    """A running proxy, and the launches of one test as moto itself has them."""

    def __init__(self, upstream: str, *more: str) -> None:
        self.process = subprocess.Popen(
            [
                sys.executable,
                PROGRAM,
                "--port=0",
                "--control-port=0",
                "--upstream",
                upstream,
                *more,
            ],
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.line = self.process.stdout.readline()
        words = self.line.replace(",", "").split()
        self.url, self.control = words[3], words[6]
        self.name = f"vm-{uuid.uuid4().hex}"
        self.direct = client(upstream)
        self.ec2 = client(self.url)

    def stop(self) -> tuple[int, str]:
        self.process.terminate()
        _, errors = self.process.communicate(timeout=60)
        return self.process.returncode, errors

    def script(self, *rules: dict[str, Any]) -> None:
        status, answer = ask(f"{self.control}/script", "PUT", json.dumps(rules).encode())
        assert (status, answer) == (200, {"rules": len(rules)})

    def log(self, action: str = "RunInstances") -> list[dict[str, Any]]:
        return [one for one in ask(f"{self.control}/log")[1] if one["action"] == action]

    def options(self, **options: Any) -> dict[str, Any]:
        tags = [{"Key": "Name", "Value": self.name}]
        return {
            "ImageId": IMAGE,
            "InstanceType": "t3.micro",
            "MinCount": 1,
            "MaxCount": 1,
            "TagSpecifications": [{"ResourceType": "instance", "Tags": tags}],
            **options,
        }

    def run(self, token: str = "", ec2: Any = None, **options: Any) -> list[str]:
        if token:
            options["ClientToken"] = token
        answer = (ec2 or self.ec2).run_instances(**self.options(**options))
        return [one["InstanceId"] for one in answer["Instances"]]

    def listed(self, ec2: Any) -> list[str]:
        mine = [{"Name": "tag:Name", "Values": [self.name]}]
        pages = ec2.describe_instances(Filters=mine)["Reservations"]
        return [one["InstanceId"] for page in pages for one in page["Instances"]]

    @property
    def launched(self) -> list[str]:
        return self.listed(self.direct)


@pytest.fixture(scope="module")
def running(moto) -> Iterator[Faults]:
    proxy = Faults(moto)
    yield proxy
    assert proxy.stop() == (0, "")


@pytest.fixture
def faults(running) -> Faults:
    for name in ("script", "log", "instances"):
        assert ask(f"{running.control}/{name}", "DELETE")[0] == 200
    running.name = f"vm-{uuid.uuid4().hex}"
    return running


def without_token(ec2: Any) -> Any:
    """Take out the token that botocore puts into every launch."""

    def drop(params: dict[str, Any], **_: Any) -> None:
        del params["body"]["ClientToken"]

    ec2.meta.events.register("before-call.ec2.RunInstances", drop)
    return ec2


@contextlib.contextmanager
def refused(status: int, code: str) -> Iterator[pytest.ExceptionInfo[ClientError]]:
    with pytest.raises(ClientError) as problem:
        yield problem
    answer = problem.value.response
    assert answer["Error"]["Code"] == code
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == status


@pytest.fixture
def victim() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


def test_the_same_token_and_parameters_give_the_same_instance_as_it_is_now(faults):
    first = faults.ec2.run_instances(**faults.options(ClientToken="t"))
    (one,) = first["Instances"]
    faults.direct.stop_instances(InstanceIds=[one["InstanceId"]])
    again = faults.ec2.run_instances(**faults.options(ClientToken="t"))
    assert again["ReservationId"] == first["ReservationId"]
    assert [x["InstanceId"] for x in again["Instances"]] == [one["InstanceId"]]
    assert again["Instances"][0]["State"]["Name"] == "stopped"
    assert again["Instances"][0]["Tags"] == [{"Key": "Name", "Value": faults.name}]
    assert set(again) == set(first)
    assert faults.launched == [one["InstanceId"]]


def test_moto_alone_launches_twice(faults):
    assert faults.run("t", faults.direct) != faults.run("t", faults.direct)
    assert len(faults.launched) == 2


def test_several_instances_of_one_token_come_back_together(faults):
    first = faults.run("t", MinCount=3, MaxCount=3)
    assert len(first) == 3
    assert sorted(faults.run("t", MinCount=3, MaxCount=3)) == sorted(first)
    assert len(faults.launched) == 3


@pytest.mark.parametrize(
    "other",
    [{"InstanceType": "t3.large"}, {"UserData": "#!/bin/sh"}, {"TagSpecifications": []}],
    ids=lambda other: next(iter(other)),
)
def test_the_same_token_with_other_parameters_is_a_mismatch(faults, other):
    faults.run("t")
    with refused(400, "IdempotentParameterMismatch"):
        faults.run("t", **other)
    assert len(faults.launched) == 1


def test_a_token_tells_upper_and_lower_case_apart(faults):
    assert faults.run("t") != faults.run("T")


def test_identical_requests_at_the_same_time_launch_once(faults):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: faults.run("t"), range(8)))
    assert answers == [faults.launched] * 8
    assert len(faults.launched) == 1


@pytest.mark.parametrize("dead", [1, 2])
def test_the_token_of_a_terminated_instance_is_spent(faults, dead):
    instances = faults.run("t", MinCount=2, MaxCount=2)
    faults.direct.terminate_instances(InstanceIds=instances[:dead])
    with refused(400, "IdempotentInstanceTerminated"):
        faults.run("t", MinCount=2, MaxCount=2)
    assert len(faults.launched) == 2
    assert len(faults.run("new")) == 1


def test_a_launch_without_token_passes_and_is_in_the_log(faults):
    ec2 = without_token(client(faults.url))
    assert faults.run(ec2=ec2) != faults.run(ec2=ec2)
    assert len(faults.launched) == 2
    assert [one["token"] for one in faults.log()] == [None, None]


def test_the_token_that_botocore_makes_up_is_new_in_every_call(faults):
    assert faults.run() != faults.run()
    assert len({one["token"] for one in faults.log()}) == 2


def test_a_token_counts_in_its_region(faults):
    west = client(faults.url, region_name="us-west-2")
    assert faults.run("t") != faults.run("t", west)
    faults.run("t", west)
    assert len(faults.launched) == 1


def test_a_token_counts_in_the_zone_that_the_request_names(faults):
    zone_a, zone_b = ({"AvailabilityZone": f"us-east-1{letter}"} for letter in "ab")
    first = faults.run("t", Placement=zone_a)
    assert faults.run("t", Placement=zone_b) != first
    assert faults.run("t", Placement=zone_a) == first


def test_a_subnet_names_its_zone(faults):
    vpc = faults.direct.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]

    def subnet(number: int, letter: str) -> str:
        made = faults.direct.create_subnet(
            VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"us-east-1{letter}"
        )
        return made["Subnet"]["SubnetId"]

    first = faults.run("t", SubnetId=subnet(1, "a"))
    with refused(400, "IdempotentParameterMismatch"):
        faults.run("t", SubnetId=subnet(2, "a"))
    assert faults.run("t", SubnetId=subnet(3, "b")) != first


@pytest.mark.parametrize("token", ["x" * 65, "ü"])
def test_a_token_that_is_too_long_or_not_ascii_is_refused(faults, token):
    with refused(400, "InvalidParameterValue"):
        faults.run(token)
    assert faults.launched == []


def test_a_launch_that_failed_leaves_its_token_unused(faults):
    with refused(400, "InvalidGroup.NotFound"):
        faults.run("t", SecurityGroupIds=["sg-00000000000000000"])
    assert len(faults.run("t")) == 1


def test_the_launches_are_listed_by_token_and_can_be_forgotten(faults):
    first = faults.run("t")
    faults.run("t")
    (launch,) = ask(f"{faults.control}/instances")[1]
    assert (launch["token"], launch["instances"], launch["region"]) == ("t", first, "us-east-1")
    assert ask(f"{faults.control}/instances", "DELETE") == (200, [])
    assert faults.run("t") != first


def test_a_lost_reply_leaves_the_instance_and_its_token(faults):
    faults.script({"action": "RunInstances", "fault": "lose-reply"})
    with pytest.raises(ConnectionClosedError):
        faults.run("t")
    assert faults.run("t") == faults.launched
    first, second = faults.log()
    assert (first["upstream_status"], first["answered"]) == (200, None)
    assert (second["upstream_status"], second["answered"]) == (None, 200)


def test_botocore_retries_a_lost_reply_into_the_same_instance(faults):
    faults.script({"action": "RunInstances", "fault": "lose-reply"})
    assert faults.run(ec2=client(faults.url, attempts=3)) == faults.launched
    assert len(faults.launched) == 1


def test_a_lost_reply_without_token_is_an_orphan(faults):
    faults.script({"action": "RunInstances", "fault": "lose-reply"})
    faults.run(ec2=without_token(client(faults.url, attempts=3)))
    assert len(faults.launched) == 2


def test_refused_never_reached_the_cloud(faults):
    faults.script({"action": "RunInstances", "fault": "refuse"})
    with pytest.raises(ConnectionClosedError):
        faults.run("t")
    assert faults.launched == []
    assert faults.log()[0]["upstream_status"] is None


def test_delay_waits_before_the_call(faults):
    faults.script({"action": "RunInstances", "fault": "delay", "seconds": 5})
    started = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(faults.run)
        until(faults.log)
        assert faults.launched == []
        assert running.result() == faults.launched
    assert time.monotonic() - started >= 5


def test_delay_reply_waits_after_the_call(faults):
    faults.script({"action": "RunInstances", "fault": "delay-reply", "seconds": 5})
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(faults.run)
        until(lambda: faults.launched)
        assert not running.done()
        assert running.result() == faults.launched


@pytest.mark.parametrize(("when", "launched"), [("before", 0), ("after", 1)])
def test_hold_waits_until_the_script_is_replaced(faults, when, launched):
    faults.script({"action": "RunInstances", "fault": "hold", "when": when})
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(faults.run)
        until(lambda: faults.log("RunInstances") and len(faults.launched) == launched)
        assert not running.done()
        faults.script()
        assert running.result() == faults.launched


def test_repeat_calls_twice_and_only_a_token_makes_that_harmless(faults):
    faults.script({"action": "RunInstances", "fault": "repeat", "times": 2})
    assert faults.run("t") == faults.launched
    second = faults.run(ec2=without_token(client(faults.url)))
    assert len(faults.launched) == 3
    assert second[0] in faults.launched


def test_error_is_answered_in_place_of_the_call(faults):
    faults.script(
        {
            "action": "RunInstances",
            "fault": "error",
            "status": 500,
            "code": "InternalError",
            "message": "a <b> & c",
        }
    )
    with refused(500, "InternalError") as problem:
        faults.run("t")
    assert problem.value.response["Error"]["Message"] == "a <b> & c"
    assert faults.launched == []


def test_error_after_is_answered_though_the_call_took_effect(faults):
    rule = {"fault": "error-after", "status": 503, "code": "Unavailable"}
    faults.script({"action": "RunInstances", **rule})
    with refused(503, "Unavailable"):
        faults.run("t")
    assert len(faults.launched) == 1
    assert faults.run("t") == faults.launched


def test_throttle_is_503_and_botocore_waits_and_retries(faults):
    faults.script({"action": "RunInstances", "fault": "throttle", "times": 2})
    with refused(503, "RequestLimitExceeded"):
        faults.run("t")
    assert faults.run("t", client(faults.url, attempts=2)) == faults.launched
    assert [one["answered"] for one in faults.log()] == [503, 503, 200]


@pytest.mark.parametrize(("when", "launched"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize("by_file", [False, True])
def test_kill_ends_the_process_before_or_after_the_call(
    faults, victim, tmp_path, when, launched, by_file
):
    target: dict[str, Any] = {"pid": victim.pid}
    if by_file:
        (tmp_path / "pid").write_text(f"{victim.pid}\n")
        target = {"pid_file": str(tmp_path / "pid")}
    faults.script({"action": "RunInstances", "fault": "kill", "when": when, **target})
    with pytest.raises(ConnectionClosedError):
        faults.run("t")
    assert victim.wait(60) == -signal.SIGKILL
    assert len(faults.launched) == launched
    assert faults.log()[0]["problem"] is None


def test_a_client_killed_by_its_own_call_does_not_disturb_the_proxy(faults, tmp_path):
    file = tmp_path / "pid"
    faults.script(
        {"action": "RunInstances", "fault": "kill", "when": "after", "pid_file": str(file)}
    )
    code = (
        "import boto3, os, pathlib, sys; pathlib.Path(sys.argv[1]).write_text(str(os.getpid()));"
        "c = boto3.client('ec2', endpoint_url=sys.argv[2], region_name='us-east-1',"
        " aws_access_key_id='t', aws_secret_access_key='t');"
        f"c.run_instances(ImageId='{IMAGE}', MinCount=1, MaxCount=1)"
    )
    done = subprocess.run([sys.executable, "-c", code, file, faults.url], timeout=120)
    assert done.returncode == -signal.SIGKILL
    assert len(ask(f"{faults.control}/instances")[1]) == 1
    assert faults.run("t") == faults.launched


@pytest.mark.parametrize("content", [None, "", "none", "1", "-1", "99999999999"])
def test_a_kill_that_finds_nobody_is_a_problem_in_the_log(moto, tmp_path, content):
    file = tmp_path / "pid"
    if content is not None:
        file.write_text(content)
    faults = Faults(moto)
    faults.script(
        {"action": "RunInstances", "fault": "kill", "when": "before", "pid_file": str(file)}
    )
    with pytest.raises(ConnectionClosedError):
        faults.run("t")
    assert faults.log()[0]["problem"]
    code, errors = faults.stop()
    assert (code, len(errors.splitlines())) == (0, 1)


def test_hidden_instances_are_not_found(faults):
    (old,) = faults.run("old")
    faults.script({"action": "RunInstances", "fault": "hide", "seconds": 60})
    (new,) = faults.run("new")
    assert faults.listed(faults.ec2) == [old]
    for call in (
        faults.ec2.describe_instances,
        faults.ec2.describe_instance_status,
        faults.ec2.terminate_instances,
    ):
        with refused(400, "InvalidInstanceID.NotFound"):
            call(InstanceIds=[new])
    statuses = faults.ec2.describe_instance_status()["InstanceStatuses"]
    seen = {one["InstanceId"] for one in statuses}
    assert (old in seen, new in seen) == (True, False)
    assert faults.run("new") == [new]
    assert set(faults.launched) == {old, new}


def test_hidden_instances_appear_when_their_time_is_over(faults):
    faults.script({"action": "RunInstances", "fault": "hide", "seconds": 0.5})
    started = time.monotonic()
    instances = faults.run("t")
    until(lambda: faults.listed(faults.ec2) == instances)
    assert time.monotonic() - started >= 0.5
    assert faults.ec2.describe_instances(InstanceIds=instances)["Reservations"]


def test_a_list_without_its_hidden_part_is_the_emulators_otherwise(faults):
    mine = [{"Name": "tag:Name", "Values": [faults.name]}]
    faults.run("old")
    before = faults.direct.describe_instances(Filters=mine)
    faults.script({"action": "RunInstances", "fault": "hide", "seconds": 60})
    faults.run("new", MinCount=2, MaxCount=2)
    after = faults.ec2.describe_instances(Filters=mine)
    assert after["Reservations"] == before["Reservations"]


def test_no_list_ever_shows_a_hidden_instance(faults):
    faults.script({"action": "RunInstances", "fault": "hide", "nth": "every", "seconds": 60})
    done = threading.Event()

    def watch() -> list[str]:
        seen: list[str] = []
        while not done.is_set():
            seen += faults.listed(faults.ec2)
        return seen

    with ThreadPoolExecutor(3) as pool:
        watchers = [pool.submit(watch) for _ in range(2)]
        # Many at once: moto shows the first while it still makes the last.
        for number in range(3):
            faults.run(f"t{number}", MinCount=40, MaxCount=40)
        done.set()
        assert [watcher.result() for watcher in watchers] == [[], []]
    assert len(faults.launched) == 120


def test_hide_goes_together_with_another_fault(faults):
    faults.script(
        {"action": "RunInstances", "fault": "lose-reply"},
        {"action": "RunInstances", "fault": "hide", "seconds": 60},
    )
    with pytest.raises(ConnectionClosedError):
        faults.run("t")
    assert faults.listed(faults.ec2) == []
    assert faults.run("t") == faults.launched
    assert [rule["fault"] for rule in faults.log()[0]["rules"]] == ["hide", "lose-reply"]


def outcomes(faults: Faults, calls: int) -> str:
    """Return one letter a call: x for a fault, . for an answer."""
    letters = ""
    for _ in range(calls):
        try:
            faults.ec2.describe_regions()
            letters += "."
        except ClientError:
            letters += "x"
    return letters


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ({}, "x...."),
        ({"nth": 3}, "..x.."),
        ({"nth": 2, "times": 3}, ".xxx."),
        ({"nth": "every"}, "xxxxx"),
        ({"nth": "every", "times": 2}, "xx..."),
    ],
)
def test_nth_and_times_choose_the_calls(faults, which, expected):
    faults.script({"action": "DescribeRegions", "fault": "throttle", **which})
    assert outcomes(faults, 5) == expected


def test_a_star_counts_every_action_and_a_name_its_own(faults):
    faults.script(
        {"action": "*", "nth": 3, "fault": "throttle"},
        {"action": "DescribeRegions", "nth": 1, "fault": "throttle"},
    )
    faults.ec2.describe_vpcs()
    assert outcomes(faults, 3) == "xx."


def test_the_first_of_two_rules_wins(faults):
    faults.script(
        {"action": "DescribeRegions", "fault": "error", "status": 400, "code": "First"},
        {"action": "DescribeRegions", "fault": "throttle"},
    )
    with refused(400, "First"):
        faults.ec2.describe_regions()
    assert outcomes(faults, 1) == "."


def test_a_new_script_counts_anew_and_an_empty_one_ends_it(faults):
    rule = {"action": "DescribeRegions", "fault": "throttle"}
    faults.script(rule)
    assert outcomes(faults, 2) == "x."
    faults.script(rule)
    assert ask(f"{faults.control}/script")[1] == [rule]
    assert ask(f"{faults.control}/script", "DELETE") == (200, {"rules": 0})
    assert outcomes(faults, 2) == ".."


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("no json", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ('{"action": "*"}', "a script is a list"),
        ("[7]", "rule 1: 7 is no object"),
        ('[{"fault": "refuse"}]', "rule 1: action missing"),
        ('[{"action": "*"}]', "rule 1: fault missing"),
        ('[{"action": "*", "fault": "explode"}]', "fault is 'explode', must be one of lose-reply"),
        ('[{"action": "*", "fault": []}]', "fault is []"),
        ('[{"action": "", "fault": "refuse"}]', "action is ''"),
        ('[{"action": "*", "fault": "refuse", "nth": 0}]', "nth is 0"),
        ('[{"action": "*", "fault": "refuse", "nth": true}]', "nth is True"),
        ('[{"action": "*", "fault": "refuse", "times": 1.5}]', "times is 1.5"),
        ('[{"action": "*", "fault": "refuse", "ntth": 1}]', "there is no 'ntth'"),
        ('[{"action": "*", "fault": "refuse", "seconds": 1}]', "refuse knows no seconds"),
        ('[{"action": "*", "fault": "delay"}]', "delay needs seconds"),
        ('[{"action": "*", "fault": "delay", "seconds": -1}]', "seconds is -1"),
        ('[{"action": "*", "fault": "delay", "seconds": NaN}]', "seconds is nan"),
        ('[{"action": "*", "fault": "delay", "seconds": 1e9}]', "from 0 to 300"),
        ('[{"action": "*", "fault": "error", "status": 200, "code": "A"}]', "status is 200"),
        ('[{"action": "*", "fault": "error", "status": 500}]', "error needs code"),
        ('[{"action": "*", "fault": "kill", "pid": 7}]', "kill needs when"),
        ('[{"action": "*", "fault": "kill", "when": "before"}]', "either pid or pid_file"),
        ('[{"action": "*", "fault": "kill", "when": "now", "pid": 7}]', "when is 'now'"),
        ('[{"action": "*", "fault": "kill", "when": "after", "pid": 1}]', "pid is 1"),
        ('[{"action": "*", "fault": "kill", "when": "after", "pid": -1}]', "pid is -1"),
        ('[{"action": "StopInstances", "fault": "hide", "seconds": 1}]', "hide is for RunInst"),
        (json.dumps([{"action": "*", "fault": "refuse"}] * 1001), "at most 1000"),
    ],
)
def test_a_bad_script_says_why_and_changes_nothing(faults, script, said):
    faults.script({"action": "DescribeRegions", "nth": 2, "fault": "throttle"})
    assert outcomes(faults, 1) == "."
    status, answer = ask(f"{faults.control}/script", "PUT", script.encode())
    assert status == 400
    assert said in answer["error"]
    assert outcomes(faults, 2) == "x."


def test_other_services_pass_unchanged_whatever_the_script(faults):
    faults.script({"action": "*", "nth": "every", "fault": "refuse"})
    assert client(faults.url, "sts").get_caller_identity()["Account"] == "123456789012"
    s3 = client(faults.url, "s3")
    bucket, key, data = f"b-{uuid.uuid4().hex}", "a b/ü+?#%41//x", os.urandom(2_000_003)
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key=key, Body=data, Metadata={"note": "a=b"})
    found = s3.get_object(Bucket=bucket, Key=key)
    assert found["Body"].read() == data
    assert found["Metadata"] == {"note": "a=b"}
    assert s3.head_object(Bucket=bucket, Key=key)["ContentLength"] == len(data)
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    ranged = s3.get_object(Bucket=bucket, Key=key, Range="bytes=5-9")
    assert (ranged["ContentRange"], ranged["Body"].read()) == (
        f"bytes 5-9/{len(data)}",
        data[5:10],
    )
    s3.delete_object(Bucket=bucket, Key=key)
    with refused(404, "NoSuchKey"):
        s3.get_object(Bucket=bucket, Key=key)
    log = ask(f"{faults.control}/log")[1]
    assert {one["service"] for one in log} == {"sts", "s3"}
    assert all(one["rules"] == [] and one["action"] is None for one in log)


def test_the_log_has_the_call_and_no_user_data(faults):
    before = time.time()
    (one,) = faults.run("t", UserData="password=hunter2")
    faults.ec2.describe_instances(InstanceIds=[one])
    (launch,) = faults.log()
    assert before <= launch["time"] <= time.time()
    assert launch["token"] == "t"
    assert launch["parameters"]["ImageId"] == IMAGE
    assert (launch["upstream_status"], launch["answered"]) == (200, 200)
    assert "UserData" not in launch["parameters"]
    assert faults.log("DescribeInstances")[0]["parameters"] == {"InstanceId.1": one}
    assert ask(f"{faults.control}/log", "DELETE") == (200, [])
    assert ask(f"{faults.control}/log") == (200, [])


def test_it_says_where_it_listens_and_that_it_lives(faults):
    assert faults.line == f"faults: EC2 at {faults.url}, control at {faults.control}\n"
    assert faults.url.startswith("http://127.0.0.1:")
    assert ask(f"{faults.control}/healthz") == (200, {"ok": True})
    assert ask(f"{faults.control}/elsewhere")[0] == 404


def raw(url: str, request: bytes) -> bytes:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 120) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (b"Content-Length: 99999999999", b"", b"413"),
        (b"Content-Length: -1", b"", b"413"),
        (b"Content-Length: x", b"", b"400"),
        (b"Content-Length: 9", b"abc", b"400"),
        (b"Transfer-Encoding: chunked", b"fffffffff\r\n", b"413"),
        (b"Transfer-Encoding: chunked", b"zz\r\n", b"400"),
    ],
)
def test_a_body_too_large_or_broken_is_refused(faults, headers, body, status):
    for url in (faults.url, faults.control):
        answer = raw(url, b"PUT /script HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n\r\n" + body)
        assert answer.split()[1] == status, answer


def test_a_body_in_chunks_is_put_together(faults):
    rest = b'action": "*", "fault": "delay"}]'
    body = b'3\r\n[{"\r\n%x;x=y\r\n%b\r\n0\r\nTrailer: x\r\n\r\n' % (len(rest), rest)
    head = b"PUT /script HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert b"delay needs seconds" in raw(faults.control, head + body)


def test_too_many_fields_are_refused(faults):
    body = "&".join(f"a{number}=1" for number in range(3000)).encode()
    scope = b"Authorization: AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/ec2/aws4_request"
    head = b"POST / HTTP/1.1\r\nHost: x\r\n" + scope + b"\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert raw(faults.url, head + body).split()[1] == b"400"


def test_an_emulator_that_is_down_is_a_502():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        proxy = Faults(f"http://127.0.0.1:{closed.getsockname()[1]}")
        with refused(502, "FaultProxyUpstream"):
            proxy.ec2.describe_regions()
        assert proxy.stop() == (0, "")


def test_it_stops_at_once_on_sigterm_in_the_middle_of_a_delay(moto):
    proxy = Faults(moto)
    proxy.script({"action": "DescribeRegions", "fault": "delay", "seconds": 300})
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(proxy.ec2.describe_regions)
        until(lambda: proxy.log("DescribeRegions"))
        started = time.monotonic()
        assert proxy.stop() == (0, "")
        assert time.monotonic() - started < 60
        waiting.exception(60)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--upstream", "ftp://x", "--port", "0", "--control-port", "0"], 1),
        (["--upstream", "http://127.0.0.1:x", "--port", "0", "--control-port", "0"], 1),
        (["--upstream", "http://127.0.0.1:1", "--port", "70000", "--control-port", "0"], 1),
        (["--upstream", "http://127.0.0.1:1", "--port", "0"], 2),
    ],
)
def test_a_start_that_cannot_work_says_why(options, code):
    done = subprocess.run(
        [sys.executable, PROGRAM, *options],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("faults: ")


@pytest.fixture(scope="module")
def rest(moto) -> Iterator[Faults]:
    proxy = Faults(moto, "--api=rest")
    yield proxy
    assert proxy.stop() == (0, "")


def test_before_any_other_cloud_an_action_is_a_method_and_a_path(rest):
    assert rest.line.startswith("faults: REST at http://127.0.0.1:")
    rest.script(
        {"action": "GET /moto-api/*/x", "fault": "error", "status": 500, "code": "computeFault"}
    )
    message = "An error of the fault proxy's script."
    path = f"/moto-api/{uuid.uuid4()}/x?a=b"
    answer = ask(rest.url + path)
    assert answer == (500, {"computeFault": {"code": 500, "message": message}})
    assert [entry["answered"] for entry in rest.log("GET /moto-api/*/x")] == [500]


def test_before_any_other_cloud_what_no_rule_wants_passes(rest):
    rest.script({"action": "POST /moto-api/reset", "fault": "throttle"})
    assert ask(f"{rest.url}/moto-api/data.json")[0] == 200
    status, content = ask(f"{rest.url}/moto-api/reset", "POST")
    assert (status, content["overLimit"]["code"]) == (429, 429)
    assert ask(f"{rest.url}/moto-api/reset", "POST") == (200, {"status": "ok"})
    assert [entry["answered"] for entry in rest.log("POST /moto-api/reset")] == [429, 200]
