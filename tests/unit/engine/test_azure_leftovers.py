"""What the sandbox's Azure still holds of ours when no VM needs it, beside what is not ours."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloudmesh_engine.clouds.leftovers import Leftovers

from .azure import COMPUTE, KEY, NETWORK, OWNER, Azure
from .conftest import Cms

OLD = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
OURS = {"cm-owner": OWNER, "cm-made": OLD, "cm-vm": "gone-0123456789ab"}
ALIKE: list[dict[str, str]] = [
    {},
    {"cm-name": "web", "cm-made": OLD},
    {**OURS, "cm-owner": "cm-somebody-else"},
    {**OURS, "cm-owner": f"{OWNER}0"},
]
PLACE = f"{NETWORK}/virtualNetworks/cmnetwork/subnets/cmsubnet"
KINDS = ("publicIPAddresses", "networkInterfaces", "networkSecurityGroups")
REAP = ("fleet", "reap", "--yes", "--grace=0", "--cloud=azure", "--output=json")


@pytest.fixture
def leftovers(azure: Azure) -> Leftovers:
    from cloudmesh_engine.clouds import azure_leftovers

    # A network, and somebody else's VM in it.
    azure.make("~other")
    return azure_leftovers.connect("azure", azure.section(), OWNER)


def put(azure: Azure, place: str, tags: dict[str, str], properties: Any, **more: Any) -> None:
    body = {"location": "eastus", "tags": tags, "properties": properties, **more}
    azure.call("PUT", place, body)


def make(azure: Azure, word: str, tags: dict[str, str], address_of: str = "") -> None:
    """Make one of each kind; the interface may have a public address."""
    static = {"publicIPAllocationMethod": "Static"}
    put(azure, f"{NETWORK}/publicIPAddresses/{word}-ip", tags, static, sku={"name": "Standard"})
    entry: dict[str, Any] = {"subnet": {"id": f"{azure.group}/{PLACE}"}}
    if address_of:
        entry["publicIPAddress"] = {
            "id": f"{azure.group}/{NETWORK}/publicIPAddresses/{address_of}-ip"
        }
    nic = {"ipConfigurations": [{"name": "main", "properties": entry}]}
    put(azure, f"{NETWORK}/networkInterfaces/{word}-nic", tags, nic)
    put(azure, f"{NETWORK}/networkSecurityGroups/{word}", tags, {})
    # Somebody else's VM has KEY.
    key = KEY if word == "used" else f"{KEY[:-1]}B"
    put(azure, f"{COMPUTE}/sshPublicKeys/{word}", tags, {"publicKey": key})


def everything(azure: Azure) -> list[str]:
    networks = [name for kind in KINDS for name in azure.names(f"Network/{kind}")]
    return [*networks, *azure.names("Compute/sshPublicKeys"), *azure.machine_ids()]


def test_only_what_carries_our_tag_is_found_and_discarded(
    leftovers: Leftovers, azure: Azure
) -> None:
    for number, tags in enumerate(ALIKE):
        make(azure, f"alike{number}", tags)
    before = everything(azure)
    assert leftovers.look() == []
    make(azure, "left", OURS)
    found = leftovers.look()
    assert [(one.kind, one.name, one.used) for one in found] == [
        ("address", "left-ip", False), ("interface", "left-nic", False),
        ("group", "left", False), ("key", "left", False),
    ]  # fmt: skip
    assert {one.vm for one in found} == {OURS["cm-vm"]}
    assert [leftovers.discard(one) for one in found] == [True] * 4
    assert [leftovers.discard(one) for one in found] == [False] * 4
    assert everything(azure) == before


def test_what_is_used_or_young_is_not_discarded(leftovers: Leftovers, azure: Azure) -> None:
    young = {**OURS, "cm-made": datetime.now(UTC).isoformat()}
    make(azure, "young", young)
    make(azure, "timeless", {**OURS, "cm-made": ""})
    # The VM of somebody else has that key, and an interface of theirs the group.
    make(azure, "used", OURS)
    entry = {"subnet": {"id": f"{azure.group}/{PLACE}"}}
    group = {"id": f"{azure.group}/{NETWORK}/networkSecurityGroups/used"}
    nic = {"ipConfigurations": [{"name": "main", "properties": entry}]}
    put(azure, f"{NETWORK}/networkInterfaces/theirs", {}, {**nic, "networkSecurityGroup": group})
    used = {(one.kind, one.name) for one in leftovers.look() if one.used}
    assert used == {
        ("address", "young-ip"), ("interface", "young-nic"), ("address", "timeless-ip"),
        ("interface", "timeless-nic"), ("group", "used"), ("key", "used"),
    }  # fmt: skip
    before = everything(azure)
    assert not any(leftovers.discard(one) for one in leftovers.look() if one.used)
    assert everything(azure) == before


def test_an_interface_takes_its_address_along_and_no_other(
    leftovers: Leftovers, azure: Azure
) -> None:
    make(azure, "theirs", {})
    make(azure, "left", OURS, address_of="left")
    make(azure, "mixed", OURS, address_of="theirs")
    names = {one.name: one for one in leftovers.look()}
    assert names["left-ip"].used
    assert leftovers.discard(names["left-nic"])
    assert leftovers.discard(names["mixed-nic"])
    assert azure.names("Network/publicIPAddresses") == ["mixed-ip", "theirs-ip"]


def test_what_a_vm_uses_stays_and_what_it_leaves_goes(cms_azure: Cms, azure: Azure) -> None:
    assert cms_azure("vm", "boot", "--name=web", "--public").returncode == 0
    assert json.loads(cms_azure(*REAP).stdout) == []
    make(azure, "left", OURS)
    done = cms_azure(*REAP)
    assert done.returncode == 0, done.stderr
    assert [(one["action"], one["name"]) for one in json.loads(done.stdout)] == [
        ("deleted", "left-ip"), ("deleted", "left-nic"), ("deleted", "left"), ("deleted", "left"),
    ]  # fmt: skip
    deadline = cms_azure("fleet", "deadline", "web", "--until=now")
    assert deadline.returncode == 0, deadline.stderr
    assert cms_azure(*REAP).returncode == 0
    assert (azure.words(), azure.names("Network/publicIPAddresses")) == ("", [])
    assert azure.names("Network/networkInterfaces") == azure.names("Compute/disks") == []
