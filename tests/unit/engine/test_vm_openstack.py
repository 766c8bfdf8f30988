"""`cms vm` on a real OpenStack: Keystone, Nova, Placement, Glance and Neutron say what they say."""

import json
import re
from typing import Any

import pytest

from .conftest import PATIENCE, Cms, Ec2, Faults, free_port, wait_until
from .nova import OWNER, Nova

BOOT = ("vm", "boot", "--name=web")
CREATE = "POST /v2.1/servers"


def rows(cms: Cms) -> list[dict[str, Any]]:
    listed = cms("vm", "list", "--output=json")
    assert listed.returncode == 0, listed.stderr
    return json.loads(listed.stdout)


def refused(cms: Cms, *words: str) -> tuple[int, str]:
    """Run a command that fails; give its code and its only line."""
    result = cms("vm", *words)
    assert re.fullmatch(r"cms: .*\n", result.stderr), result.stderr
    return result.returncode, result.stderr


def test_a_vm_that_asks_for_no_group_gets_one_that_lets_ssh_in(
    cms_openstack: Cms, project: Nova
) -> None:
    assert cms_openstack(*BOOT).returncode == 0
    (server,) = project.instances()
    assert [group["name"] for group in server["security_groups"]] == ["cloudmesh"]
    assert project.groups("cloudmesh") == ["tcp 22-22 0.0.0.0/0"]
    assert server["metadata"]["cm-image"] == "CC-Ubuntu24.04"


def test_another_key_of_our_name_is_refused(cms_openstack: Cms, project: Nova) -> None:
    project.compute.post("/os-keypairs", json={"keypair": {"name": "cloudmesh"}})
    code, said = refused(cms_openstack, "boot", "--name=web")
    assert (code, project.words()) == (5, "")
    assert "another key is named 'cloudmesh' on chameleon" in said


def test_init_makes_the_site_ready_and_changes_nothing_again(
    cms_openstack: Cms, project: Nova
) -> None:
    steps = []
    for _ in range(2):
        result = cms_openstack("init", "chameleon", "--output=json")
        assert result.returncode == 0, result.stderr
        steps.append({row["step"]: row["action"] for row in json.loads(result.stdout)})
    assert (steps[0]["upload"], steps[0]["group"]) == ("added", "added")
    assert (steps[1]["upload"], steps[1]["group"]) == ("already there", "already there")
    assert project.keys() == ["cloudmesh"]
    assert project.groups("cloudmesh") == ["tcp 22-22 0.0.0.0/0"]


@pytest.mark.parametrize("tags", [{"cm-name": "web"}, {"cm-name": "web", "cm-owner": OWNER + "x"}])
def test_what_lacks_our_mark_is_never_touched(
    cms_openstack: Cms, project: Nova, tags: dict[str, str]
) -> None:
    (machine,) = project.make("web", metadata=tags)
    for verb in ("stop", "delete"):
        for name in ("web", machine):
            code, said = refused(cms_openstack, verb, name)
            assert (code, "was not booted by this appliance" in said) == (5, True)
    (server,) = project.instances()
    assert (server["id"], server["status"], server["metadata"]) == (machine, "ACTIVE", tags)


def test_a_price_of_the_region_counts(cms_openstack: Cms, project: Nova) -> None:
    cms_openstack.configure("    # max_hourly_cost: 1.50", "    max_hourly_cost: 1.50")
    table = cms_openstack.root / "prices.yaml"
    table.write_text("openstack: {KVM@TACC: {m1.medium: 2}}\n")
    code, said = refused(cms_openstack, "boot", "--name=web")
    assert (code, project.words()) == (5, ""), said
    table.write_text("openstack: {KVM@TACC: {m1.medium: 1}}\n")
    assert cms_openstack(*BOOT).returncode == 0


def test_a_quota_is_told_as_such(cms_openstack: Cms, project: Nova) -> None:
    project.quota(instances=0)
    code, said = refused(cms_openstack, "boot", "--name=web")
    assert (code, project.words()) == (1, "")
    assert "Quota exceeded for instances" in said
    assert "ask the site for a higher quota" in said


def test_a_vm_that_no_host_takes_is_told_in_novas_words_and_replaced(
    cms_openstack: Cms, project: Nova
) -> None:
    huge = {"name": "huge", "ram": 512, "vcpus": 100_000, "disk": 1}
    project.quota(instances=100, cores=-1)
    made = project.admin.post("/flavors", json={"flavor": huge}).json()["flavor"]
    try:
        for _ in range(2):
            code, said = refused(cms_openstack, "boot", "--name=web", "--flavor=huge")
            assert (code, project.words()) == (1, "web/failed")
            assert re.search("failed: No valid host was found.*or another --flavor", said)
        shown = json.loads(cms_openstack("vm", "status", "web", "--output=json").stdout)
        assert shown[0]["fault"].startswith("No valid host was found")
        assert cms_openstack("vm", "delete", "web").returncode == 0
        assert project.words() == ""
    finally:
        project.admin.delete(f"/flavors/{made['id']}")


def test_a_reservation_of_a_lease_reaches_the_scheduler(cms_openstack: Cms, project: Nova) -> None:
    cms_openstack.configure(
        "        network: sharednet1\n", "        network: sharednet1\n        reservation: r-1\n"
    )
    assert cms_openstack(*BOOT).returncode == 0
    (machine,) = project.machine_ids()
    server = project.compute.get(f"/servers/{machine}", microversion="2.100").json()["server"]
    assert server["scheduler_hints"] == {"reservation": ["r-1"]}


def test_a_vm_in_error_is_replaced_by_the_next_boot(cms_openstack: Cms, project: Nova) -> None:
    assert cms_openstack(*BOOT).returncode == 0
    (broken,) = project.machine_ids()
    project.admin.post(f"/servers/{broken}/action", json={"os-resetState": {"state": "error"}})
    result = cms_openstack(*BOOT)
    assert result.returncode == 0, result.stderr
    assert project.words() == "web"
    assert [row["instance_id"] for row in rows(cms_openstack)] == project.machine_ids() != [broken]


def test_a_public_vm_has_an_address_that_goes_with_it(cms_openstack: Cms, project: Nova) -> None:
    foreign = project.network.post(
        "/v2.0/floatingips",
        json={"floatingip": {"floating_network_id": project.ids["public"]}},
    ).json()["floatingip"]["id"]
    # The address needs the VM, so this boot waits all the same.
    assert cms_openstack(*BOOT, "--public", "--nowait").returncode == 0
    (row,) = rows(cms_openstack)
    (mine,) = [one for one in project.addresses() if one["id"] != foreign]
    assert row["public_ips"] == [mine["floating_ip_address"]]
    assert mine["fixed_ip_address"] in row["private_ips"]
    assert cms_openstack("vm", "delete", "web").returncode == 0
    assert [one["id"] for one in project.addresses()] == [foreign]


def test_a_call_that_comes_after_its_command_died_leaves_no_second_vm(
    cms_openstack: Cms, project: Nova, nova_faults: Faults
) -> None:
    nova_faults.script({"action": CREATE, "fault": "hold", "when": "before"})
    process = cms_openstack.start(*BOOT)
    wait_until(lambda: CREATE in nova_faults.actions(), 240)
    process.kill()
    process.communicate(timeout=PATIENCE)
    assert cms_openstack(*BOOT).returncode == 0
    kept = project.machine_ids()
    nova_faults.script()
    wait_until(lambda: len(project.machine_ids()) == 2, 240)
    assert cms_openstack(*BOOT).returncode == 0
    # What is deleted before it was built Nova may show for a moment more.
    wait_until(lambda: project.machine_ids() == kept)
    assert kept == [row["instance_id"] for row in rows(cms_openstack)]


def test_an_application_credential_is_enough_until_it_is_revoked(
    cms_openstack: Cms, project: Nova
) -> None:
    credential, secret = project.credential()
    (cms_openstack.root / "secrets/chameleon").write_text(secret + "\n")
    cms_openstack.configure(
        "          username: cloudmesh\n",
        f"          application_credential_id: {credential}\n"
        "          application_credential_secret_FILE: chameleon\n          username: TBD\n",
    )
    assert cms_openstack("vm", "list", "--refresh", "--cloud=chameleon").returncode == 0
    project.revoke(credential)
    code, said = refused(cms_openstack, "list", "--refresh", "--cloud=chameleon")
    assert code == 4
    assert "whether the application credential has expired or was revoked" in said


@pytest.mark.parametrize(
    ("old", "new", "code", "says"),
    [
        ("password: sandbox-password", "password: wrong", 4, "check credentials.auth"),
        ("password: sandbox-password", "password: TBD", 2, "auth.password is not given"),
        ("project_name: cloudmesh", "project_name: nosuch", 4, "check credentials.auth"),
        ("region_name: KVM@TACC", "region_name: CHI@UC", 2, "check credentials.region_name"),
    ],
)
def test_a_login_that_fails_says_what_to_look_at(
    cms_openstack: Cms, old: str, new: str, code: int, says: str
) -> None:
    cms_openstack.configure(old, new)
    result = refused(cms_openstack, "list", "--refresh", "--cloud=chameleon")
    assert result[0] == code
    assert says in result[1]


def test_a_cloud_that_does_not_answer_hinders_no_other(cms_aws: Cms, ec2: Ec2) -> None:
    ec2.make("web")
    cms_aws.environ["CLOUDMESH_SANDBOX_OPENSTACK"] = f"http://127.0.0.1:{free_port()}"
    result = cms_aws("vm", "list", "--refresh", "--cloud=chameleon,aws", "--output=json")
    assert result.returncode == 4
    assert re.fullmatch("cms: chameleon: OpenStack does not answer: .*\n", result.stderr)
    assert [row["name"] for row in json.loads(result.stdout)] == ["web"]
