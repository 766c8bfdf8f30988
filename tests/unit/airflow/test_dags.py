"""The DAG files, parsed as Airflow's DAG processor does."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


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
                "PYTHONPATH": str(ROOT / "src"),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()[-1]

    return run


def test_every_dag_parses_and_is_described(parse):
    program = """
        assert not bag.import_errors, bag.import_errors
        for dag in bag.dags.values():
            assert dag.doc_md and dag.tags and dag.catchup is False, dag.dag_id
            assert all(task.retries for task in dag.tasks), dag.dag_id
        print(*sorted(bag.dags))
    """
    assert parse(ROOT / "dags", program) == "hello_cloudmesh office_hours"


def test_a_broken_file_is_shown_and_hides_no_other(parse, tmp_path):
    folder = tmp_path / "dags"
    folder.mkdir()
    (folder / "hello_cloudmesh.py").write_text((ROOT / "dags/hello_cloudmesh.py").read_text())
    (folder / "broken.py").write_text("from airflow.sdk import dag\n1 / 0\n")
    program = """
        (error,) = bag.import_errors.values()
        assert "ZeroDivisionError" in error
        print(*bag.dags)
    """
    assert parse(folder, program) == "hello_cloudmesh"


OFFICE_HOURS = """
    import os, sys
    os.environ["CLOUDMESH_CMS"] = {cms!r}
    dag = bag.dags["office_hours"]
    assert not dag.is_paused_upon_creation and dag.max_active_runs == 1
    (apply,) = dag.tasks
    try:
        print(apply.python_callable())
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
        ("raise SystemExit(1)", "CmsError 1"),
    ],
)
def test_office_hours_runs_cms_and_fails_with_it(parse, tmp_path, source, outcome):
    cms = tmp_path / "cms"
    cms.write_text(f"#!{sys.executable}\n{source}\n")
    cms.chmod(0o755)
    assert parse(ROOT / "dags", OFFICE_HOURS.format(cms=str(cms))) == outcome
