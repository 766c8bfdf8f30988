"""A real Airflow web server with our plugin, over the stand-in for MongoDB."""

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pymongo
import pytest
import requests

REPOSITORY = Path(__file__).parents[2]
STANDIN_PYTHON = os.environ.get("MONGO_STANDIN_PYTHON")
ROLES = ("Admin", "Op", "User", "Viewer", "Public")
API = "/cloudmesh/api/v1"
# One process for all of it, as each would import Airflow for seconds.
PREPARE = """
import sys
from airflow.cli.cli_parser import get_parser
from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
from cloudmesh_airflow import init
password, *roles = sys.argv[1:]
init.migrate()
init.create_pools()
with get_application_builder() as builder:
    for role in roles:
        name, found = role.lower(), builder.sm.find_role(role)
        assert builder.sm.add_user(name, role, "Test", f"{name}@localhost", found, password)
arguments = get_parser().parse_args(["dags", "reserialize"])
arguments.func(arguments)
"""


def wait_until(true: Callable[[], bool], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "that takes too long"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class Mongo:
    """The inventory, which tests fill."""

    root: Path
    port: int = field(default_factory=free_port)
    password: str = field(default_factory=lambda: secrets.token_hex(12))
    reader: str = field(default_factory=lambda: secrets.token_hex(12))
    filled: Callable[[], Any] = lambda: None

    def start(self) -> None:
        place = ["--host", "127.0.0.1", "--port", str(self.port), "--data", str(self.root)]
        self.process = subprocess.Popen(
            [str(STANDIN_PYTHON), REPOSITORY / "offline/mongo-standin", *place],
            env={
                **os.environ,
                "MONGO_INITDB_ROOT_USERNAME": "cloudmesh",
                "MONGO_INITDB_ROOT_PASSWORD": self.password,
                "MONGO_READER_USERNAME": "airflow",
                "MONGO_READER_PASSWORD": self.reader,
            },
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self.answers)

    def answers(self) -> bool:
        assert self.process.poll() is None, "the stand-in ended"
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(60)

    def fill(self, contents: dict[str, list[dict[str, Any]]]) -> None:
        """Make these collections hold these documents and no others."""
        uri = f"mongodb://cloudmesh:{self.password}@127.0.0.1:{self.port}/?authSource=admin"
        with pymongo.MongoClient[Any](f"{uri}&authMechanism=SCRAM-SHA-256") as client:
            for collection, documents in contents.items():
                client["cloudmesh"][collection].delete_many({})
                if documents:
                    client["cloudmesh"][collection].insert_many(documents)
        self.filled()


def document(name: str, cloud: str = "aws", state: str = "running", **more: Any) -> dict[str, Any]:
    """A document of the inventory, as the engine writes it."""
    updated = "2026-11-21T08:00:00.000000+00:00"
    return {
        "_id": f"i-{cloud}-{name}",
        "cm": {"kind": "vm", "cloud": cloud, "name": name, "status": state, "updated": updated},
        "name": name,
        "cloud": cloud,
        "instance_id": f"i-{cloud}-{name}",
        "status": state,
        "image": "ami-1",
        "flavor": "t2.micro",
        "public_ips": ["192.0.2.7"],
        "private_ips": ["10.0.0.7"],
        "created": "2026-11-21T07:00:00+00:00",
        "run": "vm_boot/manual__2026",
        "deadline": "",
        **more,
    }


THREE = {
    "aws-vm": [document("web-0"), document("web-1", state="stopped")],
    "azure-vm": [document("db", "azure", deadline="2026-11-22T08:00:00+00:00", run="")],
}

EVIL = "<script>document.title='owned'</script>"


def listing(service: str, path: str, *names: str, **more: Any) -> dict[str, Any]:
    """What the engine notes of a folder; a name with a slash at its end is a folder."""
    updated = "2026-11-21T08:00:00.000000+00:00"
    entries = [
        {
            "name": f"{path}{name}",
            "kind": "folder" if name.endswith("/") else "file",
            "size": 0 if name.endswith("/") else 2048,
            "modified": "" if name.endswith("/") else "2026-11-20T08:00:00+00:00",
            "problem": "",
        }
        for name in names
    ]
    return {
        "_id": f"{service}:{path}",
        "cm": {"kind": "listing", "cloud": service, "name": path, "updated": updated},
        "storage": service,
        "path": path,
        "place": "bucket",
        "truncated": False,
        "entries": entries,
        **more,
    }


def transfer(name: str, state: str = "done", **report: Any) -> dict[str, Any]:
    """What the engine notes of a transfer."""
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    about = {"source": "aws:runs", "target": f"azure:{name}", "files": 3, "bytes": 3000}
    counts = {"unchanged": 1, "deleted": 0, "failed": 0, "seconds": 1.5}
    return {
        "_id": name,
        "source": "aws:bucket:runs",
        "target": f"azure:bucket:{name}",
        "run": f"move_file/api__{name}",
        "began": "2026-11-21T08:00:00.000000+00:00",
        "updated": now,
        "state": state,
        "report": {**about, **counts, "failures": [], **report},
    }


SERVICES = [
    {"_id": name, "storage": name, "kind": kind, "place": "bucket", "supported": True}
    for name, kind in (("aws", "awss3"), ("azure", "azureblob"), ("local", "local"))
]
FILES = {
    "storage": SERVICES,
    "listings": [
        listing("aws", "", "runs/", "readme.txt"),
        listing("aws", "runs/", "deep er/", "a.csv", EVIL),
    ],
    "transfers": [transfer("t-1")],
}


@pytest.fixture(scope="session")
def make() -> Callable[..., dict[str, Any]]:
    """Makes a document of the inventory."""
    return document


@pytest.fixture(scope="session")
def notes() -> Any:
    """Makes what the engine notes of folders and transfers."""
    return SimpleNamespace(listing=listing, transfer=transfer)


@pytest.fixture
def files(inventory: Mongo) -> Iterator[Callable[..., None]]:
    """Changes what is noted of files until the test ends."""
    yield lambda **contents: inventory.fill({**FILES, **contents})
    inventory.fill(FILES)


@pytest.fixture(scope="session")
def eventually() -> Callable[..., None]:
    """Waits until something is so."""
    return wait_until


@pytest.fixture(scope="session")
def mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mongo]:
    if not STANDIN_PYTHON:
        pytest.skip("MONGO_STANDIN_PYTHON is not set: a Python with mongoeco and pymongo")
    server = Mongo(tmp_path_factory.mktemp("mongo"))
    server.start()
    yield server
    server.end()


@dataclass
class Web:
    """A running web server."""

    url: str
    password: str
    log: Path
    environ: dict[str, str]
    tokens: dict[str, str] = field(default_factory=dict)

    def token(self, role: str) -> str:
        """The token of the user who has a role."""
        if role not in self.tokens:
            login = {"username": role.lower(), "password": self.password}
            answer = requests.post(f"{self.url}/auth/token", json=login, timeout=240)
            assert answer.status_code == 201, answer.text
            self.tokens[role] = answer.json()["access_token"]
        return self.tokens[role]

    def __call__(
        self, method: str, path: str, role: str | None = "Admin", **options: Any
    ) -> requests.Response:
        """Send a request to the API as the user of a role."""
        headers = options.pop("headers", {})
        if role:
            headers = {"Authorization": f"Bearer {self.token(role)}", **headers}
        prefix = "" if path.startswith("/") else f"{API}/"
        url = f"{self.url}{prefix}{path}"
        return requests.request(method, url, headers=headers, timeout=240, **options)

    def finish(self, job: str, state: str = "success") -> None:
        """End a job's run by Airflow's own API, as no scheduler runs here."""
        dag, _, run = job.partition(".")
        answer = self("PATCH", f"/api/v2/dags/{dag}/dagRuns/{run}", json={"state": state})
        assert answer.ok, answer.text


def _distribution(root: Path) -> Path:
    """What an installed distribution tells of its entry points."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    told = root / f"packages/cloudmesh_airflow-{project['version']}.dist-info"
    told.mkdir(parents=True)
    head = f"Metadata-Version: 2.4\nName: {project['name']}\nVersion: {project['version']}\n"
    (told / "METADATA").write_text(head)
    lines = []
    for group, entries in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
    (told / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return told.parent


def _environ(root: Path, mongo: Mongo, port: int, dags: Path) -> dict[str, str]:
    bundle = {
        "name": "ours",
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(dags)},
    }
    (root / "secrets").mkdir()
    (root / "secrets/mongo_reader_password").write_text(mongo.reader)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(root),
        "AIRFLOW_HOME": str(root),
        "AIRFLOW_CONFIG": str(REPOSITORY / "config/airflow.cfg"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{root}/airflow.db?timeout=60",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__FERNET_KEY": "",
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(root / "logs"),
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps([bundle]),
        "PYTHONPATH": f"{REPOSITORY / 'src'}:{_distribution(root)}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "CLOUDMESH_CHOICES": str(root / "choices.json"),
        "CLOUDMESH_SECRETS_DIR": str(root / "secrets"),
        "CLOUDMESH_MONGO_HOST": "127.0.0.1",
        "CLOUDMESH_MONGO_PORT": str(mongo.port),
    }


@contextlib.contextmanager
def serving(root: Path, mongo: Mongo, dags: Path) -> Iterator[Web]:
    """Run a web server with a user of each role and the DAGs of a folder."""
    port, password = free_port(), secrets.token_hex(8)
    environ = _environ(root, mongo, port, dags)
    log = root / "log"

    with log.open("w") as to:
        done = subprocess.run(
            [sys.executable, "-c", PREPARE, password, *ROLES],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=to,
            stderr=to,
            timeout=600,
        )
    assert done.returncode == 0, log.read_text()[-3000:]
    with log.open("a") as to:
        words = [sys.executable, "-m", "airflow", "api-server"]
        process = subprocess.Popen(
            words, env=environ, stdin=subprocess.DEVNULL, stdout=to, stderr=to
        )
    server = Web(f"http://127.0.0.1:{port}", password, log, environ)

    def healthy() -> bool:
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            return requests.get(f"{server.url}/api/v2/version", timeout=30).ok
        except requests.RequestException:
            # Nobody listens yet, or takes long for its first answer on a busy machine.
            return False

    try:
        wait_until(healthy, 300)
        yield server
    finally:
        process.terminate()
        process.wait(120)


@pytest.fixture(scope="session")
def web(mongo: Mongo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """The web server with our DAGs."""
    with serving(tmp_path_factory.mktemp("airflow"), mongo, REPOSITORY / "dags") as server:
        yield server


@pytest.fixture(scope="session")
def inventory(mongo: Mongo, web: Web) -> Mongo:
    """The inventory with three VMs on two clouds."""
    # Whoever asks for a change, though it be refused, makes the web server forget what it keeps.
    mongo.filled = lambda: web("POST", "transfers")
    mongo.fill({**THREE, **FILES})
    wait_until(lambda: web("GET", "vms").json()["total"] == 3)
    return mongo


@pytest.fixture
def change(inventory: Mongo, web: Web) -> Iterator[Callable[..., None]]:
    """Changes the inventory until the test ends, and waits until the web server knows."""

    def changed(**contents: list[dict[str, Any]]) -> None:
        named = {f"{cloud}-vm": documents for cloud, documents in contents.items()}
        inventory.fill({**THREE, **named})
        expected = {one["_id"] for many in {**THREE, **named}.values() for one in many}
        wait_until(lambda: _seen(web) == expected)

    yield changed
    changed()


def _seen(web: Web) -> set[str]:
    pages = (web("GET", f"vms?limit=500&offset={offset}").json() for offset in (0, 500, 1000))
    return {vm["instance_id"] for page in pages for vm in page["items"]}
