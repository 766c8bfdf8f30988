"""What the sandbox's Azure has beside VMs: images, sizes, keys and security groups."""

from typing import Any

import pytest

from cloudmesh_engine.clouds.resources import Resources, Rule
from cloudmesh_engine.errors import ActionFailed, Refused

from .azure import KEY, OWNER, Azure

SSH = Rule("tcp", "22:22", "0.0.0.0/0")
WEB = Rule("tcp", "8000:8010", "10.0.0.0/8")
PING = Rule("icmp", "", "0.0.0.0/0")
DEBIAN = "Debian:debian-12:12-gen2:0.20251006.2257"


@pytest.fixture
def resources(azure: Azure) -> Resources:
    return connect(azure)


def connect(azure: Azure, owner: str = OWNER, **more: Any) -> Any:
    from cloudmesh_engine.clouds import azure_resources

    return azure_resources.connect("azure", {**azure.section(), **more}, owner)


def names(documents: list[dict[str, Any]]) -> list[str]:
    return [document["name"] for document in documents]


def test_images_have_short_names_and_their_newest_version(resources: Resources) -> None:
    assert {"ubuntu-24.04", "debian-12", "almalinux-9"} <= set(names(resources.images()))
    (image,) = resources.images("debian-12")
    assert (image["urn"], image["version"]) == (DEBIAN, DEBIAN.rpartition(":")[2])
    assert (image["cm"]["kind"], image["cm"]["cloud"]) == ("image", "azure")
    urn = DEBIAN.replace("0.20251006.2257", "latest")
    assert resources.images(urn)[0]["urn"] == DEBIAN
    assert resources.images("no:such:image:latest") == resources.images("nosuch") == []
    assert names(resources.images("ubuntu-2*.04")) == ["ubuntu-22.04", "ubuntu-24.04"]


def test_what_the_configuration_names_is_listed_too(azure: Azure) -> None:
    urn = "Debian:debian-12:12-gen2:latest"
    chosen = connect(azure, catalog={"images": urn.replace("12", "13"), "flavors": "*_B*"})
    assert urn.replace("12", "13") not in names(chosen.images())
    assert {one.split("_")[1][0] for one in names(chosen.flavors())} == {"B"}


def test_a_size_that_the_subscription_may_not_have_is_left_out(
    resources: Resources, azure: Azure
) -> None:
    (flavor,) = resources.flavors("Standard_B2s")
    assert (flavor["vcpus"], flavor["ram"], flavor["architecture"]) == (2, 4096, "x64")
    azure.set(restricted=["Standard_B2s"])
    assert resources.flavors("Standard_B2s") == []
    assert "StandardSSD_LRS" not in names(resources.flavors())


def test_a_key_is_added_once_never_replaced_and_deleted_only_if_ours(
    resources: Resources, azure: Azure
) -> None:
    assert resources.add_key("mine", f"{KEY} someone")
    assert not resources.add_key("mine", KEY)
    with pytest.raises(Refused, match="another key is named 'mine'"):
        resources.add_key("mine", KEY + "B" * 4)
    (key,) = resources.keys()
    assert (key["name"], key["comment"], key["type"]) == ("mine", "someone", "rsa")
    assert len(key["fingerprint"]) == 47
    with pytest.raises(Refused, match="was not uploaded by this appliance"):
        connect(azure, "cm-somebody-else").delete_key("mine")
    resources.delete_key("mine")
    with pytest.raises(ActionFailed, match="no key named"):
        resources.delete_key("mine")
    assert azure.names("Compute/sshPublicKeys") == []


def test_a_group_gets_the_rules_it_lacks_and_keeps_the_others(
    resources: Resources, azure: Azure
) -> None:
    made = resources.ensure_group("web", "in", [SSH])
    assert resources.ensure_group("web", "in", [SSH, PING, WEB]) == made
    group = resources.find_group("web")
    assert group
    assert (group["id"], group["owner"], group["description"]) == (made, OWNER, "in")
    assert group["rules"] == [rule.document() for rule in (SSH, PING, WEB)]
    other = connect(azure, "cm-somebody-else")
    assert other.ensure_group("web", "in", [SSH]) == made
    with pytest.raises(Refused, match="lacks rules"):
        other.ensure_group("web", "in", [Rule("udp", "53:53", "0.0.0.0/0")])
    with pytest.raises(Refused, match="was not made by this appliance"):
        other.delete_group("web")
    resources.delete_group("web")
    assert resources.groups() == []
    with pytest.raises(ActionFailed, match="no security group"):
        resources.delete_group("web")
