"""`cms init`: ready after one run, unchanged by the next, and nothing dropped by accident."""

import copy
import json
import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pymongo.database import Database

from cloudmesh_engine import config, keys, mongo

from .conftest import CANARY, OWNER, PATIENCE, SOON, Cms, Ec2, Faults, Result

OURS = [{"Key": "cm-owner", "Value": OWNER}]
SSH = "tcp 22-22 0.0.0.0/0"
NEW = {
    "local index": "added",
    "local key": "added",
    "aws index": "added",
    "aws upload": "added",
    "aws group": "added",
    "aws images": "0 unchanged",
    "aws flavors": "7 stored",
}
THERE = dict.fromkeys(NEW, "already there") | {
    "aws images": "0 unchanged",
    "aws flavors": "7 unchanged",
}


@pytest.fixture
def cms(cms_aws: Cms) -> Iterator[Cms]:
    """`cms` whose catalogue has few flavors: the stand-in takes milliseconds for each."""
    server = mongo.server(config.load(cms_aws.environ))
    cms_aws.catalogue(flavors="t2.*")
    yield cms_aws
    mongo.client(server).close()


def actions(result: Result) -> dict[str, str]:
    return {f"{row['cloud']} {row['step']}": row["action"] for row in json.loads(result.stdout)}


def init(cms: Cms, *words: str) -> dict[str, str]:
    result = cms("init", *words, "--output=json")
    assert (result.returncode, result.stderr) == (0, "")
    return actions(result)


def edit(cms: Cms, change: Callable[[dict[str, Any]], object]) -> None:
    file = cms.root / "cloudmesh.yaml"
    content = yaml.safe_load(file.read_text())
    change(content["cloudmesh"])
    file.write_text(yaml.safe_dump(content))


def database(cms: Cms) -> Database[dict[str, Any]]:
    server = mongo.server(config.load(cms.environ))
    return mongo.client(server)[server.database]


def listed(cms: Cms, *words: str) -> list[dict[str, Any]]:
    result = cms(*words, "list", "--output=json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_a_repeated_init_changes_nothing(cms: Cms, ec2: Ec2) -> None:
    assert init(cms) == NEW
    state = str([ec2.client.describe_key_pairs()["KeyPairs"], ec2.groups("cloudmesh")])
    assert init(cms) == init(cms, "aws") == THERE
    assert str([ec2.client.describe_key_pairs()["KeyPairs"], ec2.groups("cloudmesh")]) == state


def test_after_init_the_first_vm_boots_with_key_and_group(cms: Cms, ec2: Ec2) -> None:
    init(cms)
    (key,) = ec2.client.describe_key_pairs(IncludePublicKey=True)["KeyPairs"]
    own = (cms.root / "state/ssh/id_rsa.pub").read_text().split()
    assert (key["KeyName"], key["PublicKey"].split()[:2], key["Tags"]) == (
        "cloudmesh", own[:2], OURS,
    )  # fmt: skip
    (group,) = ec2.client.describe_security_groups(GroupNames=["cloudmesh"])["SecurityGroups"]
    assert (group["Tags"], ec2.groups("cloudmesh")) == (OURS, [SSH])
    assert cms("vm", "boot", "--name=web").returncode == 0
    (vm,) = ec2.instances()
    assert (vm["KeyName"], vm["SecurityGroups"][0]["GroupId"]) == ("cloudmesh", group["GroupId"])


def test_the_catalogue_is_listed_without_the_cloud(cms: Cms, ec2: Ec2) -> None:
    image(ec2, "my image")
    assert init(cms)["aws images"] == "1 stored"
    cms.environ["CLOUDMESH_SANDBOX_AWS"] = "http://127.0.0.1:9"
    assert [entry["cm"]["name"] for entry in listed(cms, "image")] == ["my image"]
    assert len(listed(cms, "flavor")) == 7
    assert "my image" in cms("image", "list").stdout
    row = r"\| t2.micro +\| t2 +\| +1 \| 1 GiB"
    assert re.search(row, cms("flavor", "list").stdout)


def image(ec2: Ec2, name: str) -> str:
    """Make an image of our own."""
    if not ec2.instances():
        ec2.make("~base")
    (base,) = ec2.instances()
    return ec2.client.create_image(InstanceId=base["InstanceId"], Name=name)["ImageId"]


def test_the_catalogue_follows_the_cloud(cms: Cms, ec2: Ec2) -> None:
    old, _ = image(ec2, "old"), image(ec2, "new")
    assert init(cms)["aws images"] == "2 stored"
    ec2.client.deregister_image(ImageId=old)
    assert init(cms)["aws images"] == "1 stored"
    assert [entry["name"] for entry in listed(cms, "image")] == ["new"]
    assert init(cms)["aws images"] == "1 unchanged"


def test_an_entry_that_upstream_stored_is_replaced(cms: Cms, ec2: Ec2) -> None:
    label = {"kind": "flavor", "cloud": "aws", "name": "t2.micro"}
    database(cms)["aws-flavor"].insert_one({"cm": label, "name": "t2.micro"})
    init(cms)
    assert len(listed(cms, "flavor")) == 7


def test_four_at_once_agree(cms: Cms, ec2: Ec2) -> None:
    running = [cms.start("init", "--output=json") for _ in range(4)]
    ended = [(*process.communicate(timeout=PATIENCE), process.returncode) for process in running]
    assert [code for *_, code in ended] == [0] * 4, ended
    told = [{row["step"]: row["action"] for row in json.loads(out)} for out, *_ in ended]
    assert [one["upload"] for one in told].count("added") == 1
    assert [one["key"] for one in told].count("added") == 1
    assert ec2.groups("cloudmesh") == [SSH]
    assert len(ec2.client.describe_key_pairs()["KeyPairs"]) == 1
    assert len(listed(cms, "flavor")) == 7
    assert len(listed(cms, "key")) == 1


def test_a_dry_run_changes_nothing(cms: Cms, ec2: Ec2, faults: Faults) -> None:
    (cms.root / "state/owner").unlink()
    told = init(cms, "--dryrun")
    assert set(told.values()) == {"would add", "would refresh"}
    assert {action[:8] for action in faults.actions()} == {"Describe"}
    assert database(cms).list_collection_names() == []
    assert not (cms.root / "state/owner").exists()
    init(cms)
    assert set(init(cms, "--dryrun").values()) == {"already there", "would refresh"}


def test_the_calls_are_few_and_none_asks_for_every_image(
    cms: Cms, ec2: Ec2, faults: Faults
) -> None:
    init(cms)
    calls = faults.log()
    assert len(calls) <= 16
    for call in calls:
        asked = call["parameters"]
        if call["action"] == "DescribeImages":
            assert asked.get("Owner.1") == "self" or {"name", "image-id"} & set(asked.values())
        if call["action"] == "DescribeInstanceTypes":
            assert "Filter.1.Name" in asked


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("nosuch", 2, "nosuch: no such cloud: cloudmesh.yaml knows aws"),
        ("aws; touch marker", 2, "no such cloud"),
        ("nimbus", 3, "not supported yet for clouds of kind nimbus: use one of aws"),
        ("yaml", 3, "config/cloudmesh.yaml is the template"),
        ("--debug", 3, "CLOUDMESH_DEBUG=1"),
        ("--force", 2, "goes with --drop only"),
        ("--output=nope", 2, "use table, json, yaml or csv"),
        ("--nope", 2, "wrong usage"),
    ],
)
def test_a_wrong_command_changes_nothing(
    cms: Cms, ec2: Ec2, words: str, code: int, says: str
) -> None:
    result = cms("init", words)
    assert (result.returncode, result.stdout) == (code, "")
    assert says in result.stderr
    assert database(cms).list_collection_names() == []
    assert not (cms.root / "work/marker").exists()


def test_without_mongo_no_cloud_is_asked(cms: Cms, faults: Faults) -> None:
    begin = time.monotonic()
    result = cms("init", "--output=json", CLOUDMESH_MONGO_PORT="9")
    assert time.monotonic() - begin < SOON
    assert result.returncode == 4
    assert result.stderr.count("\n") == 1
    assert "MongoDB at 127.0.0.1:9 does not answer" in result.stderr
    assert actions(result) == {"local index": "failed"}
    assert faults.actions() == []


def test_bad_credentials_are_a_dependency(cms: Cms, ec2: Ec2, faults: Faults) -> None:
    faults.script(
        {"action": "*", "fault": "error", "nth": "every", "status": 401, "code": "AuthFailure"}
    )
    result = cms("init", "--output=json")
    assert result.returncode == 4
    assert "check EC2_ACCESS_ID" in result.stderr
    assert result.stderr.count("\n") == 1
    there = {key: value for key, value in NEW.items() if key.split()[1] in ("index", "key")}
    assert actions(result) == there | {"aws upload": "failed"}
    faults.script()
    assert cms("init").returncode == 0


def test_a_step_that_fails_hinders_no_other(cms: Cms, ec2: Ec2, faults: Faults) -> None:
    faults.script(
        {"action": "CreateSecurityGroup", "fault": "error", "nth": "every", "status": 400,
         "code": "SecurityGroupLimitExceeded"}
    )  # fmt: skip
    result = cms("init", "--output=json")
    assert result.returncode == 1
    assert "SecurityGroupLimitExceeded" in result.stderr
    assert actions(result) == NEW | {"aws group": "failed"}


def test_a_cloud_that_fails_hinders_no_other(cms: Cms, ec2: Ec2) -> None:
    def add_dead(content: dict[str, Any]) -> None:
        dead = copy.deepcopy(content["cloud"]["aws"])
        dead["credentials"]["endpoint"] = "http://127.0.0.1:9"
        content["cloud"] = {"dead": dead, **content["cloud"]}

    edit(cms, add_dead)
    result = cms("init", "--output=json")
    assert result.returncode == 4
    assert "AWS does not answer" in result.stderr
    dead = {"dead index": "added", "dead upload": "failed"}
    assert actions(result) == NEW | dead
    assert init(cms, "aws") == THERE


def test_a_key_that_the_user_stored_is_the_one_uploaded(cms: Cms, ec2: Ec2, tmp_path: Path) -> None:
    keys.ensure_key_pair(tmp_path / "mine")
    mine = tmp_path / "mine/id_rsa.pub"
    assert cms("key", "add", "cloudmesh", f"--source={mine}").returncode == 0
    assert init(cms) == NEW | {"local key": "already there"}
    (key,) = ec2.client.describe_key_pairs(IncludePublicKey=True)["KeyPairs"]
    assert key["PublicKey"].split()[:2] == mine.read_text().split()[:2]


def test_our_key_is_stored_as_upstream_does(cms: Cms, ec2: Ec2) -> None:
    init(cms)
    (ours,) = listed(cms, "key")
    assert cms("key", "delete", "cloudmesh").returncode == 0
    assert cms("key", "add").returncode == 0
    (theirs,) = listed(cms, "key")
    for record in (ours, theirs):
        # Where the file is, and whose it is, differs.
        for word in ("path", "uri", "location", "profile"):
            record.pop(word)
        record["cm"] = {key: record["cm"][key] for key in ("kind", "cloud", "name")}
    assert ours == theirs


def test_a_stranger_under_our_keys_name_is_refused(cms: Cms, ec2: Ec2) -> None:
    ec2.client.create_key_pair(KeyName="cloudmesh")
    result = cms("init", "--output=json")
    assert result.returncode == 5
    assert "another key is named 'cloudmesh' on aws" in result.stderr
    assert actions(result) == NEW | {"aws upload": "failed"}


def test_a_foreign_group_is_used_as_it_is(cms: Cms, ec2: Ec2) -> None:
    made = ec2.client.create_security_group(GroupName="cloudmesh", Description="theirs")
    assert init(cms)["aws group"] == "already there, not ours"
    assert cms("vm", "boot", "--name=web").returncode == 0
    (vm,) = ec2.instances()
    assert vm["SecurityGroups"][0]["GroupId"] == made["GroupId"]
    (group,) = ec2.client.describe_security_groups(GroupIds=[made["GroupId"]])["SecurityGroups"]
    assert (group["IpPermissions"], group.get("Tags", [])) == ([], [])


def test_a_group_that_was_narrowed_stays_narrow(cms: Cms, ec2: Ec2) -> None:
    init(cms)
    world = {"GroupName": "cloudmesh", "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
    ec2.client.authorize_security_group_ingress(**world, CidrIp="10.1.2.3/32")
    ec2.client.revoke_security_group_ingress(**world, CidrIp="0.0.0.0/0")
    assert init(cms)["aws group"] == "already there"
    assert cms("vm", "boot", "--name=web").returncode == 0
    assert ec2.groups("cloudmesh") == ["tcp 22-22 10.1.2.3/32"]


def test_a_group_without_rules_was_interrupted(cms: Cms, ec2: Ec2, faults: Faults) -> None:
    faults.script(
        {"action": "AuthorizeSecurityGroupIngress", "fault": "error", "nth": "every",
         "status": 500, "code": "InternalError"}
    )  # fmt: skip
    assert cms("init").returncode == 4
    assert ec2.groups("cloudmesh") == []
    faults.script()
    assert init(cms)["aws group"] == "added"
    assert ec2.groups("cloudmesh") == [SSH]


def test_a_section_without_a_group_gets_the_usual_one(cms: Cms, ec2: Ec2) -> None:
    edit(cms, lambda content: content["cloud"]["aws"]["credentials"].pop("EC2_SECURITY_GROUP"))
    assert init(cms) == NEW
    assert ec2.groups("cloudmesh") == [SSH]


def test_a_group_that_was_asked_for_is_not_made(cms: Cms, ec2: Ec2) -> None:
    edit(cms, lambda content: content["cloud"]["aws"]["default"].update(secgroup="special"))
    result = cms("vm", "boot", "--name=web")
    assert (result.returncode, ec2.words()) == (1, "")
    assert "no security group 'special' on aws" in result.stderr
    ec2.client.create_security_group(GroupName="special", Description="theirs")
    assert cms("vm", "boot", "--name=web").returncode == 0
    assert ec2.instances()[0]["SecurityGroups"][0]["GroupName"] == "special"
    assert ec2.groups("cloudmesh") == []


def test_a_boot_that_gets_no_group_gives_its_name_back(cms: Cms, ec2: Ec2, faults: Faults) -> None:
    faults.script(
        {"action": "CreateSecurityGroup", "fault": "error", "nth": "every", "status": 400,
         "code": "SecurityGroupLimitExceeded"}
    )  # fmt: skip
    assert cms("vm", "boot", "--name=web").returncode == 1
    assert faults.launches() == []
    faults.script()
    assert cms("vm", "boot", "--name=web", "--flavor=t2.small").returncode == 0
    assert ec2.words() == "web"


@pytest.mark.parametrize(
    "rule",
    [
        {"action": "CreateSecurityGroup", "fault": "lose-reply"},
        {"action": "AuthorizeSecurityGroupIngress", "fault": "repeat"},
        # A new group may be unknown for a while.
        {"action": "DescribeSecurityGroups", "nth": 2, "times": 2, "fault": "error",
         "status": 400, "code": "InvalidGroup.NotFound"},
    ],
    ids=lambda rule: f"{rule['action']} {rule['fault']}",
)  # fmt: skip
def test_a_group_is_made_through_a_bad_moment(
    cms: Cms, ec2: Ec2, faults: Faults, rule: dict[str, Any]
) -> None:
    faults.script(rule)
    result = cms("vm", "boot", "--name=web")
    assert (result.returncode, ec2.words()) == (0, "web"), result.stderr
    assert ec2.groups("cloudmesh") == [SSH]


def test_the_manual_is_ours(cms: Cms) -> None:
    assert "--drop" in cms("help", "init").stdout
    assert cms("init", "--help").stdout.startswith("Usage:")


def filled(cms: Cms) -> list[str]:
    """Fill the database, with a collection of somebody else too; name the others."""
    assert cms("vm", "boot", "--name=web[1-2]").returncode == 0
    init(cms)
    database(cms)["somebody-elses"].insert_one({"a": 1})
    return sorted(set(database(cms).list_collection_names()) - {"somebody-elses"})


def test_drop_asks_and_without_a_terminal_refuses(cms: Cms, ec2: Ec2) -> None:
    names = filled(cms)
    result = cms("init", "--drop")
    assert (result.returncode, result.stdout) == (5, "")
    assert "there is no terminal: add --force" in result.stderr
    assert "2 VMs of this appliance go on running" in result.stderr
    assert result.stderr.count("\n") == 1
    assert set(names) < set(database(cms).list_collection_names())
    assert len(listed(cms, "vm")) == 2


def test_a_forced_drop_forgets_ours_and_touches_no_cloud(cms: Cms, ec2: Ec2) -> None:
    names = filled(cms)
    assert {"ledger", "local-key", "aws-vm", "aws-flavor"} <= set(names)
    result = cms("init", "--drop", "--force", "--output=json")
    assert result.returncode == 0, result.stderr
    dropped = [row["name"] for row in json.loads(result.stdout) if row["step"] == "drop"]
    assert dropped == names
    assert actions(result).items() >= {
        ("local key", "added"), ("aws upload", "already there"), ("aws flavors", "7 stored"),
    }  # fmt: skip
    assert database(cms)["somebody-elses"].count_documents({}) == 1
    assert (ec2.words(), listed(cms, "vm")) == ("web1 web2", [])
    assert cms("vm", "list", "--refresh").returncode == 0
    assert len(listed(cms, "vm")) == 2
    assert cms("vm", "boot", "--name=web[1-2]").returncode == 0
    assert ec2.words() == "web1 web2"


def test_a_dry_drop_drops_nothing(cms: Cms, ec2: Ec2) -> None:
    names = filled(cms)
    told = init(cms, "--drop", "--dryrun")
    assert told["local drop"] == "would drop"
    assert set(names) < set(database(cms).list_collection_names())


@pytest.mark.parametrize(("right", "code"), [(True, 0), (False, 5)])
def test_the_question_wants_the_databases_name(cms: Cms, ec2: Ec2, right: bool, code: int) -> None:
    filled(cms)
    name = database(cms).name
    shown, status = at_a_terminal(cms, name if right else "yes")
    assert status == code, shown
    assert f"Type {name} to go on: " in shown
    assert ("nothing was dropped" in shown) is not right
    assert len(listed(cms, "vm")) == (0 if right else 2)


def at_a_terminal(cms: Cms, answer: str) -> tuple[str, int]:
    ours, theirs = pty.openpty()
    code = "from cloudmesh_engine.launcher import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "init", "--drop"],
        env=cms.environ, cwd=cms.root / "work", stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    while b"to go on: " not in shown:
        shown += os.read(ours, 4096)
    os.write(ours, answer.encode() + b"\n")
    try:
        while piece := os.read(ours, 4096):
            shown += piece
    except OSError:
        pass  # how a terminal says that the other end is closed
    os.close(ours)
    return shown.decode(), process.wait(PATIENCE)


def test_no_secret_is_shown(cms: Cms, ec2: Ec2) -> None:
    assert CANARY in (cms.root / "cloudmesh.yaml").read_text()
    shown = ""
    for environ in ({}, {"CLOUDMESH_SANDBOX_AWS": "http://127.0.0.1:9"}):
        result = cms("init", CLOUDMESH_DEBUG="1", **environ)
        shown += result.stdout + result.stderr
    assert "Traceback" in shown
    assert CANARY not in shown
    assert (cms.root / "secrets/mongo_password").read_text().strip() not in shown
