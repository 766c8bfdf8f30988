"""One real stack for all tests of this folder: its own project, port, secrets and volumes."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from testcontainers.compose import DockerCompose

from cloudmesh_airflow.client import AirflowClient

ROOT = Path(__file__).parents[2]
PROJECT = "cloudmesh-airflow-test"
FILES = {
    "docker": ["docker-compose.yaml"],
    "offline": ["docker-compose.yaml", "docker-compose.offline.yaml"],
}


class Stack(DockerCompose):
    """The running project, and the words that tests need about it."""

    secrets: Path
    url: str
    flower_url: str

    def secret(self, name: str) -> str:
        return (self.secrets / name).read_text().strip()

    def client(self) -> AirflowClient:
        return AirflowClient(self.url, "admin", self.secret("admin_password"))

    def run(self, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
        """Run `docker compose` with these arguments; its status is the caller's to check."""
        return subprocess.run(
            [*self.compose_command_property, *arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            **options,
        )

    def execute(self, service: str, *command: str) -> subprocess.CompletedProcess[str]:
        return self.run("exec", "--no-TTY", service, *command)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def script(name: str, *arguments: str) -> str:
    done = subprocess.run(
        [ROOT / "scripts" / name, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1500,
    )
    assert done.returncode == 0, f"scripts/{name}: {done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Build what is missing, start, wait for health; remove all of it afterwards."""
    secrets = tmp_path_factory.mktemp("secrets")
    port, flower_port = free_port(), free_port()
    with pytest.MonkeyPatch.context() as patch:
        # What a user's .env says must not steer the test: the environment wins over it.
        patch.setenv("CLOUDMESH_MODE", "")
        mode = script("mode", os.environ.get("TEST_MODE", "")).split()[0]
        patch.setenv("COMPOSE_PROJECT_NAME", PROJECT)
        patch.setenv("COMPOSE_FILE", ":".join(FILES[mode]))
        patch.setenv("COMPOSE_PROFILES", "sandbox,flower")
        patch.setenv("CLOUDMESH_SECRETS_DIR", str(secrets))
        patch.setenv("CLOUDMESH_PORT", str(port))
        patch.setenv("CLOUDMESH_FLOWER_PORT", str(flower_port))
        patch.setenv("CLOUDMESH_UID", "50000" if os.getuid() == 0 else str(os.getuid()))
        script("images", mode)
        script("secrets")
        running = Stack(str(ROOT), compose_file_name=FILES[mode], wait=True)
        running.secrets = secrets
        running.url = f"http://127.0.0.1:{port}"
        running.flower_url = f"http://127.0.0.1:{flower_port}"
        # What a killed run has left behind.
        running.run("down", "--volumes", "--remove-orphans")
        try:
            running.start()
            yield running
        except BaseException:
            subprocess.run([ROOT / "scripts/unhealthy"], stdin=subprocess.DEVNULL, check=False)
            raise
        finally:
            running.run("down", "--volumes", "--remove-orphans")
