"""What `cms vm list` asks the cloud for: our VMs, and with --all the others."""

import csv
import io
import json
from typing import Any

from .conftest import OWNER, Cms, Ec2, Faults


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
