"""The real `cms` in a real process, and a server that speaks MongoDB's protocol."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cloudmesh_engine import keys

REPOSITORY = Path(__file__).parents[3]
STANDIN_PYTHON = os.environ.get("MONGO_STANDIN_PYTHON")

Result = subprocess.CompletedProcess[str]


@dataclass
class Cms:
    """A sandbox for `cms`: its own configuration, secrets, state and TMPDIR."""

    root: Path
    environ: dict[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, root: Path, mongo_port: int, password: str) -> "Cms":
        for name in ("secrets", "state", "tmp", "work", "home"):
            (root / name).mkdir()
        (root / "secrets/mongo_password").write_text(password + "\n")
        template = (REPOSITORY / "config/cloudmesh.yaml").read_text()
        (root / "cloudmesh.yaml").write_text(template)
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(root / "home"),
            "TMPDIR": str(root / "tmp"),
            "PYTHONPATH": str(REPOSITORY / "src"),
            "CLOUDMESH_CONFIG": str(root / "cloudmesh.yaml"),
            "CLOUDMESH_SECRETS_DIR": str(root / "secrets"),
            "CLOUDMESH_STATE_DIR": str(root / "state"),
            "CLOUDMESH_MONGO_HOST": "127.0.0.1",
            "CLOUDMESH_MONGO_PORT": str(mongo_port),
        }
        return cls(root, environ)

    def start(self, *words: str, to: str = "", **environ: str) -> subprocess.Popen[str]:
        code = "from cloudmesh_engine.launcher import main; main()"
        return subprocess.Popen(
            [sys.executable, "-c", code, *words],
            env={**self.environ, **environ},
            cwd=self.root / "work",
            stdin=subprocess.DEVNULL,
            stdout=os.open(to, os.O_WRONLY) if to else subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *words: str, **environ: str) -> Result:
        process = self.start(*words, **environ)
        stdout, stderr = process.communicate(timeout=60)
        return subprocess.CompletedProcess(words, process.returncode, stdout, stderr)

    def leftovers(self) -> list[str]:
        return [path.name for path in (self.root / "tmp").iterdir()]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


@pytest.fixture
def cms(tmp_path: Path) -> Cms:
    """`cms` whose MongoDB is not there."""
    return Cms.make(tmp_path, free_port(), secrets.token_hex(12))


@dataclass(frozen=True)
class Mongo:
    port: int
    password: str


@pytest.fixture(scope="session")
def mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongo]:
    if not STANDIN_PYTHON:
        pytest.skip("MONGO_STANDIN_PYTHON is not set: a Python with mongoeco and pymongo")
    root = tmp_path_factory.mktemp("mongo")
    server = Mongo(free_port(), "p/" + secrets.token_hex(12) + "@%:")
    (root / "password").write_text(server.password)
    script = str(REPOSITORY / "offline/mongo-standin")
    process = subprocess.Popen(
        [STANDIN_PYTHON, script, "--host", "127.0.0.1", "--port", str(server.port), "--data", root],
        env={
            **os.environ,
            "MONGO_INITDB_ROOT_USERNAME": "cloudmesh",
            "MONGO_INITDB_ROOT_PASSWORD_FILE": str(root / "password"),
        },
        stderr=subprocess.DEVNULL,
    )

    def answers() -> bool:
        assert process.poll() is None, "the stand-in ended"
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", server.port)) == 0

    wait_until(answers)
    yield server
    process.send_signal(signal.SIGTERM)
    process.wait(10)


@pytest.fixture
def cms_db(tmp_path: Path, mongo: Mongo) -> Iterator[Cms]:
    """`cms` with an empty database and the appliance's key."""
    cms = Cms.make(tmp_path, mongo.port, mongo.password)
    keys.ensure_key_pair(tmp_path / "state/ssh")
    database = f"test_{secrets.token_hex(4)}"
    file = tmp_path / "cloudmesh.yaml"
    file.write_text(
        file.read_text().replace("MONGO_DBNAME: cloudmesh", f"MONGO_DBNAME: {database}")
    )
    yield cms
    assert cms.leftovers() == []
