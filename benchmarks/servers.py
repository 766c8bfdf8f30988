"""What cms talks to: the stand-in for MongoDB and moto, each a process of its own."""

import contextlib
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.process import ROOT, BenchError, running

VENVS = ROOT / ".run/venvs"
_SECONDS = 30


@dataclass(frozen=True)
class Servers:
    """Where they listen."""

    mongo_port: int
    moto_port: int
    password: str

    @property
    def aws(self) -> str:
        """The address of moto."""
        return f"http://127.0.0.1:{self.moto_port}"


@contextlib.contextmanager
def servers(folder: Path) -> Iterator[Servers]:
    """Start both with empty data below a folder; end them afterwards."""
    found = Servers(_free_port(), _free_port(), secrets.token_hex(16))
    password = folder / "mongo_password"
    password.write_text(found.password)
    data = folder / "mongo"
    data.mkdir()
    place = ["--host", "127.0.0.1", "--port"]
    script = str(ROOT / "offline/mongo-standin")
    mongo = [
        f"{VENVS}/mongo/bin/python",
        script,
        *place,
        str(found.mongo_port),
        "--data",
        str(data),
    ]
    moto = [f"{VENVS}/sandbox/bin/moto_server", *place, str(found.moto_port)]
    login = {
        "MONGO_INITDB_ROOT_USERNAME": "cloudmesh",
        "MONGO_INITDB_ROOT_PASSWORD_FILE": str(password),
    }
    images = {"MOTO_AMIS_PATH": str(ROOT / "sandbox/images.json")}
    with (
        running(mongo, {**os.environ, **login}) as first,
        running(moto, {**os.environ, **images}) as second,
    ):
        _wait(first, mongo[0], found.mongo_port)
        _wait(second, moto[0], found.moto_port)
        yield found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], name: str, port: int) -> None:
    deadline = time.monotonic() + _SECONDS
    while True:
        if process.poll() is not None or time.monotonic() > deadline:
            raise BenchError(f"{name} does not answer; run 'make setup'")
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
