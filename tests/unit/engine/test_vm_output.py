"""What `cms vm` prints, what it costs, and what it never shows."""

import csv
import io
import json
import re
import time
from ipaddress import ip_address, ip_network
from pathlib import Path

import cloudmesh.vm.command
import pytest
import yaml

from cloudmesh_engine.commands.vm_manual import MANUAL

from .conftest import CANARY, OWNER, PATIENCE, SOON, Cms, Ec2

UPSTREAM = Path(next(iter(cloudmesh.vm.command.__path__))) / "vm.py"


def test_every_usage_line_of_upstream_is_in_the_manual() -> None:
    usage = UPSTREAM.read_text().partition("Usage:")[2].partition("Arguments:")[0]
    ours = MANUAL.partition("Arguments:")[0]
    for line in re.split(r"\n\s+(?=vm )", usage):
        verb = re.match(r"(vm \w+(?: (?:assign|show|inventory|list|set|delete)\b)?)", line.strip())
        if verb:
            (own,) = [one for one in re.split(r"\n\s+(?=vm )", ours) if one.startswith(verb[1])][:1]
            missing = set(re.findall(r"--[\w-]+|\b[A-Z]{2,}\b", line)) - set(
                re.findall(r"--[\w-]+|\b[A-Z]{2,}\b", own)
            )
            assert not missing, verb[1]


def test_every_format_holds_the_same_vms(cms_aws: Cms, ec2: Ec2) -> None:
    ec2.make("web db")
    cms_aws("vm", "list", "--refresh")
    from_json = json.loads(cms_aws("vm", "list", "--output=json").stdout)
    from_yaml = yaml.safe_load(cms_aws("vm", "list", "--output=yaml").stdout)
    from_csv = list(csv.DictReader(io.StringIO(cms_aws("vm", "list", "--output=csv").stdout)))
    table = cms_aws("vm", "list").stdout
    assert from_json == from_yaml
    assert [row["name"] for row in from_json] == [row["name"] for row in from_csv] == ["db", "web"]
    assert [row["instance_id"] for row in from_json] == [row["instance_id"] for row in from_csv]
    assert all(row["instance_id"] in table for row in from_json)


def test_documents_have_upstreams_shape(cms_aws: Cms, ec2: Ec2) -> None:
    done = cms_aws(
        "vm", "boot", "--name=web", "--run=run-1", "--deadline=2027-01-01T00:00:00Z",
        "--label=front", "--group=blue", "--username=admin", "--output=json",
    )  # fmt: skip
    (booted,) = json.loads(done.stdout)
    assert booted["action"] == "created"
    (row,) = json.loads(cms_aws("vm", "list", "--output=json").stdout)
    names = ("kind", "cloud", "name", "label", "group", "status")
    assert [row["cm"][name] for name in names] == [
        "vm", "aws", "web", "front", "blue", "running",
    ]  # fmt: skip
    assert (row["username"], row["run"]) == ("admin", "run-1")
    (instance,) = ec2.instances()
    tags = {pair["Key"]: pair["Value"] for pair in instance["Tags"]}
    assert tags == {
        "Name": "web", "cm-name": "web", "cm-owner": OWNER, "cm-run": "run-1",
        "cm-deadline": "2027-01-01T00:00:00Z", "cm-label": "front", "cm-group": "blue",
        "cm-username": "admin",
    }  # fmt: skip
    assert row["public_ips"] == [instance["PublicIpAddress"]]


def test_a_vm_can_be_named_by_its_id(cms_aws: Cms, ec2: Ec2) -> None:
    ec2.make("web ~db")
    ids = {ec2.word(one): one["InstanceId"] for one in ec2.instances()}
    assert cms_aws("vm", "delete", ids["~db"]).returncode == 5
    assert cms_aws("vm", "delete", ids["web"]).returncode == 0
    assert ec2.words() == "~db"


def test_no_vm_of_the_sandbox_has_the_address_of_a_stranger(cms_aws: Cms, ec2: Ec2) -> None:
    (booted,) = json.loads(cms_aws("vm", "boot", "--name=web", "--output=json").stdout)
    (address,) = booted["public_ips"]
    assert ip_address(address) in ip_network("198.18.0.0/15")


def test_the_state_after_an_action_is_in_the_inventory(cms_aws: Cms, ec2: Ec2) -> None:
    cms_aws("vm", "boot", "--name=web")
    for verb, state in (("stop", "stopped"), ("start", "running")):
        (told,) = json.loads(cms_aws("vm", verb, "web", "--output=json").stdout)
        (kept,) = json.loads(cms_aws("vm", "list", "--output=json").stdout)
        assert (told["status"], kept["status"]) == (state, state)
    assert cms_aws("vm", "delete", "web").returncode == 0
    assert json.loads(cms_aws("vm", "list", "--output=json").stdout) == []
    again = cms_aws("vm", "delete", "web", "--output=json")
    assert json.loads(again.stdout)[0]["action"] == "already deleted"


def test_what_need_not_be_there_is_no_record(cms_aws: Cms, ec2: Ec2) -> None:
    ec2.make("web")
    told = cms_aws("vm", "delete", "nosuch,web", "--missing-ok", "--output=json")
    assert [entry["name"] for entry in json.loads(told.stdout)] == ["web"]
    assert told.stderr == "cms: note: no VM named nosuch on aws\n"


def test_a_dry_run_writes_nothing(cms_aws: Cms, ec2: Ec2) -> None:
    owner = cms_aws.root / "state/owner"
    owner.unlink()
    plan = cms_aws("vm", "boot", "--name=web[1-2]", "--dryrun", "--output=json")
    assert [entry["action"] for entry in json.loads(plan.stdout)] == ["would create"] * 2
    assert not owner.exists()
    assert (ec2.words(), cms_aws("vm", "list", "--output=json").stdout) == ("", "[]\n")


def test_commands_at_once_agree_on_the_owner(cms_aws: Cms, ec2: Ec2) -> None:
    (cms_aws.root / "state/owner").unlink()
    running = [cms_aws.start("vm", "boot", f"--name=web{number}") for number in range(4)]
    for process in running:
        process.communicate(timeout=PATIENCE)
    assert [process.returncode for process in running] == [0] * 4
    tags = [pair for one in ec2.instances() for pair in one["Tags"] if pair["Key"] == "cm-owner"]
    assert len({pair["Value"] for pair in tags}) == 1
    assert sorted(path.name for path in (cms_aws.root / "state").iterdir()) == ["owner", "ssh"]


def test_no_secret_is_shown(cms_aws: Cms, ec2: Ec2) -> None:
    secrets = ["canary-access-0451", "canary-secret-0451"]
    file = cms_aws.root / "cloudmesh.yaml"
    text = file.read_text().replace("sandbox-access-id", secrets[0])
    file.write_text(text.replace(CANARY, secrets[1]))
    secrets.append((cms_aws.root / "secrets/mongo_password").read_text().strip())
    shown = ""
    for words in (
        ["boot", "--name=web"], ["boot", "--name=canary-secret-0451", "--dryrun"], ["list"],
        ["info", "web", "--output=json"], ["delete", "nosuch"], ["delete", "web"],
    ):  # fmt: skip
        for environ in ({}, {"CLOUDMESH_SANDBOX_AWS": "http://127.0.0.1:9"}):
            result = cms_aws("vm", *words, CLOUDMESH_DEBUG="1", **environ)
            shown += result.stdout + result.stderr
    assert "Traceback" in shown
    assert not [secret for secret in secrets if secret in shown]


@pytest.mark.parametrize("words", [["list", "--refresh"], ["boot", "--name=web"], ["stop", "web"]])
def test_a_cloud_that_does_not_answer_is_a_dependency(cms_aws: Cms, words: list[str]) -> None:
    result = cms_aws("vm", *words, CLOUDMESH_SANDBOX_AWS="http://127.0.0.1:9")
    assert result.returncode == 4
    assert "AWS does not answer" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [["boot", "--name=web"], ["list"], ["delete", "web"]])
def test_without_mongo_nothing_is_done(cms_aws: Cms, ec2: Ec2, words: list[str]) -> None:
    ec2.make("web")
    begin = time.monotonic()
    result = cms_aws("vm", *words, CLOUDMESH_MONGO_PORT="9")
    assert time.monotonic() - begin < SOON
    assert (result.returncode, ec2.words()) == (4, "web")
    assert "MongoDB at 127.0.0.1:9 does not answer" in result.stderr


def test_the_inventory_is_listed_without_an_sdk(cms_aws: Cms) -> None:
    result = cms_aws("vm", "list", PYTHONPROFILEIMPORTTIME="1")
    imported = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert "pymongo" in imported
    assert not imported & {"boto3", "botocore", "cloudmesh.common", "openstack"}
    # Nor with what pymongo imports in vain, nor with the other verbs.
    assert not imported & {"cryptography", "pymongo.asynchronous.pool", "tabulate"}
    assert not imported & {"cloudmesh_engine.ssh", "cloudmesh_engine.booting"}
