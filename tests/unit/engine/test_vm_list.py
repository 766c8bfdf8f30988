"""What `cms vm list` asks the cloud for: our VMs, and with --all the others."""

import csv
import io
import json
from typing import Any

import pytest

from .conftest import OWNER, Cms, Ec2, Faults, free_port


def listed(cms: Cms, *words: str) -> list[dict[str, Any]]:
    result = cms("vm", "list", *words, "--output=json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_foreign_vms_are_shown_marked_and_never_kept(
    cms_aws: Cms, ec2: Ec2, faults: Faults
) -> None:
    ec2.make("web ~db ?")
    assert listed(cms_aws) == []
    shown = {row["owner"]: row["name"] for row in listed(cms_aws, "--all")}
    assert shown == {OWNER: "web", "foreign (cm-somebody-else)": "db", "foreign": ""}
    assert [row["name"] for row in listed(cms_aws)] == ["web"]
    assert len(listed(cms_aws, "--all", "--refresh")) == 3
    assert set(faults.actions()) == {"DescribeInstances"}
    assert ec2.words() == "? web ~db"


def test_every_format_has_the_owner_of_what_is_shown(cms_aws: Cms, ec2: Ec2) -> None:
    ec2.make("web ~db")
    rows = csv.DictReader(io.StringIO(cms_aws("vm", "list", "--all", "--output=csv").stdout))
    assert [(row["name"], row["owner"]) for row in rows] == [
        ("web", OWNER), ("db", "foreign (cm-somebody-else)"),
    ]  # fmt: skip
    assert "foreign (cm-somebody-else)" in cms_aws("vm", "list", "--all", "--short").stdout
    assert [row["name"] for row in listed(cms_aws, "db", "--all")] == ["db"]
    assert cms_aws("vm", "list", "db").returncode == 1


def test_many_vms_come_back_after_the_loss_of_mongo(cms_aws: Cms, ec2: Ec2) -> None:
    names = [f"web{number}" for number in range(40)]
    ec2.make(" ".join(names) + " db/stopped ~db ?")
    assert listed(cms_aws) == []
    assert cms_aws("vm", "list", "--refresh").returncode == 0
    ids = {ec2.word(one): one["InstanceId"] for one in ec2.instances()}
    ours = {one for word, one in ids.items() if word not in ("~db", "?")}
    assert {row["instance_id"] for row in listed(cms_aws)} == ours
    assert len(ours) == 41
    assert cms_aws("vm", "boot", "--name=web[0-39]").returncode == 0
    assert len(ec2.instances()) == 43


BROKEN = {
    "missing": ("aws", "{region: us-east-1}", 4, "AWS: Unable to locate credentials: check"),
    "unfinished": (
        "aws", "{EC2_ACCESS_ID: TBD, EC2_SECRET_KEY: TBD, region: xxxx}", 2, "AWS: no region",
    ),
    "silent": (
        "aws", "{region: us-east-1, EC2_ACCESS_ID: a-1234, EC2_SECRET_KEY: b-1234, "
        "endpoint: 'http://127.0.0.1:PORT'}", 4, "AWS does not answer",
    ),
    "openstack": (
        "openstack", "{auth: {auth_url: 'http://127.0.0.1:PORT/v3', username: me}}", 2,
        "credentials.auth.password is not given",
    ),
    "silent openstack": (
        "openstack", "{auth: {auth_url: 'http://127.0.0.1:PORT/v3', username: me, "
        "password: not-mine, project_name: mine}}", 4, "OpenStack does not answer",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_cloud_hinders_no_other(cms_aws: Cms, ec2: Ec2, what: str) -> None:
    kind, credentials, code, says = BROKEN[what]
    ec2.make("web")
    cms_aws.configure(
        "  cloud:\n",
        f"  cloud:\n    broken:\n      cm: {{active: true, kind: {kind}}}\n"
        f"      credentials: {credentials.replace('PORT', str(free_port()))}\n",
    )
    for command in ("list --refresh", "list --all", "status --cloud=broken,aws"):
        told = cms_aws("vm", *command.split(), "--output=json", AWS_EC2_METADATA_DISABLED="true")
        assert [row["name"] for row in json.loads(told.stdout)] == ["web"], command
        assert told.returncode == code, command
        assert told.stderr.startswith(f"cms: broken: {says}"), command
        assert told.stderr.count("\n") == 1, command


def test_a_login_that_is_refused_hinders_no_other_and_each_has_its_line(
    cms_aws: Cms, ec2: Ec2, faults: Faults
) -> None:
    """A second cloud by the proxy, which answers as AWS does to a key that has expired."""
    ec2.make("web")
    cms_aws.environ["CLOUDMESH_SANDBOX_AWS"] = ec2.address
    section = "      cm: {active: true, kind: aws}\n      credentials: {region: us-east-1, "
    keys = "EC2_ACCESS_ID: a-1234, EC2_SECRET_KEY: b-1234, endpoint: '%s'}\n"
    expired = f"    expired:\n{section}{keys % faults.address}"
    silent = f"    silent:\n{section}{keys % f'http://127.0.0.1:{free_port()}'}"
    cms_aws.configure("  cloud:\n", f"  cloud:\n{expired}{silent}")
    faults.script(
        {"action": "DescribeInstances", "nth": "every", "fault": "error", "status": 400,
         "code": "ExpiredToken", "message": "the token has expired"},
    )  # fmt: skip
    told = cms_aws("vm", "list", "--refresh", "--output=json")
    assert [row["name"] for row in json.loads(told.stdout)] == ["web"]
    assert told.returncode == 4
    first, second = told.stderr.splitlines()
    assert first.startswith("cms: expired: AWS: ")
    assert "EC2_ACCESS_ID" in first
    assert second.startswith("cms: silent: AWS does not answer")
