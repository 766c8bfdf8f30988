"""Commands that need the database, against a server that speaks its protocol."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cloudmesh_engine import keys

from .conftest import PATIENCE, Cms


@pytest.fixture(scope="module")
def other_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("other key")
    keys.ensure_key_pair(directory)
    return directory / "id_rsa.pub"


def names(cms: Cms) -> list[str]:
    result = cms("key", "list", "--output=json")
    assert result.returncode == 0
    return [key["name"] for key in json.loads(result.stdout)]


def test_no_keys_is_an_empty_document(cms_db: Cms) -> None:
    assert cms_db("key", "list", "--output=json").stdout == "[]\n"
    assert cms_db("key", "list", "--output=yaml").stdout == "[]\n"
    assert cms_db("key", "list").returncode == 0


def test_key_add_takes_the_appliances_key_once(cms_db: Cms) -> None:
    first = cms_db("key", "add")
    assert (first.returncode, first.stdout, first.stderr) == (0, "", "key cloudmesh: added\n")
    again = cms_db("key", "add")
    assert (again.returncode, again.stderr) == (0, "key cloudmesh: already there\n")
    assert names(cms_db) == ["cloudmesh"]


def test_key_add_uses_the_name_and_the_file(cms_db: Cms, other_key: Path) -> None:
    assert cms_db("key", "add", "my key", f"--source={other_key}").returncode == 0
    assert cms_db("key", "add", "own", "--source=ssh").returncode == 0
    assert sorted(names(cms_db)) == ["my key", "own"]
    stored = json.loads(cms_db("key", "list", "--output=json").stdout)
    assert {key["public_key"] for key in stored} >= {other_key.read_text().strip()}


def test_another_key_under_a_known_name_is_refused(cms_db: Cms, other_key: Path) -> None:
    assert cms_db("key", "add").returncode == 0
    before = cms_db("key", "list", "--output=json").stdout
    refused = cms_db("key", "add", "cloudmesh", f"--source={other_key}")
    assert refused.returncode == 5
    assert refused.stderr.startswith("cms: key add: another key is stored as 'cloudmesh'")
    assert cms_db("key", "list", "--output=json").stdout == before


def test_four_adds_at_once_store_one_key(cms_db: Cms) -> None:
    running = [cms_db.start("key", "add") for _ in range(4)]
    told = [process.communicate(timeout=PATIENCE)[1] for process in running]
    assert [process.returncode for process in running] == [0] * 4, told
    assert sorted(told) == ["key cloudmesh: added\n"] + ["key cloudmesh: already there\n"] * 3
    assert names(cms_db) == ["cloudmesh"]


@pytest.mark.parametrize("source", ["/etc/hostname", "/nope", "/etc/passwd"])
def test_what_is_no_key_is_not_stored(cms_db: Cms, source: str) -> None:
    result = cms_db("key", "add", "x", f"--source={source}")
    assert result.returncode in (1, 2)
    assert result.stderr.startswith(f"cms: key add: {source}: ")
    assert names(cms_db) == []


def test_key_delete_is_true(cms_db: Cms) -> None:
    cms_db("key", "add")
    missing = cms_db("key", "delete", "nope")
    assert (missing.returncode, missing.stderr) == (
        1,
        "cms: key delete: no key named nope: see cms key list\n",
    )
    assert cms_db("key", "delete", "cloudmesh", "--dryrun").returncode == 0
    assert names(cms_db) == ["cloudmesh"]
    assert cms_db("key", "delete", "cloudmesh").returncode == 0
    assert names(cms_db) == []


def test_every_output_format_holds_the_same_key(cms_db: Cms) -> None:
    cms_db("key", "add")
    (from_json,) = json.loads(cms_db("key", "list", "--output=json").stdout)
    (from_yaml,) = yaml.safe_load(cms_db("key", "list", "--output=yaml").stdout)
    (row,) = csv.DictReader(io.StringIO(cms_db("key", "list", "--output=csv").stdout))
    assert from_json == from_yaml
    assert row["fingerprint"] == from_json["fingerprint"]
    assert from_json["fingerprint"] in cms_db("key", "list").stdout


def test_security_groups_can_be_loaded_and_listed(cms_db: Cms) -> None:
    assert json.loads(cms_db("sec", "group", "list", "--output=json").stdout) == []
    assert cms_db("sec", "load").returncode == 0
    groups = json.loads(cms_db("sec", "group", "list", "--output=json").stdout)
    assert [group["name"] for group in groups] == ["default", "flask"]
    assert "None" not in cms_db("sec", "group", "list").stdout


def test_vm_list_reads_the_database_without_a_cloud(cms_db: Cms) -> None:
    result = cms_db("vm", "list", "--output=json")
    assert (result.returncode, result.stdout) == (0, "[]\n")
    assert cms_db("vm", "list").returncode == 0


def test_a_cloud_that_does_not_answer_is_a_dependency(cms_db: Cms) -> None:
    endpoint = "http://127.0.0.1:9"
    result = cms_db("key", "list", "--cloud=aws", CLOUDMESH_SANDBOX_AWS=endpoint)
    assert result.returncode == 4
    assert endpoint in result.stderr
    assert "Traceback" not in result.stderr


def test_a_wrong_password_is_told_without_showing_it(cms_db: Cms) -> None:
    (cms_db.root / "secrets/mongo_password").write_text("wrong-password")
    result = cms_db("key", "list")
    assert result.returncode == 4
    assert "refuses user 'cloudmesh'" in result.stderr
    assert "wrong-password" not in result.stderr
    assert result.stderr.count("\n") == 1


def test_it_runs_without_the_development_packages(cms_db: Cms) -> None:
    code = (
        "import sys; sys.modules.update(pytest=None, ruff=None, mypy=None)\n"
        "from cloudmesh_engine.launcher import run; sys.exit(run(['key', 'list']))"
    )
    done = subprocess.run([sys.executable, "-c", code], env=cms_db.environ, check=False)
    assert done.returncode == 0
