"""docs/operators.md says what the operators are."""

import importlib.util
from pathlib import Path

import pytest
from airflow.sdk import DAG

from cloudmesh_airflow import assets, lifespan

ROOT = Path(__file__).parents[3]
_spec = importlib.util.spec_from_file_location("operator_docs", ROOT / "scripts/operator_docs.py")
docs = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(docs)


def test_the_page_is_current():
    again = ".run/venvs/dev/bin/python scripts/operator_docs.py"
    assert docs.PAGE.read_text() == docs.page(), f"run {again}"


def test_every_operator_is_on_the_page():
    made = set()
    for path in (ROOT / "src/cloudmesh_airflow").rglob("*.py"):
        for line in path.read_text().splitlines():
            name = line.removeprefix("class Cloudmesh").partition("(")[0]
            if line.startswith("class Cloudmesh") and name.endswith(("Operator", "Sensor")):
                made.add(f"Cloudmesh{name}")
    assert made - {"CloudmeshOperator"} <= set(docs.EXAMPLES)
    assert {cls.__name__ for cls in docs.operators()} == made - {"CloudmeshOperator"}


@pytest.mark.parametrize("cls", docs.operators(), ids=lambda cls: cls.__name__)
def test_every_parameter_is_explained_and_no_other(cls):
    given = docs.parameters(cls)
    assert [name for name, (_, what) in given.items() if not what] == []
    for base in cls.__mro__:
        if base.__module__.startswith("cloudmesh_airflow"):
            assert set(docs.documented(base)[1]) <= set(given), base


@pytest.mark.parametrize("name", sorted(docs.EXAMPLES.keys() - {"asset"}))
def test_every_example_makes_a_dag(name):
    known = {cls.__name__: cls for cls in docs.operators()}
    known |= {"vm": lifespan.vm, "task": _Task}
    with DAG("example", schedule=None) as dag:
        known["boot"] = known["CloudmeshVmBootOperator"](task_id="first", n=1)
        exec(docs.EXAMPLES[name], known)
        if name == "@task.cms":
            known["look"]()
    assert len(dag.tasks) > 1


def test_the_example_of_an_asset_makes_a_dag_that_waits_for_it():
    known = {"asset": assets.asset, "DAG": DAG}
    exec(docs.EXAMPLES["asset"], known)
    assert known["process"].timetable.asset_condition == assets.asset("azure:runs")


class _Task:
    """Airflow's `task` knows our decorator only where the provider is installed."""

    @staticmethod
    def cms(**given):
        from cloudmesh_airflow.decorators.cms import cms_task

        return cms_task(**given)
