"""One real stack for all tests of this folder: its own project, port, secrets and volumes."""

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from testcontainers.compose import DockerCompose

from cloudmesh_airflow.client import AirflowClient

ROOT = Path(__file__).parents[2]
PROJECT = "cloudmesh-airflow-test"
# Airflow notices a killed worker after 60 s, and tries its tasks again after a pause.
PATIENCE = 420
FILES = {
    "docker": ["docker-compose.yaml", "tests/stack/compose.yaml"],
    "offline": [
        "docker-compose.yaml",
        "docker-compose.offline.yaml",
        "tests/stack/compose.yaml",
    ],
}


class Stack(DockerCompose):
    """The running project, and the words that tests need about it."""

    secrets: Path
    dags: Path
    config: Path
    url: str
    flower_url: str
    moto_url: str
    faults_url: str

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

    def cms(self, *words: str) -> str:
        """Run `cms` in the worker, as a person does; what it wrote."""
        done = self.execute("worker", "cms", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout


@dataclass
class Cloud:
    """The emulated EC2's own word, asked past our code; and the proxy between the two."""

    url: str
    faults_url: str

    def ask(self, action: str, **parameters: str) -> ET.Element:
        form = {"Action": action, "Version": "2016-11-15", **parameters}
        request = urllib.request.Request(self.url, urllib.parse.urlencode(form).encode())
        # It takes the service and the region from the signature, which it does not check.
        scope = "Credential=test/20260101/us-east-1/ec2/aws4_request"
        signature = f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=none"
        request.add_header("Authorization", signature)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return ET.fromstring(answer.read())

    def instances(self) -> dict[str, tuple[str, str]]:
        """Give name (empty: no tag) and state of all instances that live, by id."""
        found = {}
        for one in self.ask("DescribeInstances").iterfind(".//{*}instancesSet/{*}item"):
            state = one.findtext("{*}instanceState/{*}name") or ""
            if state != "terminated":
                tags = one.iterfind("{*}tagSet/{*}item")
                named = {tag.findtext("{*}key"): tag.findtext("{*}value") for tag in tags}
                found[one.findtext("{*}instanceId") or ""] = (named.get("cm-name") or "", state)
        return found

    def names(self) -> list[str]:
        """Give the names of all instances that live, each as often as there is one."""
        return sorted(name for name, _ in self.instances().values())

    def launch(self) -> str:
        """Launch an instance as somebody else does in the same account; its id."""
        made = self.ask("RunInstances", ImageId="ami-12c6146b", MinCount="1", MaxCount="1")
        return made.findtext(".//{*}instanceId") or ""

    def empty(self) -> None:
        """Terminate all there is, and let every call pass."""
        self.script()
        for one in self.instances():
            self.ask("TerminateInstances", **{"InstanceId.1": one})

    def script(self, *rules: dict[str, Any]) -> None:
        """Tell the proxy what to do to which calls; what was held goes on."""
        self._control("PUT", "/script", rules)

    def reveal(self) -> None:
        """Show what a rule has hidden."""
        self._control("DELETE", "/instances")

    def calls(self, action: str) -> int:
        """Count the calls since `forget_calls`."""
        return sum(call["action"] == action for call in self._control("GET", "/log"))

    def forget_calls(self) -> None:
        self._control("DELETE", "/log")

    def _control(self, method: str, path: str, content: Any = None) -> Any:
        request = urllib.request.Request(self.faults_url + path, method=method)
        data = None if content is None else json.dumps(content).encode()
        with urllib.request.urlopen(request, data, timeout=30) as answer:
            return json.loads(answer.read())


class Run:
    """One run of a DAG."""

    def __init__(self, client: AirflowClient, dag: str, run_id: str) -> None:
        self.client, self.dag, self.id = client, dag, run_id
        self.path = f"/api/v2/dags/{dag}/dagRuns/{run_id}"

    def tasks(self) -> dict[str, str]:
        return {task["task_id"]: task["state"] for task in self.client.tasks(self.dag, self.id)}

    def ends(self, state: str = "success") -> None:
        found = self.client.wait(self.dag, self.id, timeout=PATIENCE)
        assert found == state, [self.tasks(), *self.said()]

    def said(self) -> Iterator[str]:
        """Give the last lines of what failed."""
        for task in self.client.tasks(self.dag, self.id):
            if task["state"] == "failed":
                log = self.client.log(self.dag, self.id, task["task_id"], task["try_number"])
                yield from log[-20:]

    def returned(self, task: str) -> Any:
        """Give what a task returned."""
        path = f"{self.path}/taskInstances/{task}/xcomEntries/return_value"
        return self.client.call("GET", path)["value"]

    def clear(self) -> None:
        body = {"dry_run": False, "only_failed": False, "dag_run_id": self.id}
        self.client.call("POST", f"/api/v2/dags/{self.dag}/clearTaskInstances", body)


def wait_until(true: Callable[[], Any], what: str, *, timeout: float = 120) -> Any:
    """Ask again and again until the answer is true, and give it."""
    deadline = time.monotonic() + timeout
    while not (answer := true()):
        assert time.monotonic() < deadline, f"not within {timeout:g} s: {what}"
        time.sleep(0.2)
    return answer


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


def copied(name: str, factory: pytest.TempPathFactory) -> Path:
    """Copy a folder of the repository to where tests may change it and containers may read it."""
    folder = factory.mktemp(name)
    shutil.copytree(ROOT / name, folder, dirs_exist_ok=True)
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Build what is missing, start, wait for health; remove all of it afterwards."""
    secrets = tmp_path_factory.mktemp("secrets")
    dags, config = (copied(name, tmp_path_factory) for name in ("dags", "config"))
    for file in (ROOT / "tests/stack/dags").glob("*.py"):
        shutil.copy(file, dags)
    port, flower_port, moto_port, faults_port = (free_port() for _ in range(4))
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
        patch.setenv("CLOUDMESH_DAGS_DIR", str(dags))
        patch.setenv("TEST_CONFIG_DIR", str(config))
        patch.setenv("TEST_MOTO_PORT", str(moto_port))
        patch.setenv("TEST_FAULTS_PORT", str(faults_port))
        patch.setenv("CLOUDMESH_UID", "50000" if os.getuid() == 0 else str(os.getuid()))
        script("images", mode)
        script("secrets")
        running = Stack(str(ROOT), compose_file_name=FILES[mode], wait=True)
        running.secrets, running.dags, running.config = secrets, dags, config
        running.url = f"http://127.0.0.1:{port}"
        running.flower_url = f"http://127.0.0.1:{flower_port}"
        running.moto_url = f"http://127.0.0.1:{moto_port}"
        running.faults_url = f"http://127.0.0.1:{faults_port}"
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


@pytest.fixture
def cloud(stack: Stack) -> Iterator[Cloud]:
    """The cloud of the stack, empty before and after."""
    cloud = Cloud(stack.moto_url, stack.faults_url)
    cloud.empty()
    cloud.forget_calls()
    yield cloud
    cloud.empty()


@pytest.fixture
def client(stack: Stack) -> AirflowClient:
    return stack.client()


@pytest.fixture
def trigger(client: AirflowClient) -> Callable[..., Run]:
    """Start a DAG with a filled-in form; the path of the run and a call that waits for its end."""

    def start(dag: str, **form: Any) -> Run:
        client.wait_for_dag(dag)
        return Run(client, dag, client.trigger(dag, form))

    return start
