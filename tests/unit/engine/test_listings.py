"""Every listing in every format, and upstream's commands that work on a cloud."""

import csv
import io
import json

import pytest
import yaml

from .conftest import Cms, Ec2

LISTINGS = (
    "version", "var list", "set list", "vm list", "vm status", "vm info", "vm ip show", "key list",
    "key list --cloud=aws", "key list --source=ssh", "image list", "image list --refresh",
    "flavor list", "flavor list --refresh", "sec group list", "sec rule list", "sec list",
    "sec group list --cloud=aws", "sec rule list --cloud=aws",
)  # fmt: skip


def own_image(ec2: Ec2, name: str) -> None:
    """Make an image of our own, from a VM."""
    ec2.make("web")
    (base,) = ec2.instances()
    ec2.client.create_image(InstanceId=base["InstanceId"], Name=name)


def few_flavors(cms: Cms) -> None:
    """List few flavors: the stand-ins take milliseconds for each, and AWS has 800."""
    cms.catalogue(flavors="t2.*")


@pytest.fixture
def filled(cms_aws: Cms, ec2: Ec2) -> Cms:
    """`cms` with something of everything."""
    few_flavors(cms_aws)
    for words in (
        "key add",
        "key upload --cloud=aws",
        "sec load",
        "sec group load flask --cloud=aws",
    ):
        done = cms_aws(*words.split())
        assert done.returncode == 0, (words, done.stderr)
    own_image(ec2, "mine")
    for words in ("image list --refresh", "flavor list --refresh", "vm list --refresh"):
        done = cms_aws(*words.split())
        assert done.returncode == 0, (words, done.stderr)
    return cms_aws


def test_every_listing_can_be_read_in_every_format(filled: Cms) -> None:
    wrong = []
    for listing in LISTINGS:
        shown = {}
        for kind in ("table", "json", "yaml", "csv"):
            done = filled(*listing.split(), f"--output={kind}")
            if done.returncode or "Traceback" in done.stderr:
                wrong.append((listing, kind, done.stderr))
            shown[kind] = done.stdout
        try:
            records = json.loads(shown["json"])
            assert isinstance(records, list)
            assert records
            assert len(yaml.safe_load(shown["yaml"])) == len(records)
            assert len(list(csv.DictReader(io.StringIO(shown["csv"])))) == len(records)
            assert len(shown["table"].splitlines()) > len(records)
            assert shown["table"].startswith("+--")
        except (AssertionError, ValueError) as error:
            wrong.append((listing, error, {kind: text[:300] for kind, text in shown.items()}))
    assert wrong == []


def test_an_unknown_format_is_refused(cms: Cms) -> None:
    for listing in LISTINGS:
        done = cms(*listing.split(), "--output=nope")
        assert (done.returncode, done.stdout) == (2, ""), listing


def names(ec2: Ec2) -> list[str]:
    return [pair["KeyName"] for pair in ec2.client.describe_key_pairs()["KeyPairs"]]


def test_keys_go_to_the_cloud_and_leave_it(cms_aws: Cms, ec2: Ec2) -> None:
    nothing = cms_aws("key", "upload", "cloudmesh", "--cloud=aws")
    assert (nothing.returncode, names(ec2)) == (1, [])
    cms_aws("key", "add")
    for _ in range(2):
        assert cms_aws("key", "upload", "cloudmesh", "--cloud=aws").returncode == 0
        assert names(ec2) == ["cloudmesh"]
    assert cms_aws("key", "upload", "--cloud=aws", "--dryrun").returncode == 3
    assert cms_aws("key", "delete", "cloudmesh", "--cloud=aws", "--dryrun").returncode == 0
    assert names(ec2) == ["cloudmesh"]
    assert cms_aws("key", "delete", "cloudmesh", "--cloud=aws").returncode == 0
    assert names(ec2) == []
    again = cms_aws("key", "delete", "cloudmesh", "--cloud=aws")
    assert again.returncode == 1
    assert "no key named 'cloudmesh'" in again.stderr
    assert cms_aws("key", "list", "--output=json").stdout != "[]\n"


def test_a_strangers_key_stays(cms_aws: Cms, ec2: Ec2) -> None:
    ec2.client.create_key_pair(KeyName="cloudmesh")
    cms_aws("key", "add")
    assert cms_aws("key", "upload", "--cloud=aws").returncode == 5
    assert cms_aws("key", "delete", "cloudmesh", "--cloud=aws").returncode == 5
    assert names(ec2) == ["cloudmesh"]


def rules(ec2: Ec2, name: str) -> set[tuple[str, int, str]]:
    groups = ec2.client.describe_security_groups(
        Filters=[{"Name": "group-name", "Values": [name]}]
    )["SecurityGroups"]
    return {
        (entry["IpProtocol"], entry.get("FromPort", -1), source["CidrIp"])
        for group in groups
        for entry in group["IpPermissions"]
        for source in entry["IpRanges"]
    }


def test_security_groups_go_to_the_cloud_and_leave_it(cms_aws: Cms, ec2: Ec2) -> None:
    unknown = cms_aws("sec", "group", "load", "web", "--cloud=aws")
    assert (unknown.returncode, rules(ec2, "web")) == (1, set())
    for words in (
        ["rule", "add", "app", "8080", "8081", "tcp", "10.0.0.0/8"],
        ["load"],
        ["group", "add", "web", "ssh,app,icmp", "mine"],
    ):
        assert cms_aws("sec", *words).returncode == 0
    listed = json.loads(cms_aws("sec", "rule", "list", "--output=json").stdout)
    (app,) = [rule for rule in listed if rule["name"] == "app"]
    assert (app["ports"], app["protocol"], app["ip_range"]) == ("8080:8081", "tcp", "10.0.0.0/8")
    for _ in range(2):
        done = cms_aws("sec", "group", "load", "web", "--cloud=aws")
        assert done.returncode == 0, done.stderr
    assert rules(ec2, "web") == {
        ("tcp", 22, "0.0.0.0/0"), ("tcp", 8080, "10.0.0.0/8"), ("icmp", -1, "0.0.0.0/0"),
    }  # fmt: skip
    groups = json.loads(cms_aws("sec", "group", "list", "--cloud=aws", "--output=json").stdout)
    assert {"web", "default"} == {group["name"] for group in groups}
    assert "8080" in cms_aws("sec", "rule", "list", "--cloud=aws").stdout
    assert cms_aws("sec", "group", "delete", "default", "--cloud=aws").returncode == 5
    assert cms_aws("sec", "group", "delete", "web", "--cloud=aws").returncode == 0
    assert cms_aws("sec", "group", "delete", "web", "--cloud=aws").returncode == 1
    assert rules(ec2, "web") == set()


def test_images_and_flavors_are_kept_until_the_next_refresh(cms_aws: Cms, ec2: Ec2) -> None:
    few_flavors(cms_aws)
    assert json.loads(cms_aws("image", "list", "--output=json").stdout) == []
    own_image(ec2, "mine")
    fresh = json.loads(cms_aws("image", "list", "--refresh", "--output=json").stdout)
    assert [image["name"] for image in fresh] == ["mine"]
    kept = json.loads(cms_aws("image", "list", "--output=json").stdout)
    assert [image["ImageId"] for image in kept] == [image["ImageId"] for image in fresh]
    flavors = json.loads(cms_aws("flavor", "list", "--refresh", "--output=json").stdout)
    assert "t2.micro" in {flavor["name"] for flavor in flavors}
    assert len(flavors) == len(json.loads(cms_aws("flavor", "list", "--output=json").stdout))


@pytest.mark.parametrize(
    "words",
    ["image list --refresh", "flavor list --refresh", "key list --cloud=aws",
     "key upload --cloud=aws", "sec group list --cloud=aws", "sec group load flask --cloud=aws"],
)  # fmt: skip
def test_a_cloud_that_does_not_answer_is_told(cms_aws: Cms, words: str) -> None:
    if "load" in words:
        for setup in (["key", "add"], ["sec", "load"]):
            assert cms_aws(*setup).returncode == 0
    done = cms_aws(*words.split(), CLOUDMESH_SANDBOX_AWS="http://127.0.0.1:9")
    assert done.returncode == 4
    assert "AWS does not answer" in done.stderr
    done = cms_aws(*words.split(), CLOUDMESH_MONGO_PORT="9")
    assert done.returncode == 4 or "list --cloud" in words
