"""The wheel, built and installed into an empty environment."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
UV = Path(sys.executable).with_name("uv")


def run(*command: object) -> str:
    return subprocess.run(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    ).stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    build = ("--build-constraints", ROOT / "locks/build.txt", "--require-hashes")
    run(
        UV,
        "--no-config",
        "build",
        "--quiet",
        "--wheel",
        *build,
        "--python",
        sys.executable,
        "--out-dir",
        folder,
        ROOT,
    )
    (wheel,) = folder.glob("*.whl")
    run(UV, "--no-config", "venv", "--quiet", "--python", sys.executable, folder / "venv")
    python = folder / "venv/bin/python"
    run(UV, "--no-config", "pip", "install", "--quiet", "--python", python, wheel)
    return python


def test_name_version_licence_and_extras_are_right(python):
    program = (
        "import json, importlib.metadata as m; d = m.distribution('cloudmesh-airflow');"
        "assert [p.name for p in d.entry_points.select(group='apache_airflow_provider')];"
        "print(json.dumps([d.version, d.metadata['License-Expression'],"
        " sorted(d.metadata.get_all('Provides-Extra')),"
        " sorted({str(f).split('/')[0] for f in d.files if '.dist-info' not in str(f)})]))"
    )
    version, licence, extras, top = json.loads(run(python, "-c", program))
    assert version == "0.1.0"
    assert licence == "Apache-2.0"
    assert extras == ["airflow", "clients", "cms", "dev", "test"]
    assert [name for name in top if name != ".."] == [
        "cloudmesh-airflow.pth", "cloudmesh_airflow", "cloudmesh_engine",
    ]  # fmt: skip


def test_the_finder_for_scripts_is_there_at_every_start(python):
    program = "import sys; print([getattr(f, '__module__', '') for f in sys.meta_path][0])"
    assert run(python, "-c", program) == "cloudmesh_engine.entry.finder\n"


def test_both_halves_import_with_nothing_else_installed(python):
    run(python, "-c", "import cloudmesh_airflow.client, cloudmesh_airflow.health, cloudmesh_engine")


def test_cms_without_its_packages_says_which_extra_is_missing(python):
    done = subprocess.run(
        [python.with_name("cms"), "key", "list"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert "cloudmesh-airflow[cms]" in line
