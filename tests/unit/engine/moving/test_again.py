"""A run that is repeated moves what differs, and one that was killed goes on."""

import os
import random
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from .conftest import Lab, digests
from .proxy import Call, Proxy

MIB = 1024 * 1024
random.seed(11)
TREE = {f"dir {n % 3}/file-{n}": random.randbytes(n * 700) for n in range(12)}
TREE |= {"large": random.randbytes(25 * MIB), "larger": random.randbytes(33 * MIB)}
POINTS = int(os.environ.get("KILL_POINTS") or 6)
Put = Callable[[str], Proxy]


def test_a_second_run_moves_nothing(lab: Lab, proxied: Put) -> None:
    lab.fill(TREE, "in/")
    first = lab.move("aws:in", "azure:out")
    source, target = proxied("aws"), proxied("azure")
    again = lab.move("aws:in", "azure:out")
    assert (again["files"], again["bytes"], again["unchanged"]) == (0, 0, len(TREE))
    assert again["digest"] == first["digest"]
    # Not a byte of an object was read or written; the proxies saw only the two listings.
    assert (source.sent(), target.sent()) == ([], [])
    assert {call.method for call in source.calls + target.calls} <= {"GET", "HEAD"}


def test_changed_content_is_moved_even_if_the_size_is_the_same(lab: Lab) -> None:
    lab.fill({"a": b"old", "b": b"same"}, "in/")
    lab.move("aws:in", "azure:out")
    lab.fill({"a": b"new"}, "in/")
    assert lab.move("aws:in", "azure:out")["files"] == 1
    assert lab.seen_by_rclone("azure", "out") == digests({"a": b"new", "b": b"same"})


def test_what_was_changed_at_the_target_is_put_right(lab: Lab) -> None:
    lab.fill({"in/a": b"good", "in/b": b"same"})
    lab.move("aws:in", "aws:out")
    lab.fill({"out/a": b"evil"})
    assert lab.move("aws:in", "aws:out")["files"] == 1
    assert lab.in_s3("out/") == digests({"a": b"good", "b": b"same"})


def test_only_delete_deletes_and_only_what_is_meant(lab: Lab) -> None:
    lab.fill({"a": b"1", "b.csv": b"2", "c.csv": b"3"}, "in/")
    lab.move("aws:in", "local:out")
    for name in ("a", "b.csv"):
        lab.s3.delete_object(Bucket=lab.bucket, Key=f"in/{name}")
    (lab.root / "beside").write_text("not below the target")
    assert lab.move("aws:in", "local:out")["deleted"] == 0
    assert lab.move("aws:in", "local:out", "--delete", "--dryrun")["deleted"] == 2
    assert set(lab.seen_by_rclone("local", "out")) == {"a", "b.csv", "c.csv"}
    assert lab.move("aws:in", "local:out", "--delete", "--include=*.csv")["deleted"] == 1
    assert set(lab.seen_by_rclone("local", "out")) == {"a", "c.csv"}
    last = lab.move("aws:in", "local:out", "--delete")
    assert (last["deleted"], last["bytes"]) == (1, 0)
    assert set(lab.seen_by_rclone("local")) == {"out/c.csv", "beside"}


def test_nothing_is_deleted_when_something_failed(lab: Lab) -> None:
    lab.fill({"a": b"1"}, "in/")
    lab.move("aws:in", "local:out")
    (lab.root / "out/mine").write_text("x")
    lab.fill({"a//b": b"2"}, "in/")
    lab("transfer", "aws:in", "local:out", "--delete", code=5)
    assert set(lab.seen_by_rclone("local", "out")) == {"a", "mine"}


def test_a_dry_run_changes_nothing(lab: Lab) -> None:
    lab.fill({"a": b"1", "b": b"22"}, "in/")
    report = lab.move("aws:in", "azure:out", "--dryrun")
    assert (report["action"], report["files"], report["bytes"]) == ("would move", 2, 3)
    assert report["names"] == ["out/a", "out/b"]
    assert lab.seen_by_rclone("azure") == {}


def test_a_failed_batch_says_what_failed_and_the_next_run_continues(lab: Lab, proxied: Put) -> None:
    lab.fill({f"{n}": bytes([n]) for n in range(1, 8)}, "in/")
    proxy = proxied("azure")

    def refuse(call: Call) -> None:
        if call.method == "PUT" and call.path.endswith(("/3", "/5")):
            call.status, call.reply = 400, b"<Error><Code>Odd</Code><Message>no</Message></Error>"

    proxy.before = refuse
    said = lab("transfer", "aws:in", "azure:out", code=1)
    assert "2 of 7 objects failed" in said
    assert "'out/3'" in said
    assert "'out/5'" in said
    proxy.before = lambda call: None
    report = lab.move("aws:in", "azure:out")
    assert (report["files"], report["unchanged"]) == (2, 5)


def test_the_same_transfer_runs_once_at_a_time(lab: Lab, proxied: Put) -> None:
    lab.fill({"in/a": b"1"})
    inside, go_on = threading.Event(), threading.Event()

    def hold(call: Call) -> None:
        if call.method == "PUT":
            inside.set()
            go_on.wait(30)

    proxied("azure").before = hold
    first = lab.cms.start("transfer", "aws:in", "azure:out")
    assert inside.wait(30)
    assert "is being moved already" in lab("transfer", "aws:in", "azure:out", code=5)
    go_on.set()
    _, stderr = first.communicate(timeout=60)
    assert first.returncode == 0, stderr


PAIRS = [("aws:in", "azure:out"), ("azure:in", "aws:out"), ("aws:in", "google:out")]


@pytest.mark.parametrize("pair", PAIRS, ids=" to ".join)
def test_a_killed_run_leaves_nothing_and_the_next_one_finishes_it(
    lab: Lab, proxied: Put, pair: tuple[str, str]
) -> None:
    source, target = pair
    lab.fill(TREE, "in/")
    if not source.startswith("aws"):
        lab.move("aws:in", source)
    service = target.partition(":")[0]
    proxy = proxied(service)
    # As many requests as a whole run makes; then kill at random ones of them.
    lab.move(source, f"{service}:count")
    points = random.sample(range(2, len(proxy.calls)), POINTS // len(PAIRS) or 1)
    for point in points:
        kill_at(lab, proxy, point, source, target)
    proxy.after = true_dates
    report = lab.move(source, target)
    assert report["failed"] == 0
    proxy.calls.clear()
    assert lab.move(source, target)["bytes"] == 0
    assert proxy.sent() == []
    assert seen(lab, service) == digests(TREE)
    assert left_behind(lab, service) == []


def kill_at(lab: Lab, proxy: Proxy, point: int, source: str, target: str) -> None:
    """Kill a run at its nth request, half of the time after the store has done it."""
    proxy.calls.clear()
    done = point % 2 == 0
    running: list[subprocess.Popen[str]] = []
    started = threading.Event()

    def kill(call: Call) -> None:
        if call.number == point:
            started.wait(30)
            running[0].send_signal(signal.SIGKILL)

    def after(call: Call) -> None:
        true_dates(call)
        if done:
            kill(call)

    proxy.before = kill if not done else lambda call: None
    proxy.after = after
    running.append(lab.cms.start("transfer", source, target, "--verify=read"))
    started.set()
    running[0].communicate(timeout=60)
    proxy.before = proxy.after = lambda call: None


def true_dates(call: Call) -> None:
    """Moto says of every upload that it began in 2010."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z").encode()
    call.reply = re.sub(rb"(?<=<Initiated>)2010-[^<]*", now, call.reply)


def seen(lab: Lab, service: str) -> dict[str, str]:
    return lab.in_s3("out/") if service == "aws" else lab.seen_by_rclone(service, "out")


def left_behind(lab: Lab, service: str) -> list[object]:
    """Give what interrupted uploads left in a cloud."""
    if service == "aws":
        return lab.uploads()
    if service == "google":
        return []  # the emulator shows no unfinished uploads
    from cloudmesh_engine import config, stores
    from cloudmesh_engine.stores.remote import Call

    store = stores.open_store(config.load(lab.cms.environ), "azure")
    asked = {"comp": "blocklist", "blocklisttype": "uncommitted"}
    replies = [store.good(Call("GET", f"out/{name}", asked)).text for name in TREE]  # type: ignore[attr-defined]
    return [reply for reply in replies if "<Size>" in reply]


def test_a_killed_run_leaves_no_part_of_a_file_on_disk(lab: Lab, proxied: Put) -> None:
    lab.fill(TREE, "in/")
    proxy = proxied("aws")
    reads = range(8, 16)
    for point in random.sample(reads, 2):
        kill_at(lab, proxy, point, "aws:in", "local:out")
        # What has its name is whole.
        for name, digest in lab.seen_by_rclone("local", "out").items():
            if ".cms-" not in name:
                assert digests(TREE)[name] == digest
    lab.move("aws:in", "local:out")
    assert lab.seen_by_rclone("local", "out") == digests(TREE)


def test_memory_stays_small_whatever_the_size(lab: Lab) -> None:
    with (lab.root / "sparse").open("wb") as file:
        file.truncate(300 * MIB)
    code = (
        "import resource, subprocess, sys;"
        "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL);"
        "print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
    )
    command = "from cloudmesh_engine.launcher import main; main()"
    words = [sys.executable, "-c", code, sys.executable, "-c", command]
    told = subprocess.run(
        [*words, "transfer", "local:sparse", "local:copy"],
        env=lab.cms.environ, cwd=lab.cms.root, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert told[0] == "0"
    assert int(told[1]) < 256
