"""One real stack for all tests of this folder: its own project, port, secrets and volumes."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from testcontainers.compose import DockerCompose

from cloudmesh_airflow.client import AirflowClient

from .clouds import Aws, Azure, Cloud, Google, OpenStack

ROOT = Path(__file__).parents[2]
PROJECT = "cloudmesh-airflow-test"
# Airflow notices a killed worker after 60 s, and tries its tasks again after a pause.
PATIENCE = 420
# What compose.yaml here publishes: the clouds' own ports, and those that steer the proxies.
PORTS = ("MOTO", "AZURE", "GOOGLE", "KEYSTONE", "NOVA")
PORTS += ("FAULTS", "FAULTS_AZURE", "FAULTS_GOOGLE", "FAULTS_CHAMELEON")
# In cloudmesh.yaml as shipped, and as the tests have it: OpenStack too, and Nova by its proxy.
ACTIVE = "active: {}\n        heading: Chameleon\n"
REGION = "        region_name: KVM@TACC\n"
NOVA = "        compute_endpoint_override: http://faults-chameleon:5000/v2.1\n"
CONFIGURED = [(ACTIVE.format("false"), ACTIVE.format("true")), (REGION, REGION + NOVA)]
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
    addresses: Mapping[str, str]

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
            timeout=900,
            **options,
        )

    def execute(self, service: str, *command: str) -> subprocess.CompletedProcess[str]:
        return self.run("exec", "--no-TTY", service, *command)

    def cms(self, *words: str) -> str:
        """Run `cms` in the worker, as a person does; what it wrote."""
        done = self.execute("worker", "cms", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def configured(self, *changes: tuple[str, str]) -> Iterator[None]:
        """Change cloudmesh.yaml: each text becomes the other."""
        file = self.config / "cloudmesh.yaml"
        before = file.read_text()
        put(file, changed(before, changes))
        try:
            yield
        finally:
            put(file, before)


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


def wait_until(true: Callable[[], Any], what: str, *, timeout: float = 300) -> Any:
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


def changed(text: str, changes: Iterable[tuple[str, str]]) -> str:
    """Replace texts, each of which must be there once."""
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def put(file: Path, text: str) -> None:
    """Write a file whole, for somebody may read it at this moment."""
    fresh = file.with_name(f"{file.name}.new")
    fresh.write_text(text)
    fresh.replace(file)


def on_all(work: Callable[[str], Any], clouds: Iterable[str]) -> None:
    """Do something on several clouds at once."""
    with ThreadPoolExecutor() as pool:
        for _ in pool.map(work, clouds):
            pass


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Build what is missing, start, wait for health; remove all of it afterwards."""
    secrets = tmp_path_factory.mktemp("secrets")
    dags, config = (copied(name, tmp_path_factory) for name in ("dags", "config"))
    for file in (ROOT / "tests/stack/dags").glob("*.py"):
        shutil.copy(file, dags)
    file = config / "cloudmesh.yaml"
    put(file, changed(file.read_text(), CONFIGURED))
    port, flower_port = free_port(), free_port()
    ports = {name: free_port() for name in PORTS}
    with pytest.MonkeyPatch.context() as patch:
        # What a user's .env says must not steer the test: the environment wins over it.
        patch.setenv("CLOUDMESH_MODE", "")
        mode = script("mode", os.environ.get("TEST_MODE", "")).split()[0]
        patch.setenv("COMPOSE_PROJECT_NAME", PROJECT)
        patch.setenv("COMPOSE_FILE", ":".join(FILES[mode]))
        patch.setenv("COMPOSE_PROFILES", "sandbox,openstack,flower")
        patch.setenv("CLOUDMESH_SECRETS_DIR", str(secrets))
        patch.setenv("CLOUDMESH_PORT", str(port))
        patch.setenv("CLOUDMESH_FLOWER_PORT", str(flower_port))
        patch.setenv("CLOUDMESH_DAGS_DIR", str(dags))
        patch.setenv("TEST_CONFIG_DIR", str(config))
        for name, number in ports.items():
            patch.setenv(f"TEST_{name}_PORT", str(number))
        patch.setenv("CLOUDMESH_UID", "50000" if os.getuid() == 0 else str(os.getuid()))
        script("images", mode)
        script("secrets")
        running = Stack(str(ROOT), compose_file_name=FILES[mode], wait=True)
        running.secrets, running.dags, running.config = secrets, dags, config
        running.url = f"http://127.0.0.1:{port}"
        running.flower_url = f"http://127.0.0.1:{flower_port}"
        running.addresses = {name: f"http://127.0.0.1:{ports[name]}" for name in ports}
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
def cloud(stack: Stack) -> Iterator[Aws]:
    """The AWS of the stack, empty before and after."""
    cloud = Aws(stack.addresses["MOTO"], stack.addresses["FAULTS"])
    yield from emptied(cloud)


@pytest.fixture
def fleet(stack: Stack, cloud: Aws) -> Iterator[dict[str, Cloud]]:
    """All clouds of the stack by their names in cloudmesh.yaml, empty before and after."""
    at = stack.addresses
    with ExitStack() as ending:
        others = {
            "azure": Azure(at["AZURE"], at["FAULTS_AZURE"]),
            "chameleon": OpenStack(at["NOVA"], at["FAULTS_CHAMELEON"], at["KEYSTONE"]),
            "google": Google(at["GOOGLE"], at["FAULTS_GOOGLE"]),
        }
        for other in others.values():
            ending.enter_context(contextmanager(emptied)(other))
        yield {"aws": cloud, **others}


def emptied[C: Cloud](cloud: C) -> Iterator[C]:
    """Give a cloud that is empty before and after."""
    cloud.empty()
    cloud.forget_calls()
    wait_until(lambda: not cloud.vms(), "the cloud is empty")
    try:
        yield cloud
    finally:
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
