"""The DAG files, parsed as Airflow's DAG processor does."""

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from cloudmesh_airflow import choices, init

ROOT = Path(__file__).parents[3]
DAGS = ["aws_azure_boot", "fleet_report", "hello_cloudmesh", "move_file", "office_hours"]
DAGS += ["s3_to_azure", "storage_listing", "storage_report", "vm_boot", "vm_cleanup", "vm_delete"]
DAGS += ["vm_inventory_refresh", "vm_power", "vm_snooze"]
# Other DAG files may come to lie beside ours.
KEEP = f"dags = {{name: bag.dags[name] for name in {DAGS}}}"


@pytest.fixture
def parse(tmp_path):
    """Run a program on a DagBag in an Airflow of its own."""

    def run(folder: Path, program: str) -> str:
        source = (
            f"from airflow.dag_processing.dagbag import DagBag\nbag = DagBag({str(folder)!r})\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", source + textwrap.dedent(program)],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path),
                "AIRFLOW_HOME": str(tmp_path),
                "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
                "CLOUDMESH_CHOICES": str(tmp_path / "choices.json"),
                "PYTHONPATH": str(ROOT / "src"),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()[-1]

    return run


@pytest.fixture
def folder(tmp_path) -> Path:
    """A copy of the DAG files."""
    return Path(shutil.copytree(ROOT / "dags", tmp_path / "dags"))


def test_every_dag_parses_and_is_described(parse):
    program = """
        assert not bag.import_errors, bag.import_errors
        for dag in bag.dags.values():
            assert dag.doc_md and dag.tags and dag.catchup is False, dag.dag_id
            assert dag.owner == "cloudmesh", dag.dag_id
            assert all(task.retries for task in dag.tasks), dag.dag_id
        print(*sorted(bag.dags))
    """
    assert set(DAGS) <= set(parse(ROOT / "dags", program).split())


def test_a_broken_file_is_shown_and_hides_no_other(parse, folder):
    (folder / "broken.py").write_text("from airflow.sdk import dag\n1 / 0\n")
    program = """
        (error,) = bag.import_errors.values()
        assert "ZeroDivisionError" in error
        print(*sorted(bag.dags))
    """
    assert set(DAGS) <= set(parse(folder, program).split())


def test_two_parses_make_the_same_dag(parse):
    program = f"""
        from airflow.models.serialized_dag import SerializedDagModel
        from airflow.serialization.serialized_objects import DagSerialization
        {KEEP}
        hashes = {{
            name: SerializedDagModel.hash(DagSerialization.to_dict(dag))
            for name, dag in dags.items()
        }}
        import json; print(json.dumps(hashes, sort_keys=True))
    """
    assert parse(ROOT / "dags", program) == parse(ROOT / "dags", program)


def test_the_forms_propose_what_the_file_says(parse, tmp_path):
    content = {"clouds": ["aws"], "names": ["web1"], "flavors": ["t2.micro"], "images": ["ami-1"]}
    (tmp_path / "choices.json").write_text(json.dumps(content))
    program = """
        boot, delete = bag.dags["vm_boot"].params, bag.dags["vm_delete"].params
        print(*(boot.get_param(one).schema["examples"] for one in ("cloud", "flavor", "image")),
              delete.get_param("names").schema["examples"])
    """
    assert parse(ROOT / "dags", program) == "['aws'] ['', 't2.micro'] ['', 'ami-1'] ['web1']"


def test_unreadable_choices_are_named_with_their_line_and_hide_no_other_dag(parse, tmp_path):
    file = tmp_path / "choices.json"
    file.write_text('{\n "names": [\n  "web1",\n}\n')
    program = """
        assert set(name.split("/")[-1] for name in bag.import_errors) == {
            "vm_boot.py", "vm_delete.py", "vm_power.py", "vm_snooze.py"
        }
        for error in bag.import_errors.values():
            assert "choices.json:4: " in error, error
        print("vm_inventory_refresh" in bag.dags, "vm_cleanup" in bag.dags)
    """
    assert parse(ROOT / "dags", program) == "True True"


def test_no_file_of_ours_imports_what_a_cloud_or_a_database_needs(parse):
    heavy = "{'boto3', 'pymongo', 'requests', 'psycopg2', 'fastapi'}"
    program = f"import sys; print(sorted({heavy} & set(sys.modules) - before))"
    source = f"import sys; before = set(sys.modules); bag = DagBag({str(ROOT / 'dags')!r})\n"
    assert parse(ROOT / "benchmarks/dags", source + program) == "[]"


def test_every_pool_of_a_dag_is_made_at_the_start():
    used = set()
    for path in (ROOT / "dags").glob("*.py"):
        used |= set(re.findall(r'"?pool"?[:=] ?"(\w+)"', path.read_text()))
    # The one that is put together from a cloud's name.
    assert used <= set(init.POOLS)
    assert {f"cloud_{cloud}" for cloud in choices.CLOUDS} <= set(init.POOLS)


OFFICE_HOURS = """
    import os, sys
    os.environ["CLOUDMESH_CMS"] = {cms!r}
    dag = bag.dags["office_hours"]
    assert not dag.is_paused_upon_creation and dag.max_active_runs == 1
    try:
        print(dag.get_task({task!r}).python_callable())
    except Exception as error:
        print(type(error).__name__, error.returncode)
"""


@pytest.mark.parametrize(
    ("source", "outcome"),
    [
        (
            "import json, sys; assert sys.argv[1:] == ['fleet', 'hours', 'apply', '--output=json'];"
            "print(json.dumps([dict(cloud='aws', name='web', action='stopped', image='ami-1')]))",
            "[{'cloud': 'aws', 'name': 'web', 'action': 'stopped'}]",
        ),
        ("print('[]')", "[]"),
        ("raise SystemExit(1)", "CmsFailed 1"),
    ],
)
def test_office_hours_runs_cms_and_fails_with_it(parse, tmp_path, source, outcome):
    cms = tmp_path / "cms"
    cms.write_text(f"#!{sys.executable}\n{source}\n")
    cms.chmod(0o755)
    assert parse(ROOT / "dags", OFFICE_HOURS.format(cms=str(cms), task="apply")) == outcome
