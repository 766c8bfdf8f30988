"""A cloud and `cms fleet hours` at chosen times; the fixtures of their tests."""

import http.server
import itertools
import json
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from cloudmesh_engine import config, mongo

from .conftest import PATIENCE, Cms, Ec2, Faults, Result

OFFICE = """
schedules:
  office:
    timezone: Europe/Berlin
    weekdays: mon-fri
    start: "08:00"
    stop: "18:00"
    vms: {names: ["*"]}
"""
# A Tuesday and a Wednesday in Berlin's summer.
NOON, EVENING, NIGHT = "2025-07-01T12:00+02:00", "2025-07-01T18:02+02:00", "2025-07-01T23:00+02:00"
MORNING, NEXT_EVENING = "2025-07-02T08:02+02:00", "2025-07-02T18:02+02:00"
KILLED = -9


class Cloud(http.server.ThreadingHTTPServer):
    """The cloud at another time: its VMs were launched when the test says.

    :ivar launched: given for all VMs
    :ivar before_look: called before the cloud is asked for its VMs the nth time
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server_address[1]}"
        self.upstream = ""
        self.launched = "2025-06-30T09:00:00.000Z"
        self.before_look: Callable[[int], None] = lambda number: None
        self.looks = itertools.count(1)

    def forward(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        if b"Action=DescribeInstances" in body:
            self.before_look(next(self.looks))
        try:
            with urlopen(Request(self.upstream, body, headers)) as reply:
                status, answer = reply.status, reply.read()
        except HTTPError as error:
            with error:
                status, answer = error.code, error.read()
        there = f"<launchTime>{self.launched}<".encode()
        return status, re.sub(rb"<launchTime>[^<]*<", there, answer)


class Handler(http.server.BaseHTTPRequestHandler):
    server: Cloud

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            status, answer = self.server.forward(body, dict(self.headers))
        except OSError:
            return  # as the upstream did: no answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def cloud(ec2: Ec2) -> Iterator[Cloud]:
    with Cloud() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield server
        server.shutdown()


class Office:
    """`cms fleet hours` at chosen times."""

    def __init__(self, cms: Cms, cloud: Cloud | None = None) -> None:
        self.cms = cms
        self.cloud = cloud
        self.said = ""
        self.schedules(OFFICE)

    @property
    def environ(self) -> dict[str, str]:
        """What leads to the cloud, or to the fault proxy in front of it."""
        if self.cloud is None:
            return {}
        self.cloud.upstream = self.cms.environ["CLOUDMESH_SANDBOX_AWS"]
        names = ("CLOUDMESH_SANDBOX_AWS", "CLOUDMESH_SANDBOX_WEST")
        return dict.fromkeys(names, self.cloud.address)

    def schedules(self, text: str) -> None:
        (self.cms.root / "office-hours.yaml").write_text(text)

    def hours(self, *words: str, code: int = 0, **environ: str) -> Any:
        result: Result = self.cms(
            "fleet", "hours", *words, "--output=json", **self.environ | environ
        )
        assert result.returncode == code, result.stderr
        self.said = result.stderr
        return json.loads(result.stdout) if result.stdout else None

    def apply(self, at: str, *more: str, code: int = 0, **environ: str) -> list[str]:
        done = self.hours("apply", *([f"--at={at}"] if at else []), *more, code=code, **environ)
        return sorted(f"{entry['name']} {entry['action']}" for entry in done)

    def killed(self, at: str, faults: Faults, **rule: Any) -> None:
        pid = self.cms.root / "pid"
        faults.script({"fault": "kill", "pid_file": str(pid), **rule})
        process = self.cms.start("fleet", "hours", "apply", f"--at={at}", **self.environ, pid=pid)
        process.communicate(timeout=PATIENCE)
        faults.script()
        assert process.returncode == KILLED


@pytest.fixture
def fresh(cms_aws: Cms, cloud: Cloud) -> Office:
    """Office hours that were never applied."""
    return Office(cms_aws, cloud)


@pytest.fixture
def office(fresh: Office) -> Office:
    """Office hours that were applied at noon, for the first time."""
    assert fresh.apply(NOON) == []
    return fresh


@pytest.fixture
def settings(fresh: Office) -> Iterator[config.Settings]:
    """What `cms` is configured with, for what is done in this process."""
    settings = config.load(fresh.cms.environ | fresh.environ)
    yield settings
    mongo.client(mongo.server(settings)).close()
