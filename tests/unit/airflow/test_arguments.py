"""The words after cms, and the names of VMs."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from cloudmesh_airflow import arguments
from cloudmesh_airflow.failures import BadArgument
from cloudmesh_airflow.provider import get_provider_info


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("web", ["web"]),
        (" web1, db ", ["web1", "db"]),
        ("web[1-3],db", ["web1", "web2", "web3", "db"]),
        ("n[08-10]", ["n08", "n09", "n10"]),
        ("a[1-2]b[1-2]", ["a1b1", "a1b2", "a2b1", "a2b2"]),
        ("web[1,3,08-10]x,db", ["web1x", "web3x", "web08x", "web09x", "web10x", "db"]),
        (["web", "web", "db[1-2]"], ["web", "db1", "db2"]),
        ([{"name": "web", "cloud": "aws"}], ["web"]),
        ("", []),
    ],
)
def test_names_are_taken_in_every_form(given, names):
    assert arguments.names_of(given) == names


@pytest.mark.parametrize("given", [None, "", [], " , "])
def test_no_name_is_never_every_vm(given):
    with pytest.raises(BadArgument, match="none is ever guessed"):
        arguments.some_names(given)


@pytest.mark.parametrize(
    "given",
    [
        "web[",
        "web]",
        "web[]",
        "web[a-b]",
        "web[1-]",
        "web[3-1]",
        "web[[1]]",
        "web[1-2",
        "web[\u0661]",
        "a]b[1]",
    ],
)
def test_a_bracket_that_cms_would_refuse_is_no_name(given):
    with pytest.raises(BadArgument, match="names: "):
        arguments.names_of(given)


@pytest.mark.parametrize("given", ["web[1-999999999]", "a[1-999]b[1-999]"])
def test_more_names_than_anybody_means_are_refused(given):
    with pytest.raises(BadArgument, match="100000"):
        arguments.names_of(given)


def test_what_names_nothing_is_refused():
    with pytest.raises(BadArgument, match="names: 7"):
        arguments.names_of(7)


def test_a_task_instance_has_one_name_for_ever_and_no_other_has_it():
    first = arguments.default_name("my_dag", "manual__2026-11-21T08:00:00+00:00", "boot")
    assert first == arguments.default_name("my_dag", "manual__2026-11-21T08:00:00+00:00", "boot")
    others = {
        arguments.default_name("my_dag", "manual__2026-11-22T08:00:00+00:00", "boot"),
        arguments.default_name("my_dag", "manual__2026-11-21T08:00:00+00:00", "boot2"),
        arguments.default_name("my_dag", "manual__2026-11-21T08:00:00+00:00", "boot", 1),
        arguments.default_name("dag", "manual__2026-11-21T08:00:00+00:00", "boot"),
    }
    assert len(others | {first}) == 5


@pytest.mark.parametrize("dag_id", ["x" * 250, "ä", "Data.Team/DAG", "-", "9"])
def test_a_derived_name_is_one_that_every_cloud_takes(dag_id):
    name = arguments.default_name(dag_id, "run", "group.a_very_long_task_name_indeed" * 3)
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,61}[a-z0-9]", f"{name}-99")


def test_options_that_say_nothing_are_left_out():
    words = arguments.vm("boot", name="web", image="", key=None, public=True, dryrun=False, n=0)
    assert words == ["vm", "boot", "--output=json", "--name=web", "--public", "--n=0"]


def test_an_option_cannot_smuggle_another():
    with pytest.raises(BadArgument, match="not an option"):
        arguments.vm("boot", **{"group=x --public": "y"})


@pytest.mark.parametrize("moment", ["tomorrow", "2026-13-01", "5"])
def test_a_deadline_that_is_no_moment_is_refused(moment):
    with pytest.raises(BadArgument, match="give ISO 8601"):
        arguments.deadline(moment, None)


def test_a_deadline_has_a_time_zone():
    assert arguments.deadline("2027-01-31T18:00", None) == "2027-01-31T18:00:00+00:00"
    before = datetime.now(UTC).replace(microsecond=0)
    after = datetime.fromisoformat(arguments.deadline("", timedelta(hours=1)))
    assert before + timedelta(hours=1) <= after <= datetime.now(UTC) + timedelta(hours=1)
    with pytest.raises(BadArgument, match="one of them"):
        arguments.deadline("2027-01-31", 5)


def test_the_provider_is_as_airflow_wants_it():
    import json
    from importlib.resources import files

    import jsonschema
    from airflow.sdk.module_loading import import_string

    schema = json.loads((files("airflow") / "provider_info.schema.json").read_text())
    info = get_provider_info()
    jsonschema.validate({**info, "task-decorators": []}, schema)
    modules = [one for kind in ("operators", "sensors", "triggers", "hooks") for one in info[kind]]
    for name in [name for entry in modules for name in entry["python-modules"]]:
        import_string(f"{name}.__doc__")
    (decorator,) = info["task-decorators"]
    (connection,) = info["connection-types"]
    assert import_string(decorator["class-name"]).__name__ == "cms_task"
    assert import_string(connection["hook-class-name"]).conn_type == connection["connection-type"]
