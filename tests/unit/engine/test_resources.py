"""Images, flavors, keys and security groups of AWS, against moto."""

import json
from collections.abc import Iterator

import pytest

from cloudmesh_engine import clouds, config
from cloudmesh_engine.clouds.resources import Resources, Rule
from cloudmesh_engine.errors import ActionFailed, Refused, UsageError

from .conftest import OWNER, Cms, Ec2, Faults, running_moto

SSH = Rule("tcp", "22:22", "0.0.0.0/0")
UBUNTU = "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-{}-server-{}"
CANONICAL, SELF = "099720109477", "123456789012"


def ami(number: int, name: str, *, owner: str = CANONICAL, **other: str) -> dict[str, object]:
    entry = {
        "ami_id": f"ami-{number:017x}",
        "name": name,
        "owner_id": owner,
        "description": "",
        "architecture": "x86_64",
        "state": "available",
        "creation_date": f"2026-01-{number:02d}T00:00:00.000Z",
        "virtualization_type": "hvm",
        "hypervisor": "xen",
        "public": True,
    }
    return entry | other


AMIS = [
    ami(1, UBUNTU.format("amd64", "20260101")),
    ami(2, UBUNTU.format("amd64", "20260102.1")),
    ami(3, UBUNTU.format("arm64", "20260101"), architecture="arm64"),
    ami(4, UBUNTU.format("amd64", "20260103"), state="pending"),
    ami(5, "ubuntu/images/hvm-ssd/ubuntu-trusty-14.04-amd64-server-20170727"),
    ami(6, "al2023-ami-2023.9.20260101.0-kernel-6.1-x86_64", owner="137112412989"),
    ami(7, "al2023-ami-2023.10.20260201.0-kernel-6.1-x86_64", owner="137112412989"),
    ami(8, "al2023-ami-2023.9.20260101.0-kernel-6.12-x86_64", owner="137112412989"),
    ami(9, "my own image", owner=SELF),
    ami(10, "my old image", owner=SELF, architecture="i386"),
    ami(11, "debian-13-amd64-20260101-1"),
]
# Their numbers in the list without a name: the newest builds, and our own.
CHOICE = {2, 3, 7, 8, 9}


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ec2]:
    """A cloud that has images."""
    file = tmp_path_factory.mktemp("images") / "amis.json"
    file.write_text(json.dumps(AMIS))
    with running_moto(MOTO_AMIS_PATH=str(file)) as ec2:
        yield ec2


def opened(cms: Cms, address: str) -> Resources:
    settings = config.load({**cms.environ, "CLOUDMESH_SANDBOX_AWS": address})
    return clouds.open_resources(settings, "aws", OWNER)


@pytest.fixture
def aws(cms: Cms, ec2: Ec2) -> Resources:
    return opened(cms, ec2.address)


def numbers(images: list[dict[str, object]]) -> set[int]:
    return {int(str(image["ImageId"]).removeprefix("ami-"), 16) for image in images}


def test_images_without_a_name_are_a_useful_choice(cms: Cms, full: Ec2) -> None:
    assert numbers(opened(cms, full.address).images()) == CHOICE


def test_the_configuration_adds_to_the_choice(cms: Cms, full: Ec2) -> None:
    file = cms.root / "cloudmesh.yaml"
    file.write_text(file.read_text().replace("ami-0c929bde1796e1484", f"ami-{5:017x}"))
    cms.catalogue(images="debian-*, nosuch*")
    assert numbers(opened(cms, full.address).images()) == CHOICE | {5, 11}


@pytest.mark.parametrize(
    ("name", "found"),
    [("*noble*", {1, 2, 3}), ("my own image", {9}), ("nosuch*", set()), (f"ami-{5:017x}", {5})],
)
def test_images_are_found_by_name_pattern_or_id(
    cms: Cms, full: Ec2, name: str, found: set[int]
) -> None:
    assert numbers(opened(cms, full.address).images(name)) == found


def test_no_call_asks_for_every_image(cms_aws: Cms, faults: Faults) -> None:
    aws = opened(cms_aws, faults.address)
    aws.images()
    aws.images("debian-*")
    calls = [entry["parameters"] for entry in faults.log() if entry["action"] == "DescribeImages"]
    assert len(calls) == 4
    for call in calls:
        narrow = {value for key, value in call.items() if key.endswith(".Name")} & {
            "name", "image-id",
        }  # fmt: skip
        assert call.get("Owner.1") == "self" or narrow
        assert narrow == {"image-id"} or {call[key] for key in call if key[:5] == "Owner"} <= {
            "self", "amazon", CANONICAL,
        }  # fmt: skip


def test_images_have_upstreams_shape(cms: Cms, full: Ec2) -> None:
    (image,) = opened(cms, full.address).images("my own image")
    assert image["name"] == image["cm"]["name"] == "my own image"
    assert (image["cm"]["kind"], image["cm"]["cloud"], image["cm"]["driver"]) == (
        "image", "aws", "aws",
    )  # fmt: skip
    assert {"created", "updated"} < set(image["cm"])
    # The columns of upstream's table.
    assert {"Architecture", "ImageId", "State", "Hypervisor", "VirtualizationType"} < set(image)


def test_every_current_flavor_is_listed_once(aws: Resources) -> None:
    flavors = aws.flavors()
    names = [flavor["name"] for flavor in flavors]
    assert len(names) == len(set(names)) > 500
    assert {"t2.micro", "t3.large"} < set(names)
    assert not [name for name in names if name.endswith(".metal") or name.startswith("m1.")]


def test_flavors_have_upstreams_shape(aws: Resources) -> None:
    (flavor,) = aws.flavors("t2.micro")
    assert flavor["name"] == flavor["cm"]["name"] == "t2.micro"
    assert flavor["cm"]["kind"] == "flavor"
    attributes = flavor["attributes"]
    words = ("instanceType", "instanceFamily", "vcpu", "memory", "storage", "physicalProcessor")
    assert [attributes[word] for word in words] == [
        "t2.micro", "t2", "1", "1 GiB", "EBS only", "Intel",
    ]  # fmt: skip
    assert aws.flavors("c5d.large")[0]["attributes"]["storage"] == "50 GB"


def test_flavors_are_found_by_pattern_or_by_the_configuration(cms: Cms, ec2: Ec2) -> None:
    assert len(opened(cms, ec2.address).flavors("t2.*")) == 7
    assert opened(cms, ec2.address).flavors("nosuch.*") == []
    cms.catalogue(flavors="t2.*,t1.micro")
    assert {flavor["name"][:2] for flavor in opened(cms, ec2.address).flavors()} == {"t1", "t2"}


def public_key(cms_db: Cms) -> str:
    return (cms_db.root / "state/ssh/id_rsa.pub").read_text().strip()


def test_a_key_is_added_once_with_our_tag(cms_aws: Cms, ec2: Ec2) -> None:
    aws = opened(cms_aws, ec2.address)
    key = public_key(cms_aws)
    assert aws.add_key("mine", key) is True
    assert aws.add_key("mine", key.rpartition(" ")[0] + " another comment") is False
    (stored,) = aws.keys()
    assert (stored["name"], stored["cm"]["kind"], stored["type"]) == ("mine", "key", "rsa")
    assert stored["public_key"].split()[:2] == key.split()[:2]
    assert stored["Tags"] == [{"Key": "cm-owner", "Value": OWNER}]


def test_another_key_of_that_name_is_never_replaced(cms_aws: Cms, ec2: Ec2) -> None:
    ec2.client.create_key_pair(KeyName="mine")
    aws = opened(cms_aws, ec2.address)
    before = aws.keys()[0]["public_key"]
    with pytest.raises(Refused, match="another key is named 'mine' on aws"):
        aws.add_key("mine", public_key(cms_aws))
    with pytest.raises(Refused, match="was not uploaded by this appliance"):
        aws.delete_key("mine")
    assert aws.keys()[0]["public_key"] == before


def test_a_key_is_deleted_or_it_fails(cms_aws: Cms, ec2: Ec2) -> None:
    aws = opened(cms_aws, ec2.address)
    aws.add_key("mine", public_key(cms_aws))
    aws.delete_key("mine")
    assert aws.keys() == []
    with pytest.raises(ActionFailed, match="no key named 'mine'"):
        aws.delete_key("mine")


def test_a_group_gets_what_it_lacks_and_nothing_twice(aws: Resources, ec2: Ec2) -> None:
    first = aws.ensure_group("web", "for the web", [SSH])
    more = [SSH, Rule("udp", "53:54", "::/0"), Rule("icmp", "", "10.0.0.0/8")]
    assert aws.ensure_group("web", "for the web", more) == first
    assert aws.ensure_group("web", "for the web", more) == first
    (group,) = aws.groups("web")
    assert group["rules"] == [rule.document() for rule in more]
    assert (group["GroupId"], group["owner"], group["cm"]["kind"]) == (first, OWNER, "secgroup")
    assert (group["name"], group["description"]) == ("web", "for the web")
    assert {one["name"] for one in aws.groups()} == {"default", "web"}


def test_a_foreign_group_is_never_changed(aws: Resources, ec2: Ec2) -> None:
    made = ec2.client.create_security_group(GroupName="web", Description="theirs")
    with pytest.raises(Refused, match="was not made by this appliance and lacks rules"):
        aws.ensure_group("web", "ours", [SSH])
    with pytest.raises(Refused, match="was not made by this appliance"):
        aws.delete_group("web")
    assert ec2.groups("web") == []
    # What it has already may be relied on.
    assert aws.ensure_group("web", "ours", []) == made["GroupId"]


def test_a_group_is_deleted_or_it_fails(aws: Resources, ec2: Ec2) -> None:
    aws.ensure_group("web", "ours", [SSH])
    aws.delete_group("web")
    assert aws.groups("web") == []
    with pytest.raises(ActionFailed, match="no security group 'web'"):
        aws.delete_group("web")


def test_a_group_in_use_says_what_to_do(cms_aws: Cms, faults: Faults) -> None:
    aws = opened(cms_aws, faults.address)
    aws.ensure_group("web", "ours", [SSH])
    faults.script(
        {"action": "DeleteSecurityGroup", "fault": "error", "status": 400,
         "code": "DependencyViolation"}
    )  # fmt: skip
    with pytest.raises(ActionFailed, match="delete the VMs that use it first"):
        aws.delete_group("web")


def test_each_network_has_its_own_group_of_a_name(aws: Resources, ec2: Ec2) -> None:
    vpc = ec2.client.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.client.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    inside = aws.ensure_group("web", "ours", [SSH], network=subnet)
    assert aws.ensure_group("web", "ours", [SSH], network=subnet) == inside
    found = aws.find_group("web", subnet)
    assert found
    assert (found["GroupId"], found["VpcId"]) == (inside, vpc)


def test_a_rule_that_is_none_is_refused_before_the_cloud_is_asked(aws: Resources) -> None:
    with pytest.raises(UsageError, match="write them as 22:22"):
        aws.ensure_group("web", "ours", [SSH, Rule("tcp", "ssh", "0.0.0.0/0")])
    assert aws.groups("web") == []
