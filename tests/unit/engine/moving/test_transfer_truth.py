"""Bad input gives one clear line, the right exit code, and that soon."""

import json
import os
import re
import shlex
import shutil
import time
from collections.abc import Callable

import pytest

from cloudmesh_engine.stores.wire import Wire

from .conftest import Lab
from .lies import flip_answer
from .proxy import Call, Proxy
from .tree import MIB

Put = Callable[[str], Proxy]


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ("transfer aws local:", 2, "write SERVICE:PATH"),
        ("transfer nosuch:a local:", 2, "nosuch: no such storage service .* use one of"),
        ("transfer aws:nosuch local:", 1, "there is no 'nosuch'"),
        ("transfer aws:a aws:a", 5, "are the same object"),
        ("transfer aws: aws:below", 5, "lies inside"),
        ("transfer aws:*/x aws:below", 5, "lies inside"),
        ("transfer aws:in/sub aws:in --delete", 5, "lies inside aws:in and would be deleted"),
        ("transfer aws:in/sub/*.csv aws: --delete", 5, "lies inside aws: and would be deleted"),
        ("transfer aws:a local:../x", 5, "cannot be a file name"),
        ("transfer aws:a local:/etc/x", 5, "is not below"),
        ("transfer aws:a local:x --bwlimit=fast", 2, "--bwlimit=fast: give bytes a second"),
        ("transfer aws:a local:x --parallel=0", 2, "--parallel=0: give a number"),
        ("transfer aws:a local:x --verify=no", 2, "--verify=no: use store or read"),
        ("transfer aws:a local:x --output=no", 2, "unknown format"),
        ("transfer aws:a local:x --delete", 5, "is one object: name a folder"),
        ("transfer", 2, "wrong usage"),
        ("storage", 2, "wrong usage"),
        ("storage get nosuch here", 1, "there is no 'nosuch'"),
        ("storage put nosuch there", 1, "nosuch: no such file or folder"),
        ("storage put a", 2, "wrong usage"),
        ("storage list nosuch", 1, "there is no 'nosuch'"),
        ("storage delete nosuch", 1, "there is no 'nosuch'"),
        ("storage delete / --recursive", 5, "would delete all there is"),
        ("storage delete ** --recursive", 5, r"\*\*: would delete all there is"),
        ("storage delete /**/* --dryrun", 5, "would delete all there is"),
        ("storage delete *", 5, "would delete all there is"),
        ("storage delete ?*/**", 5, "would delete all there is"),
        ("storage search / nosuch", 1, "no nosuch in /"),
        ("storage --storage=aws,azure get a b", 2, "give one service"),
        ("storage --storage=nosuch list", 2, "no such storage service"),
        ("storage sync nosuch b --async", 1, "nosuch: no such file or folder"),
    ],
)
def test_wrong_input(lab: Lab, command: str, code: int, says: str) -> None:
    lab.fill({"a": b"1"})
    began = time.monotonic()
    done = lab.cms(*shlex.split(command))
    assert done.returncode == code, done.stderr
    assert re.search(says, done.stderr), done.stderr
    if "Usage" not in done.stderr:
        assert done.stderr.count("\n") == 1
        assert done.stderr.startswith("cms: ")
    # Generous, because the machine may be busy; nothing here waits.
    assert time.monotonic() - began < 30
    assert set(lab.in_s3()) == {"a"}


def refused(status: int, body: str) -> Callable[[Call], None]:
    def answer(call: Call) -> None:
        call.status, call.reply = status, body.encode()

    return answer


XML = "<Error><Code>{}</Code><Message>{}</Message></Error>"


@pytest.mark.parametrize(
    ("service", "status", "body", "code", "says"),
    [
        ("aws", 403, XML.format("AccessDenied", "no"), 4, "check access_key_id and secret_access"),
        ("aws", 403, XML.format("InvalidAccessKeyId", "no"), 4, "check access_key_id"),
        ("aws", 400, XML.format("ExpiredToken", "The token"), 4, "get a new token"),
        ("aws", 404, XML.format("NoSuchBucket", "no"), 1, "make it with cms storage --storage=aws"),
        ("azure", 404, XML.format("ContainerNotFound", "no"), 1, "--storage=azure create dir /"),
        ("azure", 403, XML.format("AuthenticationFailed", "no"), 4, "check account_name and acc"),
        ("google", 401, '{"error": {"message": "Invalid Credentials"}}', 4, "check client_email"),
        ("google", 404, '{"error": {"message": "The bucket does not exist"}}', 1, "create dir /"),
    ],
)
def test_what_a_cloud_refuses(
    lab: Lab, proxied: Put, service: str, status: int, body: str, code: int, says: str
) -> None:
    (lab.root / "a").write_bytes(b"1")
    proxy = proxied(service)
    proxy.before = refused(status, body)
    for command in (
        ["storage", f"--storage={service}", "list"],
        ["transfer", "local:", f"{service}:out"],
    ):
        proxy.calls.clear()
        assert says in lab(*command, code=code)
        # Nothing is asked twice, so nobody waits.
        asked = [(call.method, call.path) for call in proxy.calls]
        assert len(asked) == len(set(asked))


@pytest.mark.parametrize("service", ["aws", "azure", "google"])
def test_a_bucket_that_is_not_there(lab: Lab, service: str) -> None:
    (lab.root / "a").write_bytes(b"1")
    file = lab.cms.root / "cloudmesh.yaml"
    file.write_text(file.read_text().replace(lab.bucket, "t-nowhere"))
    commands = ["storage --storage={} list", "transfer {}:in local:out", "transfer local: {}:out"]
    for command in commands:
        said = lab(*command.format(service).split(), code=1)
        assert f"make it with cms storage --storage={service} create dir /" in said
    assert [path.name for path in lab.root.iterdir()] == ["a"]


def test_a_bad_key_is_told_without_showing_it(lab: Lab) -> None:
    file = lab.cms.root / "cloudmesh.yaml"
    file.write_text(file.read_text().replace("account_key: Eby8", "account_key: Abc8"))
    said = lab("storage", "--storage=azure", "list", code=4)
    assert "check account_name and account_key" in said
    assert "Abc8" not in said


@pytest.mark.parametrize("service", ["aws", "azure", "google"])
def test_a_name_that_is_too_long_fails_alone(lab: Lab, service: str) -> None:
    lab.fill({"in/good": b"1", f"in/{'n' * 1000}": b"2"})
    said = lab("transfer", "aws:in", f"{service}:" + "p" * 100, code=5)
    assert "1 of 2 objects failed" in said
    assert "is longer than 1024" in said


def test_a_file_where_a_folder_has_to_be(lab: Lab) -> None:
    lab.fill({"in/a": b"1"})
    (lab.root / "out").write_text("x")
    assert "a file is where a folder has to be" in lab("transfer", "aws:in", "local:out/", code=1)


def test_no_room_on_the_disk(lab: Lab) -> None:
    room = os.statvfs(lab.root)
    with (lab.root / "huge").open("wb") as file:
        # All of it is a hole.
        file.truncate(room.f_bavail * room.f_frsize + (1 << 30))
    said = lab("transfer", "local:huge", "local:out/", code=1)
    assert "out/huge: No space left on device: make room, then repeat the command" in said
    assert list((lab.root / "out").iterdir()) == []


def test_a_folder_that_goes_in_the_middle_is_told(lab: Lab, proxied: Put) -> None:
    lab.fill({"in/large": bytes(17 * MIB), "in/small": b"1"})

    def replace(call: Call) -> None:
        if call.content and len(call.reply) > 1:
            shutil.rmtree(lab.root / "out", ignore_errors=True)
            (lab.root / "out").write_text("no folder any more")

    proxied("aws").after = replace
    # What is left cannot even be removed. It is one object that failed all the same.
    (report,) = json.loads(lab.cms("transfer", "aws:in", "local:out", "--output=json").stdout)
    assert "large" in [one["name"].rpartition("/")[2] for one in report["failures"]]
    assert report["files"] + report["failed"] == 2


def test_objects_that_failed_are_not_kept_in_memory(lab: Lab, proxied: Put) -> None:
    lab.fill({f"in/{number}": bytes(16 * MIB) for number in range(20)})
    proxied("aws").after = flip_answer
    assert lab.peak("transfer", "aws:in", "local:out", "--parallel=2", code=1) < 200


def test_links_never_lead_out_of_the_directory(lab: Lab) -> None:
    outside = lab.cms.root / "outside"
    outside.mkdir()
    (outside / "secret").write_text("x")
    (lab.root / "link").symlink_to(outside / "secret")
    (lab.root / "folder").symlink_to(outside)
    lab.fill({"in/folder/new": b"1"})
    assert "leads outside" in lab("transfer", "local:", "aws:out", code=5)
    assert lab.in_s3("out/") == {}
    assert "leads outside" in lab("transfer", "aws:in", "local:", code=5)
    assert [path.name for path in outside.iterdir()] == ["secret"]


def test_a_store_that_is_down(lab: Lab) -> None:
    lab.configure("aws", "http://127.0.0.1:9")
    said = lab("storage", "list", code=4)
    assert "does not answer" in said


def test_plain_http_only_if_the_endpoint_says_so_and_certificates_are_checked() -> None:
    wire = Wire("https://example.org", "aws")
    assert wire._context
    assert wire._context.check_hostname
    assert wire._context.verify_mode.name == "CERT_REQUIRED"
