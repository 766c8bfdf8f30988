"""A run that was killed, at whatever request, leaves nothing behind, and the next one goes on.

KILL_POINTS says at how many random requests, over all tests.
"""

import os
import random
import re
import signal
import subprocess
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from cloudmesh_engine import config, mongo, stores
from cloudmesh_engine.moving import plan
from cloudmesh_engine.moving.manifest import Manifest
from cloudmesh_engine.stores import Item
from cloudmesh_engine.stores.piece import Piece
from cloudmesh_engine.stores.remote import Call as Request

from .conftest import PATIENCE, Lab, digests
from .proxy import Call, Proxy
from .tree import FILES, MIB, make

POINTS = int(os.environ.get("KILL_POINTS") or 8)
Put = Callable[[str], Proxy]
PAIRS = [
    ("aws:in", "azure:out"), ("azure:in", "aws:out"), ("aws:in", "google:out"),
    ("aws:in", "local:out"),
]  # fmt: skip
# As many workers as two streams need.
STREAMS = ("azure:in", "aws:out", "--parallel=4")


@pytest.fixture(scope="module")
def tree() -> dict[str, bytes]:
    if FILES:
        return make()
    made = random.Random(11)
    tree = {f"dir {n % 3}/file-{n}": made.randbytes(n * 700) for n in range(12)}
    return tree | {"large": made.randbytes(25 * MIB), "larger": made.randbytes(33 * MIB)}


@pytest.mark.parametrize("words", [*PAIRS, STREAMS], ids=" ".join)
def test_a_killed_run_leaves_nothing_and_the_next_one_finishes_it(
    lab: Lab, proxied: Put, tree: dict[str, bytes], words: tuple[str, ...]
) -> None:
    source, target, *options = words
    lab.fill(tree, "in/")
    if not source.startswith("aws"):
        lab.move("aws:in", source)
    service = target.partition(":")[0]
    # Nobody can stand before a disk.
    proxy = proxied(service if service != "local" else "aws")
    # As many requests as a whole run makes; then kill at random ones of them.
    lab.move(source, f"{service}:count", *options)
    many, points = len(proxy.calls), random.Random(7)
    for _ in range(-(-POINTS // len(PAIRS))):
        while not killed_at(lab, proxy, points.randrange(2, many), *words):
            # Earlier runs had moved too much for it: begin anew.
            lab("storage", f"--storage={service}", "delete", "out", "--recursive")
        whole_or_absent(lab, service, tree)
    proxy.after = true_dates
    assert lab.move(*words)["failed"] == 0
    proxy.calls.clear()
    assert lab.move(*words)["bytes"] == 0
    assert proxy.sent() == []
    assert seen(lab, service) == digests(tree)
    assert left_behind(lab, service, tree) == []


def killed_at(lab: Lab, proxy: Proxy, point: int, *words: str) -> bool:
    """Kill a run at its nth request, half of the time after the store has done it.

    Give whether it came that far.
    """
    proxy.calls.clear()
    done = point % 2 == 0
    running: list[subprocess.Popen[str]] = []
    started = threading.Event()

    def kill(call: Call) -> None:
        if call.number == point:
            started.wait(PATIENCE)
            running[0].send_signal(signal.SIGKILL)

    def after(call: Call) -> None:
        true_dates(call)
        if done:
            kill(call)

    proxy.before = kill if not done else lambda call: None
    proxy.after = after
    running.append(lab.cms.start("transfer", *words, "--verify=read"))
    started.set()
    _, stderr = running[0].communicate(timeout=PATIENCE)
    proxy.before = proxy.after = lambda call: None
    code = running[0].returncode
    assert code in (0, -signal.SIGKILL), stderr
    return code != 0


def true_dates(call: Call) -> None:
    """Moto says of every upload that it began in 2010."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z").encode()
    call.reply = re.sub(rb"(?<=<Initiated>)2010-[^<]*", now, call.reply)


def seen(lab: Lab, service: str) -> dict[str, str]:
    return lab.in_s3("out/") if service == "aws" else lab.seen_by_rclone(service, "out")


def whole_or_absent(lab: Lab, service: str, tree: dict[str, bytes]) -> None:
    """What has its name is whole, also while the rest is still missing."""
    if service == "local" and not (lab.root / "out").exists():
        return
    expected = digests(tree)
    found = {name: one for name, one in seen(lab, service).items() if ".cms-" not in name}
    assert found.items() <= expected.items()


def left_behind(lab: Lab, service: str, tree: dict[str, bytes]) -> list[object]:
    """Give what interrupted uploads left."""
    if service == "aws":
        return lab.uploads()
    if service == "local":
        return [path.name for path in lab.root.rglob(".cms-*")]
    if service == "google":
        return []  # the emulator shows no unfinished uploads
    store = stores.open_store(config.load(lab.cms.environ), "azure")
    asked = {"comp": "blocklist", "blocklisttype": "uncommitted"}
    requests = [Request("GET", f"out/{name}", asked) for name in tree]
    replies = [store.good(request).text for request in requests]  # type: ignore[attr-defined]
    return [reply for reply in replies if "<Size>" in reply]


def test_a_killed_run_of_a_name_that_the_target_cannot_hold(lab: Lab, proxied: Put) -> None:
    lab.fill({"in/x//y": random.randbytes(17 * MIB), "in/good": b"1"})
    settings = config.load(lab.cms.environ)
    source, target = (
        plan.spot(stores.open_store(settings, service), path)
        for service, path in (("aws", "in"), ("local", "out"))
    )
    # What it notes before it begins; the kill comes before it notes that it was refused.
    manifest = Manifest(settings, source.name, target.name)
    try:
        manifest.rows()
        manifest.begin("out/x//y", Item("in/x//y", 17 * MIB, "tag"))
    finally:
        mongo.client(mongo.server(settings)).close()
        mongo.client.cache_clear()
    said = lab("transfer", "aws:in", "local:out", code=5)
    assert "1 of 2 objects failed: 'out/x//y': local: cannot be a file name" in said
    lab.s3.delete_object(Bucket=lab.bucket, Key="in/x//y")
    assert lab.move("aws:in", "local:out")["unchanged"] == 1


@pytest.mark.parametrize("coded", [False, True], ids=["as it is", "encoded"])
def test_an_upload_of_a_name_with_a_control_character_is_removed(
    lab: Lab, proxied: Put, coded: bool
) -> None:
    """Moto gives such a name as it is, which is no XML; S3 encodes it when it is asked to."""
    key = "in/bell\x07 +&large"
    listings: list[bytes] = []

    def encode(call: Call) -> None:
        if coded and "encoding-type=url" in call.path and "uploads" in call.path:
            listed = call.reply.replace(b"in/bell\x07 +&amp;large", b"in%2Fbell%07+%2B%26large")
            listed = listed.replace(b"large+<", b"large%2B<")
            call.reply = listed.replace(b"<Upload>", b"<EncodingType>url</EncodingType><Upload>", 1)
            listings.append(call.reply)

    proxied("aws").after = encode
    store = stores.open_store(config.load(lab.cms.environ), "aws")
    upload, _other = store.begin(key, 17 * MIB), store.begin(f"{key}+", 17 * MIB)
    assert store.discard(key, "", datetime.now(UTC).isoformat()) == 0
    assert store.discard(key, upload.id, datetime.now(UTC).isoformat()) == 1
    assert store.discard(f"{key}+", "", "2010-01-01T00:00:00+00:00") == 1
    assert len([one for one in listings if b"bell%07+%2B%26large" in one]) == 3 * coded
    # And it can be ended.
    content = random.randbytes(6 * MIB)
    whole = store.begin(key, len(content))
    whole.part(0, 0, Piece(content))
    whole.finish("", len(content))
    found = store.head(key)
    assert found
    assert found.size == len(content)


def test_google_is_told_to_forget_an_upload_that_was_killed(lab: Lab, proxied: Put) -> None:
    lab.fill({"in/large": random.randbytes(40 * MIB)})
    proxy = proxied("google")
    lab.move("aws:in", "google:count")
    _, second, *_ = [call for call in proxy.calls if call.method == "PUT"]
    assert killed_at(lab, proxy, second.number, "aws:in", "google:out")
    sent = {call.path for call in proxy.calls if call.method == "PUT"}
    assert len(sent) == 1
    proxy.calls.clear()
    assert lab.move("aws:in", "google:out")["files"] == 1
    assert {call.path for call in proxy.calls if call.method == "DELETE"} == sent


@pytest.mark.parametrize("target", ["aws", "local"])
def test_a_run_that_is_told_to_end_leaves_no_part_at_all(
    lab: Lab, proxied: Put, target: str
) -> None:
    (lab.root / "in").mkdir()
    for name in ("large", "larger"):
        (lab.root / "in" / name).write_bytes(random.randbytes(25 * MIB))
    lab.move("local:in", "aws:in")
    held, ended = threading.Event(), threading.Event()

    def hold(call: Call) -> None:
        later = "partNumber=2" in call.path or "bytes=16777216-" in str(call.headers)
        if later:
            held.set()
            ended.wait(PATIENCE)

    proxied("aws").before = hold
    source = "local:in" if target == "aws" else "aws:in"
    run = lab.cms.start("transfer", source, f"{target}:out")
    assert held.wait(PATIENCE)
    # Something is there that can be left behind.
    assert lab.uploads() or list(lab.root.rglob(".cms-*"))
    run.terminate()
    _, stderr = run.communicate(timeout=PATIENCE)
    ended.set()
    assert (run.returncode, "Traceback" in stderr) == (-signal.SIGTERM, False)
    assert (lab.uploads(), list(lab.root.rglob(".cms-*"))) == ([], [])
    report = lab.move(source, f"{target}:out")
    assert (report["files"], report["failed"]) == (2, 0)
