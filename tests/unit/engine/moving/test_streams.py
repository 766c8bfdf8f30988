"""Objects that are read by one request each, when there are enough of them for all workers."""

import random
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from cloudmesh_engine.errors import DependencyDown
from cloudmesh_engine.stores import Item, Section, s3
from cloudmesh_engine.stores.reading import Reading

from .conftest import PATIENCE, Lab, Serve, digests
from .lies import cut_answer, flip_answer, lengthen_answer, shorten_answer
from .peer import Talk, answer, request
from .proxy import Call, Lie, Proxy
from .tree import MIB

Put = Callable[[str], Proxy]
random.seed(23)
# Four parts, and five.
TREE = {"large": random.randbytes(25 * MIB), "larger": random.randbytes(33 * MIB)}
LARGE = {"large": TREE["large"]}
PART = 8 * MIB
# A stream is two requests at once: so many are enough for one or two of them.
FOR_ONE, FOR_TWO = "--parallel=2", "--parallel=4"


def reads(proxy: Proxy) -> list[tuple[str, str]]:
    """Give name and range of each read, in their order."""
    asked = [
        call for call in proxy.calls if call.content or (call.method, call.status) == ("GET", 412)
    ]
    ranges = [{name.lower(): value for name, value in call.headers.items()} for call in asked]
    return [
        (call.name.rpartition("/")[2], (one.get("x-ms-range") or one.get("range") or "").strip())
        for call, one in zip(asked, ranges, strict=True)
    ]


@pytest.mark.parametrize(
    ("source", "target"),
    [("aws", "azure"), ("azure", "aws"), ("google", "local"), ("aws", "google")],
)
def test_each_object_is_read_by_one_request(
    lab: Lab, proxied: Put, source: str, target: str
) -> None:
    lab.fill(TREE, "in/")
    if source != "aws":
        lab.move("aws:in", f"{source}:in")
    proxy = proxied(source)
    report = lab.move(f"{source}:in", f"{target}:out", FOR_TWO)
    assert (report["files"], report["retries"]) == (2, 0)
    assert sorted(reads(proxy)) == [("large", ""), ("larger", "")]
    found = lab.in_s3("out/") if target == "aws" else lab.seen_by_rclone(target, "out")
    assert found == digests(TREE)


@pytest.mark.parametrize("word", ["--parallel=5", "--bwlimit=1000M"])
def test_few_objects_and_a_limited_bandwidth_are_read_part_by_part(
    lab: Lab, proxied: Put, word: str
) -> None:
    lab.fill(TREE, "in/")
    proxy = proxied("aws")
    assert lab.move("aws:in", "azure:out", *{word, FOR_TWO if "bw" in word else word})["files"] == 2
    assert len(reads(proxy)) == 9
    assert all(one.startswith("bytes=") for _, one in reads(proxy))


def once(lie: Lie) -> Lie:
    told = threading.Event()

    def after(call: Call) -> None:
        if call.content and not told.is_set():
            told.set()
            lie(call)

    return after


def test_the_largest_objects_are_never_left_to_one_worker(lab: Lab, proxied: Put) -> None:
    with (lab.root / "huge").open("wb") as file:
        file.truncate(257 * MIB)
    lab.move("local:huge", "google:in/")
    proxy = proxied("google")
    assert lab.move("google:in", "local:out", FOR_ONE)["files"] == 1
    assert len(reads(proxy)) == 33


@pytest.mark.parametrize("service", ["aws", "azure", "google"])
def test_of_an_answer_that_breaks_off_only_the_rest_is_asked_for(
    lab: Lab, proxied: Put, service: str
) -> None:
    lab.fill(TREE, "in/")
    lab.move("aws:in/large", f"{service}:from/")
    proxy = proxied(service)
    proxy.after = once(cut_answer)
    report = lab.move(f"{service}:from", "local:out", FOR_ONE)
    assert (report["files"], report["retries"]) == (1, 1)
    size = len(TREE["large"])
    # The first part had come.
    ranges = ["", f"bytes={PART}-{2 * PART - 1}", f"bytes={2 * PART}-{size - 1}"]
    assert reads(proxy) == [("large", one) for one in ranges]
    assert lab.seen_by_rclone("local", "out") == digests(LARGE)


@pytest.mark.parametrize("lie", [cut_answer, shorten_answer, lengthen_answer])
def test_a_source_that_always_gives_another_length_is_caught(
    lab: Lab, proxied: Put, lie: Lie
) -> None:
    lab.fill(LARGE, "in/")
    lab.move("aws:in", "azure:from")
    proxied("azure").after = lie
    said = lab("transfer", "azure:from", "aws:out", FOR_ONE, code=1)
    assert "sends another length than it promised" in said
    assert (lab.in_s3("out/"), lab.uploads()) == ({}, [])


def test_a_bit_that_flips_in_a_stream_is_caught(lab: Lab, proxied: Put) -> None:
    lab.fill(LARGE, "in/")
    lab.move("aws:in", "azure:from")
    proxied("azure").after = flip_answer
    said = lab("transfer", "azure:from", "aws:out", FOR_ONE, code=1)
    assert "is not what was stored" in said
    assert (lab.in_s3("out/"), lab.uploads()) == ({}, [])


@pytest.mark.parametrize("breaks", [True, False])
@pytest.mark.parametrize("service", ["aws", "azure", "google"])
def test_a_source_that_changes_in_the_middle_of_a_stream_is_caught(
    lab: Lab, proxied: Put, service: str, breaks: bool
) -> None:
    lab.fill(LARGE, "in/")
    lab.move("aws:in", f"{service}:from")
    (lab.root / "new").write_bytes(new := TREE["large"][::-1])
    address, proxy = lab.addresses[service], proxied(service)

    def change(call: Call) -> None:
        # The answer on its way has the old bytes; only what is asked for from now on differs.
        lab.configure(service, address)
        lab.move("local:new", f"{service}:from/large")
        lab.configure(service, proxy.address)
        if breaks:
            cut_answer(call)

    proxy.after = once(change)
    said = lab("transfer", f"{service}:from", "local:out", FOR_ONE, code=1)
    assert "was changed meanwhile" in said
    assert list((lab.root / "out").iterdir()) == []
    # Asked for anew, or not at all.
    assert len(reads(proxy)) == (2 if breaks else 1)
    assert lab.move(f"{service}:from", "local:out", FOR_ONE)["files"] == 1
    assert lab.seen_by_rclone("local", "out") == digests({"large": new})


class Hold:
    """Keeps requests with a mark from reaching their store, until they may go on."""

    def __init__(self, proxy: Proxy, mark: str) -> None:
        self._mark, self._come, self.go_on = mark, threading.Event(), threading.Event()
        proxy.before = self._before

    def wait(self) -> None:
        """Wait until one has come."""
        assert self._come.wait(PATIENCE)

    def _before(self, call: Call) -> None:
        if self._mark in call.path:
            late = self.go_on.is_set()
            self._come.set()
            self.go_on.wait(PATIENCE)
            if late:
                # Whoever is just being told to stop has a second for it, also on a busy machine.
                time.sleep(1)


def test_a_stream_that_is_told_to_end_leaves_no_part_at_all(lab: Lab, proxied: Put) -> None:
    lab.fill(TREE, "in/")
    lab.move("aws:in", "azure:from")
    hold = Hold(proxied("aws"), "partNumber=2")
    run = lab.cms.start("transfer", "azure:from", "aws:out", FOR_TWO)
    hold.wait()
    assert lab.uploads()
    run.terminate()
    _, stderr = run.communicate(timeout=PATIENCE)
    hold.go_on.set()
    assert (run.returncode, "Traceback" in stderr) == (-signal.SIGTERM, False)
    assert lab.uploads() == []
    report = lab.move("azure:from", "aws:out", FOR_TWO)
    assert (report["files"], report["failed"]) == (2, 0)
    assert lab.in_s3("out/") == digests(TREE)


def test_what_waits_is_not_even_read_once_the_target_refuses(lab: Lab, proxied: Put) -> None:
    lab.fill({f"{number}": bytes(17 * MIB) for number in range(4)}, "in/")

    def refuse(call: Call) -> None:
        if "blockid=" in call.path:
            call.status, call.reply = 403, b"<Error><Code>AuthorizationFailure</Code></Error>"

    proxied("azure").before = refuse
    source = proxied("aws")
    assert "check account_name" in lab("transfer", "aws:in", "azure:out", FOR_ONE, code=4)
    # Two had begun, if the first was not refused before the second began.
    assert len(reads(source)) <= 2


def test_a_target_that_does_not_answer_is_not_asked_again_for_each_that_waits(
    lab: Lab, proxied: Put
) -> None:
    lab.fill({f"{number}": bytes(17 * MIB) for number in range(6)}, "in/")
    target = proxied("google")

    def refuse(call: Call) -> None:
        if "uploadType=resumable" in call.path:
            call.status, call.reply = 503, b""

    target.before = refuse
    lab("transfer", "aws:in", "google:out", "--parallel=12", code=4)
    assert len([call for call in target.calls if "uploadType=resumable" in call.path]) == 7


PROGRAM = """
import signal, sys
from cloudmesh_engine.entry import finder
finder.install()
from cloudmesh.storage.Provider import Provider

def heard(*_):
    print("heard", flush=True)
    raise KeyboardInterrupt

signal.signal(signal.SIGINT, heard)
try:
    Provider(service=sys.argv[1]).copy(*sys.argv[2:], recursive=True)
except KeyboardInterrupt:
    sys.exit(7)
"""


@contextmanager
def interrupted(lab: Lab, hold: Hold, *words: str) -> Iterator[None]:
    """Run the program; the block is where requests are held, and then it is interrupted."""
    run = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *words], env=lab.cms.environ,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with run:
        hold.wait()
        yield
        run.send_signal(signal.SIGINT)
        assert run.stdout
        assert run.stdout.readline() == "heard\n"
        hold.go_on.set()
        assert run.wait(PATIENCE) == 7


def test_a_program_that_is_interrupted_does_not_wait_for_the_rest_of_its_streams(
    lab: Lab, proxied: Put
) -> None:
    # So many that as many streams begin as there are workers.
    lab.fill({f"{number}": bytes(33 * MIB) for number in range(4)}, "in/")
    proxy = proxied("azure")
    with interrupted(lab, Hold(proxy, "blockid="), "azure", "aws:in", "azure:out"):
        assert lab.seen_by_rclone("azure") == {}
    # Of five parts each: it is no matter how many exactly.
    assert len([call for call in proxy.calls if "blockid=" in call.path]) < 12
    assert lab.seen_by_rclone("azure") == {}


def test_a_program_that_is_interrupted_leaves_no_upload_open(lab: Lab, proxied: Put) -> None:
    # More parts than there is memory for: some have not even begun.
    lab.fill({"in/large": bytes(200 * MIB)})
    with interrupted(lab, Hold(proxied("aws"), "partNumber="), "aws", "aws:in", "aws:out"):
        assert lab.uploads()
    assert lab.uploads() == []


def test_of_a_stream_one_part_at_a_time_is_in_memory(lab: Lab) -> None:
    lab.fill({"in/large": bytes(200 * MIB)})
    # 45 MiB are Python and its modules.
    assert lab.peak("transfer", "aws:in", "local:out", "--parallel=1") < 90
    assert (lab.root / "out/large").stat().st_size == 200 * MIB


OBJECT = Item("one", 9, '"tag"')
ETAG = b'\r\nETag: "tag"'


def reading(place: str, scheme: str = "http") -> tuple[Reading, s3.S3]:
    keys = {"access_key_id": "a", "secret_access_key": "b"}
    credentials = {"bucket": "b", "endpoint": f"{scheme}://{place}", **keys}
    store = s3.connect(Section("test", "awss3", "here", credentials))
    return Reading(store), store


def tells(heads: list[bytes], *replies: bytes) -> Talk:
    """Answer, and note what was asked."""

    def talk(sock: socket.socket) -> None:
        for one in replies:
            heads.append(request(sock))
            sock.sendall(one)

    return talk


def part(body: bytes) -> bytes:
    return answer(body, b"200 OK" + ETAG)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_connection_is_of_use_again_once_a_stream_has_ended(
    serve: Serve, trusted: ssl.SSLContext, scheme: str
) -> None:
    heads: list[bytes] = []
    tls = trusted if scheme == "https" else None
    peer = serve(tells(heads, part(b"abcdefghi"), part(b"")), tls=tls)
    stream, store = reading(peer.place, scheme)
    assert [bytes(stream.read(OBJECT, at, 3).data) for at in (0, 3, 6)] == [b"abc", b"def", b"ghi"]
    assert store.head("one")
    assert [head.partition(b" ")[0] for head in heads] == [b"GET", b"HEAD"]
    assert store.retries() == 0


def test_a_connection_is_thrown_away_with_a_stream_that_has_not_ended(serve: Serve) -> None:
    heads: list[bytes] = []
    peer = serve(tells(heads, part(b"abcdefghi")), tells(heads, part(b"")))
    stream, store = reading(peer.place)
    assert bytes(stream.read(OBJECT, 0, 3).data) == b"abc"
    # Also while it is open nobody else asks on it.
    assert store.head("one")
    stream.close()
    assert len(heads) == 2


def test_what_comes_after_a_stream_is_not_taken_for_the_next_answer(serve: Serve) -> None:
    heads: list[bytes] = []
    forged = part(b"forged")
    peer = serve(tells(heads, part(b"abcdefghi") + forged), tells(heads, part(b"")))
    stream, store = reading(peer.place)
    assert [bytes(stream.read(OBJECT, at, 3).data) for at in (0, 3, 6)][2] == b"ghi"
    found = store.head("one")
    assert (found and found.size, len(heads)) == (0, 2)


def test_an_answer_that_hides_its_length_is_not_asked_for_again(serve: Serve) -> None:
    heads: list[bytes] = []
    hidden = b"HTTP/1.1 200 OK" + ETAG + b"\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabcdefghi\r\n"
    peer = serve(tells(heads, hidden), tells(heads, part(b"abc"), part(b"def"), part(b"ghi")))
    stream, _ = reading(peer.place)
    assert [bytes(stream.read(OBJECT, at, 3).data) for at in (0, 3, 6)] == [b"abc", b"def", b"ghi"]
    assert [b"\r\nrange:" in head.lower() for head in heads] == [False, True, True, True]


def dribble(sock: socket.socket) -> None:
    request(sock)
    sock.sendall(part(b"abcdefghi")[:-5])
    sock.recv(1)


def test_a_stream_that_comes_to_a_halt_is_given_up(serve: Serve) -> None:
    peer = serve(*[dribble] * 3)
    stream, store = reading(peer.place)
    store._wire._silence = 1
    assert bytes(stream.read(OBJECT, 0, 3).data) == b"abc"
    with pytest.raises(DependencyDown, match="does not answer"):
        stream.read(OBJECT, 3, 3)
