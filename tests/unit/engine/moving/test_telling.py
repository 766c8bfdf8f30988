"""A transfer tells how far it is while it runs, and how it ended."""

import json
import threading
from collections.abc import Callable
from typing import Any

from cloudmesh_engine import config

from ..conftest import wait_until
from .conftest import PATIENCE, Lab
from .proxy import Call, Proxy

Put = Callable[[str], Proxy]


def told(lab: Lab) -> dict[str, Any]:
    (document,) = lab.noted("transfers").values()
    return document


def test_a_run_is_seen_while_it_is_at_work_and_when_it_has_ended(lab: Lab, proxied: Put) -> None:
    lab.fill({"in/a": b"12", "in/b": b"345"})
    inside, go_on = threading.Event(), threading.Event()

    def hold(call: Call) -> None:
        if call.method == "PUT" and call.name.endswith("/b"):
            inside.set()
            go_on.wait(PATIENCE)

    def moved() -> list[int]:
        return [one["report"]["files"] for one in lab.noted("transfers").values()]

    proxied("azure").before = hold
    words = ["transfer", "aws:in", "azure:out", "--parallel=1", "--output=json"]
    first = lab.cms.start(*words, CLOUDMESH_RUN="move_file/manual__1")
    assert inside.wait(PATIENCE)
    wait_until(lambda: moved() == [1])
    running = told(lab)
    assert (running["state"], running["run"]) == ("running", "move_file/manual__1")
    assert (running["report"]["source"], running["report"]["target"]) == ("aws:in", "azure:out")
    assert (running["report"]["bytes"], running["report"]["bytes_known"]) == (2, 5)
    assert running["report"]["listed"] is False or running["report"]["files_known"] == 2
    (status,) = json.loads(lab("storage", "sync", "status", "--output=json"))
    assert status["status"] == "running"
    # Who may not begin changes nothing of what is told.
    lab("transfer", "aws:in", "azure:out", code=5)
    assert told(lab)["state"] == "running"
    go_on.set()
    stdout, stderr = first.communicate(timeout=PATIENCE)
    assert first.returncode == 0, stderr
    ended = told(lab)
    assert ended["state"] == "done"
    assert ended["report"] == {**json.loads(stdout)[0], "name": ""}
    assert ended["began"] == running["began"] <= running["updated"] <= ended["updated"]


def test_a_run_that_gave_up_says_why_without_secrets(lab: Lab, proxied: Put) -> None:
    lab.fill({"in/a": b"1"})
    secret = config.load(lab.cms.environ).get("storage.azure.credentials.account_key")

    def refuse(call: Call) -> None:
        body = f"<Error><Code>Odd</Code><Message>key {secret}</Message></Error>"
        call.status, call.reply = 400, body.encode()

    proxy = proxied("azure")
    proxy.before = refuse
    lab("transfer", "aws:in", "azure:out", code=1)
    gave_up = told(lab)
    assert gave_up["state"] == "failed"
    assert "Odd" in gave_up["report"]["error"]
    proxy.before = lambda call: refuse(call) if call.method == "PUT" else None
    lab("transfer", "aws:in", "azure:out", code=1)
    failed = told(lab)
    assert (failed["state"], failed["report"]["failed"]) == ("failed", 1)
    assert failed["report"]["failures"][0]["name"] == "out/a"
    assert "Odd" in failed["report"]["failures"][0]["error"]
    assert secret not in json.dumps([gave_up, failed])


def test_a_dry_run_tells_nothing(lab: Lab) -> None:
    lab.fill({"in/a": b"1"})
    lab.move("aws:in", "azure:out")
    before = told(lab)
    lab.move("aws:in", "azure:out", "--dryrun")
    assert told(lab) == before
