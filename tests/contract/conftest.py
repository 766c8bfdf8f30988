"""A real Airflow with a database of its own, over the real `cms`, its MongoDB and its cloud."""

import importlib
import json
import os
import re
import secrets
import subprocess
import sys
import threading
import tomllib
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
AIRFLOW_PYTHON = os.environ.get("AIRFLOW_PYTHON")
DOCUMENTED = REPOSITORY / "docs/dags.md"
READER_PASSWORD = secrets.token_hex(12)

# The engine's own fixtures: cms, its database, the clouds, the stores, the proxies and a real
# sshd.
_package = types.ModuleType("engine_fixtures")
_package.__path__ = [str(REPOSITORY / "tests/unit/engine")]
sys.modules["engine_fixtures"] = _package
engine = importlib.import_module("engine_fixtures.conftest")
moving = importlib.import_module("engine_fixtures.moving.conftest")
for _module in (engine, moving):
    # A module that one of them imports may have a fixture's name.
    _given = {name: value for name, value in vars(_module).items() if name.islower()}
    globals().update({k: v for k, v in _given.items() if not isinstance(v, types.ModuleType)})


@pytest.fixture(scope="session", autouse=True)
def reader() -> Iterator[None]:
    """The second login of MongoDB, which is there from its start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MONGO_READER_USERNAME", "airflow")
        patch.setenv("MONGO_READER_PASSWORD", READER_PASSWORD)
        yield


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Airflow's home, with what an installed distribution tells of itself."""
    root = tmp_path_factory.mktemp("airflow")
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    told = root / f"packages/cloudmesh_airflow-{project['version']}.dist-info"
    told.mkdir(parents=True)
    head = f"Metadata-Version: 2.4\nName: {project['name']}\nVersion: {project['version']}\n"
    (told / "METADATA").write_text(head)
    lines = ["[apache_airflow_provider]"]
    entries = project["entry-points"]["apache_airflow_provider"]
    lines += [f"{name} = {value}" for name, value in entries.items()]
    (told / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folders with DAG files; one has the DAGs that docs/dags.md shows, as they stand there."""
    documented = tmp_path_factory.mktemp("documented")
    blocks = re.findall(r"^```python\n(.*?)^```$", DOCUMENTED.read_text(), re.DOTALL | re.MULTILINE)
    for number, example in enumerate(block for block in blocks if "@dag" in block):
        (documented / f"example_{number}.py").write_text(example)
    here = REPOSITORY / "tests/contract/dags"
    return {"contract": here, "ours": REPOSITORY / "dags", "documented": documented}


@pytest.fixture(scope="session")
def environ(home: Path, folders: dict[str, Path]) -> dict[str, str]:
    """What Airflow finds in its environment."""
    if not AIRFLOW_PYTHON:
        pytest.skip("AIRFLOW_PYTHON is not set: a Python with Airflow")
    local = "airflow.dag_processing.bundles.local.LocalDagBundle"
    bundles = [
        {"name": name, "classpath": local, "kwargs": {"path": str(folder)}}
        for name, folder in folders.items()
    ]
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles),
        "PYTHONPATH": f"{REPOSITORY / 'src'}:{home / 'packages'}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "CLOUDMESH_CHOICES": str(home / "choices.json"),
    }


@pytest.fixture(scope="session")
def server(
    home: Path, environ: dict[str, str], folders: dict[str, Path]
) -> Iterator[subprocess.Popen[str]]:
    """The Airflow that runs DAGs as it is told."""
    with (home / "log").open("w") as log:
        words = [AIRFLOW_PYTHON, "-m", "airflow", "db", "migrate"]
        subprocess.run(words, env=environ, stdout=log, stderr=log, check=True, timeout=600)
        pools = "from cloudmesh_airflow.init import create_pools; create_pools()"
        subprocess.run([AIRFLOW_PYTHON, "-c", pools], env=environ, stderr=log, check=True)
        pairs = [f"{name}={folder}" for name, folder in folders.items()]
        process = subprocess.Popen(
            [AIRFLOW_PYTHON, REPOSITORY / "tests/contract/server.py", *pairs],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        yield process
        process.communicate(timeout=120)


@dataclass
class Run:
    """How a run of a DAG ended."""

    state: str
    id: str
    tasks: dict[str, str]
    returned: dict[str, Any]
    events: dict[str, Any]


@dataclass
class Airflow:
    """Runs DAGs whose tasks use one `cms`."""

    process: subprocess.Popen[str]
    environ: dict[str, str]
    log: Path

    def begin(self, dag: str, says: str = "", **conf: Any) -> Callable[[], Run]:
        """Run a DAG in the background, until it says something; give what waits for its end."""
        ended: list[Run] = []
        before = len(self.log.read_text())
        running = threading.Thread(target=lambda: ended.append(self(dag, **conf)))
        running.start()
        engine.wait_until(lambda: says in self.log.read_text()[before:], 300)

        def end() -> Run:
            running.join(300)
            return ended[0]

        return end

    def __call__(self, dag: str, *, day: int = 1, **conf: Any) -> Run:
        """Run a DAG to its end; a day has one run, which is cleared if it was there."""
        date = f"2026-11-{day:02}T00:00:00+00:00"
        request = {"dag": dag, "conf": conf, "environ": self.environ, "date": date}
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, self.log.read_text()[-3000:]
        told = json.loads(answer)
        return Run(told["run"], told["run_id"], told["tasks"], told["returned"], told["events"])


@pytest.fixture
def airflow(
    server: subprocess.Popen[str], home: Path, cms_aws: Any, faults: Any, azure: Any
) -> Airflow:
    """Airflow over empty clouds, of which it reaches AWS through the fault proxy."""
    cms_aws.environ["CLOUDMESH_SANDBOX_AZURE_VM"] = azure.address
    program = cms_aws.root / "cms"
    lines = ["#!/bin/sh"]
    lines += [f"export {name}='{value}'" for name, value in cms_aws.environ.items()]
    code = "from cloudmesh_engine.launcher import main; main()"
    lines += [
        f"echo $$ > '{cms_aws.root}/pid'",
        f"cd '{cms_aws.root}/work'",
        f"exec '{sys.executable}' -c '{code}' \"$@\"",
    ]
    program.write_text("\n".join(lines) + "\n")
    program.chmod(0o755)
    settings = (cms_aws.root / "cloudmesh.yaml").read_text()
    (database,) = [line.split()[1] for line in settings.splitlines() if "MONGO_DBNAME" in line]
    connection = {
        "conn_type": "cloudmesh",
        "host": "127.0.0.1",
        "port": int(cms_aws.environ["CLOUDMESH_MONGO_PORT"]),
        "login": "airflow",
        "password": READER_PASSWORD,
        "schema": database,
    }
    environ = {
        "CLOUDMESH_CMS": str(program),
        "AIRFLOW_CONN_CLOUDMESH_DEFAULT": json.dumps(connection),
    }
    return Airflow(server, environ, home / "log")


@pytest.fixture
def stores(airflow: Airflow, lab: Any) -> Any:
    """The stores of the `cms` that Airflow's tasks run, as tests of the mover have them."""
    # In this order: the first one empties the emulator in which the second one makes a bucket.
    return lab
