"""What the sandbox's Google still holds of ours when no VM needs it, beside what is not ours."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from cloudmesh_engine.clouds.leftovers import Leftovers

from .conftest import Cms
from .gce import IMAGE, OWNER, TOKEN, ZONE, Gce, compute_of

OURS = f"cm-owner={OWNER}"
ALIKE = ("", "cm-owner=cm-somebody-else", f"{OURS}0", f"Cm-Owner={OWNER}", f"x{OURS}")
REGION = "regions/us-central1"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL2yGKjyyBbmzf9b5DYRVdBCEuhJ7BlsScYQzCuxEhZs someone"
REAP = ("fleet", "reap", "--yes", "--grace=0", "--cloud=google", "--output=json")


@pytest.fixture
def leftovers(google_project: Gce) -> Iterator[Leftovers]:
    from cloudmesh_engine.clouds import google_leftovers

    given = {"access_token": TOKEN, "project": "sandbox", "datacenter": ZONE.rpartition("/")[2]}
    section = {"credentials": {**given, "endpoint": google_project.address}}
    found = google_leftovers.connect("google", section, OWNER)
    yield found
    compute_of(found).close()


def make_address(google: Gce, name: str, description: str) -> None:
    wanted = {"name": name, "description": description}
    google.change("POST", f"/{REGION}/addresses", wanted)


def make_group(google: Gce, tag: str, description: str, **more: Any) -> None:
    """Make a rule for VMs with that tag."""
    wanted = {"name": f"{tag}-1", "description": description, "targetTags": [tag]}
    allowed = [{"IPProtocol": "tcp", "ports": ["22"]}]
    google.change("POST", "/global/firewalls", {**wanted, "allowed": allowed, **more})


def make_machine(google: Gce, name: str, zone: str = ZONE, **more: Any) -> None:
    """Make a VM past `cms`, whose disk stays when it goes."""
    labels = more.pop("disk_labels", {})
    source = {"sourceImage": IMAGE, "labels": labels}
    wanted = {
        "name": name,
        "machineType": f"{zone}/machineTypes/e2-micro",
        "disks": [{"boot": True, "autoDelete": False, "initializeParams": source}],
        "networkInterfaces": [{"network": "projects/sandbox/global/networks/default"}],
        **more,
    }
    google.change("POST", f"/{zone}/instances", wanted, requestId=str(uuid.uuid4()))


def make_disk(google: Gce, name: str, labels: dict[str, str]) -> None:
    """Make a disk that has outlived its VM."""
    make_machine(google, name, disk_labels=labels)
    google.change("DELETE", f"/{ZONE}/instances/{name}")


def make_keys(google: Gce, owners: dict[str, str]) -> None:
    keys = {name: {"owner": owner, "public_key": KEY} for name, owner in owners.items()}
    metadata = google.ask("GET", "")["commonInstanceMetadata"]
    items = [{"key": "cloudmesh-keys", "value": json.dumps(keys)}]
    wanted = {"fingerprint": metadata["fingerprint"], "items": items}
    google.change("POST", "/setCommonInstanceMetadata", wanted)


def everything(google: Gce) -> list[Any]:
    """All but the keys, by name."""
    places = ("/global/firewalls", f"/{REGION}/addresses", f"/{ZONE}/disks", f"/{ZONE}/instances")
    return [one["name"] for place in places for one in google.items(place)]


def test_only_what_names_our_owner_is_found_and_discarded(
    leftovers: Leftovers, google_project: Gce
) -> None:
    for number, text in enumerate(ALIKE):
        make_address(google_project, f"alike{number}", f"{text} cm-vm=gone")
        make_group(google_project, f"alike{number}", f"a group [{text}]")
    make_disk(google_project, "alike1", {"cm-owner": "cm-somebody-else"})
    make_disk(google_project, "alike2", {"cm-owner": f"{OWNER}0"})
    before = everything(google_project)
    make_keys(google_project, {"theirs": "cm-somebody-else"})
    assert leftovers.look() == []
    make_address(google_project, "cm-1", f"{OURS} cm-vm=1")
    make_disk(google_project, "left", {"cm-owner": OWNER})
    make_group(google_project, "left", f"a group [{OURS}]")
    make_keys(google_project, {"theirs": "cm-somebody-else", "left": OWNER})
    found = leftovers.look()
    assert [(one.kind, one.id, one.vm, one.used) for one in found] == [
        ("address", "cm-1", "1", False), ("disk", "left", "", False),
        ("group", "default/left", "", False), ("key", "left", "", False),
    ]  # fmt: skip
    assert [leftovers.discard(one) for one in found] == [True] * 4
    assert [leftovers.discard(one) for one in found] == [False] * 4
    assert leftovers.look() == []
    assert everything(google_project) == before
    items = google_project.ask("GET", "")["commonInstanceMetadata"]["items"]
    assert [*json.loads(items[0]["value"])] == ["theirs"]


def test_what_is_used_is_not_discarded(leftovers: Leftovers, google_project: Gce) -> None:
    # The VM of somebody else, in another zone.
    metadata = {"items": [{"key": "ssh-keys", "value": f"me:{KEY.replace('someone', 'me')}"}]}
    elsewhere = "zones/europe-west3-a"
    make_machine(google_project, "other", elsewhere, tags={"items": ["tag"]}, metadata=metadata)
    make_machine(google_project, "here", disk_labels={"cm-owner": OWNER})
    make_group(google_project, "tag", f"a group [{OURS}]")
    make_group(google_project, "named", f"a group [{OURS}]")
    make_group(google_project, "naming", "theirs", sourceTags=["named"])
    make_keys(google_project, {"ours": OWNER})
    found = leftovers.look()
    assert [(one.kind, one.name, one.used) for one in found] == [
        ("disk", "here", True), ("group", "named", True), ("group", "tag", True),
        ("key", "ours", True),
    ]  # fmt: skip
    before = everything(google_project)
    assert [leftovers.discard(one) for one in found] == [False] * 4
    assert everything(google_project) == before


def test_of_a_group_with_rules_of_others_only_ours_go(
    leftovers: Leftovers, google_project: Gce
) -> None:
    make_group(google_project, "web", f"a group [{OURS}]")
    make_group(google_project, "web", "theirs", name="theirs")
    (group,) = leftovers.look()
    assert leftovers.discard(group)
    assert everything(google_project) == ["theirs"]


def test_what_a_vm_uses_stays_and_what_it_leaves_goes(cms_google: Cms, google_project: Gce) -> None:
    assert cms_google("vm", "boot", "--name=web").returncode == 0
    assert cms_google("vm", "ip", "assign", "web").returncode == 0
    assert json.loads(cms_google(*REAP).stdout) == []
    make_address(google_project, "cm-1", f"{OURS} cm-vm=1")
    make_disk(google_project, "left", {"cm-owner": OWNER})
    done = cms_google(*REAP)
    assert done.returncode == 0, done.stderr
    assert [(one["action"], one["id"]) for one in json.loads(done.stdout)] == [
        ("deleted", "cm-1"), ("deleted", "left"),
    ]  # fmt: skip
    deadline = cms_google("fleet", "deadline", "web", "--until=now", "--cloud=google")
    assert deadline.returncode == 0, deadline.stderr
    assert cms_google(*REAP).returncode == 0
    assert google_project.words() == ""
    assert google_project.addresses() == google_project.items(f"/{ZONE}/disks") == []
