"""A store that lies is caught: no wrong byte ever counts as moved."""

import random
import threading
from collections.abc import Callable

import pytest

from .conftest import Lab, digests
from .lies import cut_answer, flip_answer, flipped, lengthen_answer, shorten_answer
from .proxy import Call, Lie, Proxy

MIB = 1024 * 1024
random.seed(7)
SMALL, OTHER = random.randbytes(5000), random.randbytes(5000)
LARGE = random.randbytes(17 * MIB)
Put = Callable[[str], Proxy]


def flip_request(call: Call) -> None:
    if call.method in ("PUT", "POST") and len(call.body) >= 1000:
        call.body = flipped(call.body)


def swap_requests(call: Call) -> None:
    """Store one object under the other's name."""
    if call.method == "PUT" and len(call.body) >= 1000:
        names = {"/one": "/two", "/two": "/one"}
        for name, other in names.items():
            if call.path.endswith(name):
                call.path = call.path.removesuffix(name) + other
                return


def swap_answers(call: Call) -> None:
    """Give the other object's bytes, which are as many."""
    if call.content and len(call.reply) >= 1000:
        call.reply = OTHER if call.reply == SMALL else SMALL


@pytest.mark.parametrize("lie", [flip_answer, swap_answers])
@pytest.mark.parametrize("service", ["aws", "azure", "google"])
def test_a_source_that_gives_other_bytes_is_caught(
    lab: Lab, proxied: Put, service: str, lie: Lie
) -> None:
    lab.fill({"one": SMALL, "two": OTHER}, "in/")
    lab.move("aws:in", f"{service}:from")
    proxied(service).after = lie
    said = lab("transfer", f"{service}:from", "local:out", code=1)
    assert "2 of 2 objects failed" in said
    assert said.count("does not match its own checksum") == 2
    assert lab.seen_by_rclone("local") == {}


@pytest.mark.parametrize("service", ["aws", "azure", "google"])
def test_a_source_that_gives_another_range_is_caught(lab: Lab, proxied: Put, service: str) -> None:
    lab.fill({"large": LARGE}, "in/")
    lab.move("aws:in", f"{service}:from")

    def shift(call: Call) -> None:
        for name, value in call.answer.items():
            if name.lower() == "content-range":
                call.answer[name] = value.replace("bytes 0-8388607/", "bytes 1-8388608/")

    proxied(service).after = shift
    said = lab("transfer", f"{service}:from", "local:out", code=1)
    assert "bytes 1-8388608 came where bytes=0-8388607 was asked for" in said
    assert lab.seen_by_rclone("local") == {}


@pytest.mark.parametrize("lie", [shorten_answer, cut_answer, lengthen_answer])
def test_a_source_that_gives_another_length_is_caught(lab: Lab, proxied: Put, lie: Lie) -> None:
    lab.fill({"one": SMALL, "two": SMALL, "three": b"3"}, "in/")

    def about_one(call: Call) -> None:
        if call.name.endswith("/one"):
            lie(call)

    proxied("aws").after = about_one
    said = lab("transfer", "aws:in", "local:out", "--parallel=1", code=1)
    # The store may be good for all others.
    assert "1 of 3 objects failed: 'out/one': aws at " in said
    assert "sends another length than it promised" in said
    assert lab.seen_by_rclone("local", "out") == digests({"two": SMALL, "three": b"3"})


def test_a_store_that_breaks_off_its_lists_is_down(lab: Lab, proxied: Put) -> None:
    lab.fill({"in/one": SMALL})

    def cut(call: Call) -> None:
        if "list-type" in call.path:
            call.promised, call.reply = len(call.reply), call.reply[:-1]

    proxied("aws").after = cut
    said = lab("transfer", "aws:in", "local:out", code=4)
    assert "sends another length than it promised" in said


@pytest.mark.parametrize("service", ["aws", "azure", "google"])
@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
def test_a_bit_that_flips_on_the_way_to_the_target_is_caught(
    lab: Lab, proxied: Put, service: str, content: bytes
) -> None:
    lab.fill({"in/one": content})
    proxied(service).before = flip_request
    assert "1 of 1 objects failed" in lab("transfer", "aws:in/one", f"{service}:out/", code=1)


def test_objects_that_the_target_swaps_are_caught(lab: Lab, proxied: Put) -> None:
    lab.fill({"one": SMALL, "two": OTHER}, "in/")
    lab.move("aws:in", "google:mid")
    proxied("aws").before = swap_requests
    said = lab("transfer", "google:mid", "aws:out", code=1)
    assert "2 of 2 objects failed" in said
    assert "not there as it was stored" in said


def half_visible(call: Call) -> None:
    """Tell a smaller size than what was stored."""
    if call.method == "HEAD" and call.status == 200:
        call.answer = {
            name: "17" if name.lower() == "content-length" else value
            for name, value in call.answer.items()
        }
    if "list-type" in call.path:
        call.reply = call.reply.replace(b"<Size>5000<", b"<Size>17<")


@pytest.mark.parametrize("count", [2, 30])
def test_an_object_that_is_half_visible_is_caught(lab: Lab, proxied: Put, count: int) -> None:
    lab.fill({f"{number}": SMALL for number in range(count)}, "in/")
    lab.move("aws:in", "azure:mid")
    proxied("aws").after = half_visible
    said = lab("transfer", "azure:mid", "aws:out", code=1)
    assert f"{count} of {count} objects failed" in said


@pytest.mark.parametrize("service", ["aws", "azure", "google"])
def test_bytes_that_rot_at_the_target_are_caught_by_reading_them_back(
    lab: Lab, proxied: Put, service: str
) -> None:
    # The store's own word is good, so only reading shows it.
    proxied(service).after = flip_answer
    (lab.root / "large").write_bytes(LARGE)
    assert lab.move("local:large", f"{service}:out/")["failed"] == 0
    said = lab("transfer", "local:large", f"{service}:out2/", "--verify=read", code=1)
    assert "reads back with other bytes" in said or "does not match its own checksum" in said


@pytest.mark.parametrize("words", [[], ["--parallel=2"]], ids=["parts", "stream"])
def test_a_large_source_that_rots_is_caught_by_its_own_checksum(
    lab: Lab, proxied: Put, words: list[str]
) -> None:
    # Stored by another tool.
    lab.fill({"in/large": LARGE})
    proxied("aws").after = flip_answer
    said = lab("transfer", "aws:in", "azure:out", *words, code=1)
    assert "is not what was stored" in said
    assert lab.seen_by_rclone("azure") == {}


def test_a_large_source_that_rots_is_caught_by_its_stored_digest(lab: Lab, proxied: Put) -> None:
    (lab.root / "large").write_bytes(LARGE)
    lab.move("local:large", "azure:mid/")
    proxied("azure").after = flip_answer
    assert "is not what was stored" in lab("transfer", "azure:mid/large", "aws:out/", code=1)
    assert lab.in_s3() == {}


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("service", ["aws", "azure", "google"])
def test_a_source_that_changes_meanwhile_is_caught_and_moved_by_the_next_run(
    lab: Lab, proxied: Put, service: str, content: bytes
) -> None:
    lab.fill({"in/one": content})
    lab.move("aws:in", f"{service}:from")
    changed = threading.Event()
    address = lab.addresses[service]
    proxy = proxied(service)

    def change(call: Call) -> None:
        reads = call.method == "GET" and call.name.endswith("one") and "list" not in call.path
        if reads and "metadata" not in call.path and not changed.is_set():
            changed.set()
            lab.configure(service, address)
            (lab.root / "new").write_bytes(content[::-1])
            lab.move("local:new", f"{service}:from/one")
            lab.configure(service, proxy.address)

    proxy.before = change
    said = lab("transfer", f"{service}:from", "local:out", code=1)
    assert "was changed meanwhile" in said
    assert not (lab.root / "out/one").exists()
    assert lab.move(f"{service}:from", "local:out")["files"] == 1
    assert lab.seen_by_rclone("local", "out") == digests({"one": content[::-1]})


def throttled(times: int) -> Lie:
    left = [times]
    lock = threading.Lock()

    def lie(call: Call) -> None:
        with lock:
            if left[0] and call.method in ("PUT", "GET") and "list" not in call.path:
                left[0] -= 1
                call.status = 503
                call.answer = {"Retry-After": "0"}
                call.reply = b"<Error><Code>SlowDown</Code><Message>Reduce</Message></Error>"

    return lie


def test_a_store_that_limits_is_asked_again(lab: Lab, proxied: Put) -> None:
    lab.fill({"one": SMALL, "two": OTHER}, "in/")
    proxied("azure").before = throttled(3)
    report = lab.move("aws:in", "azure:out")
    assert (report["files"], report["retries"]) == (2, 3)
    assert lab.seen_by_rclone("azure", "out") == digests({"one": SMALL, "two": OTHER})


def test_a_connection_that_breaks_is_made_anew(lab: Lab, proxied: Put) -> None:
    lab.fill({"in/large": LARGE})
    cut = threading.Event()

    def once(call: Call) -> None:
        if call.content and not cut.is_set():
            cut.set()
            cut_answer(call)

    proxied("aws").after = once
    report = lab.move("aws:in", "google:out")
    assert (report["files"], report["retries"]) == (1, 1)
    assert lab.seen_by_rclone("google", "out") == digests({"large": LARGE})
