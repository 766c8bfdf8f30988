"""The two halves stay apart, and each does the delicate things in one place."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
AIRFLOWS_HALF = sorted((ROOT / "src/cloudmesh_airflow").rglob("*.py"))
CMS_HALF = sorted((ROOT / "src/cloudmesh_engine").rglob("*.py"))
CLOUD_SDKS = {"azure", "boto3", "botocore", "google", "openstack"}


def imports(path: Path) -> set[str]:
    """The top-level names of all that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def strings(path: Path) -> set[str]:
    """Every text that stands whole in a file's code."""
    nodes = ast.walk(ast.parse(path.read_text()))
    return {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}


@pytest.mark.parametrize("path", AIRFLOWS_HALF, ids=lambda path: path.stem)
def test_airflows_half_knows_no_cloud_and_not_the_other_half(path):
    assert not imports(path) & (CLOUD_SDKS | {"cloudmesh", "cloudmesh_engine"})


@pytest.mark.parametrize("path", CMS_HALF, ids=lambda path: path.stem)
def test_cms_half_knows_no_airflow(path):
    assert not imports(path) & {"airflow", "cloudmesh_airflow"}


def test_dags_import_airflow_and_our_half_only():
    for path in (ROOT / "dags").glob("*.py"):
        assert imports(path) <= {"airflow", "cloudmesh_airflow", "datetime"}, path.name


def test_one_module_of_airflows_half_starts_processes():
    assert [path.stem for path in AIRFLOWS_HALF if "subprocess" in imports(path)] == ["runner"]


def test_one_module_of_cms_half_starts_processes():
    assert [path.stem for path in CMS_HALF if "subprocess" in imports(path)] == ["processes"]


def test_one_module_of_airflows_half_talks_to_mongodb():
    assert [path.stem for path in AIRFLOWS_HALF if "pymongo" in imports(path)] == ["inventory"]


def test_one_module_of_cms_half_reads_the_configuration():
    # The variable that names the file is what a second reader would need.
    assert [path.stem for path in CMS_HALF if "CLOUDMESH_CONFIG" in strings(path)] == ["config"]
