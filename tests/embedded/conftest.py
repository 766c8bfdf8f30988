"""One embedded stack in a fresh copy of the repository, started as a newcomer does: make up."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudmesh_airflow.client import AirflowClient

ROOT = Path(__file__).parents[2]
# Other ports than those of a stack that a developer has running, and below those that the
# system gives to outgoing connections.
OFFSET = 4100


class Embedded:
    """A copy of the repository and the commands a person would type in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{8080 + OFFSET}"
        kept = ("HOME", "LANG", "PATH", "TMPDIR")
        kept_prefix = ("PIP_", "SSL_", "UV_", "NODE_EXTRA", "REQUESTS_CA")
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if name in kept or name.startswith(kept_prefix)
        } | {"CLOUDMESH_PORT_OFFSET": str(OFFSET), "CLOUDMESH_PORT": str(8080 + OFFSET)}

    def run(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment | more,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=1200,
        )

    def make(self, target: str, *variables: str, **more: str) -> subprocess.CompletedProcess[str]:
        return self.run("make", "--no-print-directory", target, *variables, **more)

    def client(self) -> AirflowClient:
        password = (self.folder / ".secrets/admin_password").read_text()
        return AirflowClient(self.url, "admin", password)

    def processes(self) -> dict[str, int]:
        """The process id of each service."""
        lines = self.make("status").stdout.splitlines()[1:]
        return {line.split()[0]: int(line.split()[3]) for line in lines}


def copy_repository(target: Path) -> None:
    """What git knows or would add, as it is in the work tree."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listing.stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


@pytest.fixture(scope="session")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Embedded:
    """A fresh copy in which nothing has been started."""
    folder = tmp_path_factory.mktemp("embedded")
    copy_repository(folder)
    return Embedded(folder)


@pytest.fixture(scope="session")
def embedded(copy: Embedded) -> Iterator[Embedded]:
    """The running stack of that copy."""
    try:
        up = copy.make("up", "MODE=embedded")
        assert up.returncode == 0, up.stderr
        yield copy
    finally:
        copy.run("scripts/embedded", "down")
        # 1.5 GB, and pytest keeps its last three folders.
        shutil.rmtree(copy.folder, ignore_errors=True)


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port on which somebody else listens."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]
