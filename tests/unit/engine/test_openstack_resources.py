"""What a real OpenStack has beside VMs: images, flavors, keys and security groups."""

import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cloudmesh_engine.clouds.resources import Resources, Rule
from cloudmesh_engine.errors import ActionFailed, NotSupported, Refused

from .conftest import PATIENCE
from .nova import OWNER, Nova

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL2yGKjyyBbmzf9b5DYRVdBCEuhJ7BlsScYQzCuxEhZs someone"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDEX3yQ9qXZc6WSmEScbxvJJKo4NgXqWGsUpfsPkpsQ6 other"
SSH = Rule("tcp", "22:22", "0.0.0.0/0")
PING = Rule("icmp", "", "0.0.0.0/0")


@pytest.fixture
def resources(project: Nova) -> Iterator[Resources]:
    # The SDK warns of its own next release.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = connect(project)
        yield made
        made._cloud.close()


def connect(project: Nova) -> Any:
    from cloudmesh_engine.clouds import openstack_resources

    auth = {"auth_url": project.url, "username": "cloudmesh", "password": "sandbox-password"}
    configuration = {
        "catalog": {"flavors": "m1.*"},
        "credentials": {"auth": {**auth, "project_name": "cloudmesh"}, "region_name": "KVM@TACC"},
    }
    return openstack_resources.connect("chameleon", configuration, OWNER)


def names(documents: list[dict[str, Any]]) -> list[str]:
    return [document["name"] for document in documents]


def test_images_and_flavors_are_found_by_name_and_pattern(resources: Resources) -> None:
    assert names(resources.images()) == ["CC-Ubuntu22.04", "CC-Ubuntu24.04", "Featured-Ubuntu24"]
    (image,) = resources.images("CC-Ubuntu24*")
    assert resources.images(image["id"])[0]["name"] == "CC-Ubuntu24.04"
    assert (image["status"], image["size"]) == ("active", 65536)
    assert (image["cm"]["kind"], image["cm"]["cloud"]) == ("image", "chameleon")
    assert resources.images("nosuch") == []
    assert "m1.tiny" in names(resources.flavors())
    assert "m3.tiny" not in names(resources.flavors())
    (flavor,) = resources.flavors("m3.small")
    assert (flavor["vcpus"], flavor["ram"], flavor["disk"]) == (2, 6144, 20)


def test_a_key_is_added_once_and_never_replaced(resources: Resources, project: Nova) -> None:
    assert resources.add_key("mine", KEY)
    assert not resources.add_key("mine", KEY)
    with pytest.raises(Refused, match="another key is named 'mine'"):
        resources.add_key("mine", OTHER)
    (key,) = resources.keys()
    assert (key["name"], key["comment"]) == ("mine", "someone")
    with pytest.raises(NotSupported, match="does not say who uploaded"):
        resources.delete_key("mine")
    with pytest.raises(ActionFailed, match="no key named"):
        resources.delete_key("nosuch")
    assert project.keys() == ["mine"]


def test_a_group_gets_the_rules_it_lacks(resources: Resources) -> None:
    made = resources.ensure_group("web", "in", [SSH])
    assert resources.ensure_group("web", "in", [SSH, PING]) == made
    group = resources.find_group("web")
    assert group
    assert (group["id"], group["owner"], group["description"]) == (made, OWNER, "in")
    assert sorted(rule["protocol"] for rule in group["rules"]) == ["icmp", "tcp"]
    assert all(rule.document() in group["rules"] for rule in (SSH, PING))
    resources.delete_group("web")
    assert resources.find_group("web") is None
    with pytest.raises(ActionFailed, match="no security group 'web'"):
        resources.delete_group("web")


def test_a_foreign_group_is_left_alone(resources: Resources, project: Nova) -> None:
    project.network.post("/v2.0/security-groups", json={"security_group": {"name": "web"}})
    with pytest.raises(Refused, match="was not made by this appliance and lacks rules"):
        resources.ensure_group("web", "in", [SSH])
    with pytest.raises(Refused, match="was not made by this appliance"):
        resources.delete_group("web")
    assert names(resources.groups("web")) == ["web"]


def test_what_commands_at_once_made_works_and_goes(resources: Resources, project: Nova) -> None:
    several = [connect(project) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        ids = list(pool.map(lambda one: one.ensure_group("web", "in", [SSH]), several))
    for one in several:
        one._cloud.close()
    there = {group["id"]: group["rules"] for group in resources.groups("web")}
    assert {group: there[group] for group in ids} == {one: [SSH.document()] for one in ids}
    resources.delete_group("web")
    assert resources.groups("web") == []


def test_a_group_that_its_maker_gives_up_is_not_taken(
    resources: Any, project: Nova, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Who waits for its rules gives up after seconds, in which a busy machine may not delete it.
    monkeypatch.setattr("cloudmesh_engine.clouds.openstack_groups._PATIENCE", PATIENCE)
    about = {"name": "web", "description": f"in [cm-owner={OWNER}]"}
    body = {"security_group": about}
    theirs = project.network.post("/v2.0/security-groups", json=body).json()["security_group"]["id"]
    looked = threading.Event()
    look = resources.find_group

    def spied(*words: str) -> Any:
        found = look(*words)
        looked.set()
        return found

    resources.find_group = spied
    with ThreadPoolExecutor(1) as pool:
        taking = pool.submit(resources.ensure_group, "web", "in", [SSH])
        assert looked.wait(PATIENCE)
        project.network.delete(f"/v2.0/security-groups/{theirs}")
        taken = taking.result()
    assert [group["id"] for group in resources.groups("web")] == [taken]
    assert taken != theirs


def test_a_group_without_rules_whose_maker_is_dead_is_filled(
    resources: Resources, project: Nova
) -> None:
    about = {"name": "web", "description": f"in [cm-owner={OWNER}]"}
    body = {"security_group": about}
    there = project.network.post("/v2.0/security-groups", json=body).json()["security_group"]["id"]
    assert resources.ensure_group("web", "in", [SSH]) == there
    assert [group["rules"] for group in resources.groups("web")] == [[SSH.document()]]
