"""What a real OpenStack still holds of ours when no VM needs it, beside what is not ours."""

import json
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from cloudmesh_engine.clouds.leftovers import Leftovers

from .conftest import Cms
from .nova import OWNER, Nova

OURS, THEIRS = f"cm-owner={OWNER}", "cm-owner=cm-somebody-else"
ALIKE = ("", THEIRS, f"{OURS}0", f"Cm-Owner={OWNER}", f"x{OURS}")


@pytest.fixture
def leftovers(project: Nova) -> Iterator[Leftovers]:
    from cloudmesh_engine.clouds import openstack_leftovers

    auth = {"auth_url": project.url, "username": "cloudmesh", "password": "sandbox-password"}
    credentials = {"auth": {**auth, "project_name": "cloudmesh"}, "region_name": "KVM@TACC"}
    # The SDK warns of its own next release.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield openstack_leftovers.connect("chameleon", {"credentials": credentials}, OWNER)


def make_address(project: Nova, description: str) -> str:
    wanted = {"floating_network_id": project.ids["public"], "description": description}
    made = project.network.post("/v2.0/floatingips", json={"floatingip": wanted}).json()
    return str(made["floatingip"]["id"])


def make_group(project: Nova, name: str, description: str) -> str:
    wanted: dict[str, Any] = {"name": name, "description": description}
    made = project.network.post("/v2.0/security-groups", json={"security_group": wanted}).json()
    return str(made["security_group"]["id"])


def ids(leftovers: Leftovers) -> list[str]:
    return [one.id for one in leftovers.look() if not one.used]


def test_only_what_names_our_owner_is_found_and_discarded(
    leftovers: Leftovers, project: Nova
) -> None:
    for number, text in enumerate(ALIKE):
        make_address(project, f"{text} cm-vm=gone")
        make_group(project, f"alike{number}", f"a group [{text}]")
    before = len(project.addresses())
    assert leftovers.look() == []
    address = make_address(project, f"{OURS} cm-vm=gone")
    group = make_group(project, "old", f"a group [{OURS}]")
    found = leftovers.look()
    assert [(one.kind, one.id, one.vm) for one in found] == [
        ("address", address, "gone"), ("group", group, ""),
    ]  # fmt: skip
    assert [leftovers.discard(one) for one in found] == [True, True]
    assert [leftovers.discard(one) for one in found] == [False, False]
    assert leftovers.look() == []
    assert len(project.addresses()) == before


def test_what_a_vm_uses_stays_and_what_it_leaves_goes(
    cms_openstack: Cms, leftovers: Leftovers, project: Nova
) -> None:
    assert cms_openstack("vm", "boot", "--name=web", "--public").returncode == 0
    assert {one.kind for one in leftovers.look()} == {"address", "group"}
    assert ids(leftovers) == []
    orphaned = make_address(project, f"{OURS} cm-vm=0")
    reap = ("fleet", "reap", "--yes", "--grace=0", "--cloud=chameleon", "--output=json")
    done = cms_openstack(*reap)
    assert done.returncode == 0, done.stderr
    assert [(one["action"], one["id"]) for one in json.loads(done.stdout)] == [
        ("deleted", orphaned)
    ]
    deadline = cms_openstack("fleet", "deadline", "web", "--until=now")
    assert deadline.returncode == 0, deadline.stderr
    assert cms_openstack(*reap).returncode == 0
    assert project.words() == ""
    assert project.addresses() == []
