"""A run that is repeated moves what differs, and nothing else."""

import random
import re
import threading
from collections.abc import Callable

import pytest

from .conftest import PATIENCE, Lab, digests
from .proxy import Call, Proxy
from .tree import MIB

random.seed(11)
TREE = {f"dir {n % 3}/file-{n}": random.randbytes(n * 700) for n in range(12)}
TREE |= {"large": random.randbytes(25 * MIB), "larger": random.randbytes(33 * MIB)}
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


def twice(lab: Lab, service: str, name: str, **more: str) -> None:
    """Give a service another name, and other settings."""
    text = (lab.cms.root / "cloudmesh.yaml").read_text()
    rest = text[text.index("\n  storage:") :].partition(f"\n    {service}:")[2]
    section = re.split(r"\n {0,4}\S", rest)[0]
    for old, new in more.items():
        section = section.replace(str(getattr(lab, old)), new)
    lab.cms.configure("\n  storage:", f"\n  storage:\n    {name}:{section}")


@pytest.mark.parametrize("service", ["aws", "azure", "google", "local"])
def test_a_source_below_its_target_is_not_deleted(lab: Lab, service: str) -> None:
    twice(lab, service, "again")
    lab.fill({"new/x": b"1", "old": b"2"}, "in/")
    if service != "aws":
        lab.move("aws:in", f"{service}:in")
    for source in (f"{service}:in/new", "again:in/new", "again:in/new/*"):
        for more in ([], ["--dryrun"]):
            said = lab("transfer", source, f"{service}:in", "--delete", *more, code=5)
            assert "would be deleted" in said
    # Beside it, and without the option, it is a transfer as any other.
    lab.move(f"{service}:in/new", "again:beside", "--delete")
    assert lab.move("again:in/new", f"{service}:in")["files"] == 1
    kept = {"in/new/x": b"1", "in/x": b"1", "in/old": b"2", "beside/x": b"1"}
    found = lab.in_s3() if service == "aws" else lab.seen_by_rclone(service)
    assert found == digests(kept)


def test_a_directory_is_the_same_by_whatever_way_it_is_named(lab: Lab) -> None:
    lab.fill({"new/x": b"1"}, "in/")
    lab.move("aws:in", "local:in")
    twice(lab, "local", "below", root=f"{lab.root}/in")
    (lab.root / "link").symlink_to("in")
    put = ["storage", "--storage=below", "put", "--recursive"]
    for words in (["transfer", "local:", "below:new"], [*put, f"{lab.root}/", "new/"]):
        assert "lies inside" in lab(*words, code=5)
    for source in ("below:new", "local:link/new"):
        said = lab("transfer", source, "local:in", "--delete", code=5)
        assert "would be deleted" in said
    assert "same object" in lab("transfer", "local:in/new/x", "below:new/", code=5)
    assert lab.seen_by_rclone("local", "in") == digests({"new/x": b"1"})
    # A glob that means nothing below the target is no copy into itself.
    assert lab.move("below:new/*", "local:in/new/more")["files"] == 1


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
            go_on.wait(PATIENCE)

    proxied("azure").before = hold
    first = lab.cms.start("transfer", "aws:in", "azure:out")
    assert inside.wait(PATIENCE)
    assert "is being moved already" in lab("transfer", "aws:in", "azure:out", code=5)
    go_on.set()
    _, stderr = first.communicate(timeout=PATIENCE)
    assert first.returncode == 0, stderr


@pytest.mark.parametrize("pair", ["local:sparse local:copy", "aws:sparse local:copy"])
def test_memory_stays_small_whatever_the_size(lab: Lab, pair: str) -> None:
    with (lab.root / "sparse").open("wb") as file:
        file.truncate(300 * MIB)
    if pair.startswith("aws"):
        lab.move("local:sparse", "aws:")
    assert lab.peak("transfer", *pair.split()) < 256
