"""`cms vm` on the sandbox's Google: names, tags, keys, logins, failures, and what a kill leaves."""

import json
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from . import gce
from .conftest import PATIENCE, PLANTED, Cms, Ec2, Faults, free_port, wait_until
from .gce import OWNER, ZONE, Gce
from .site import INSTANCES
from .test_vm_edit import done, kill

CREATE = f"POST {INSTANCES}"
BOOT = ("vm", "boot", "--name=web")
REFRESH = ("list", "--refresh", "--cloud=google")


def refused(cms: Cms, *words: str) -> tuple[int, str]:
    """Run a command that fails; give its code and its only line."""
    result = cms("vm", *words)
    assert re.fullmatch(r"cms: .*\n", result.stderr), result.stderr
    return result.returncode, result.stderr


def metadata(instance: dict[str, Any]) -> dict[str, str]:
    return {item["key"]: item["value"] for item in instance["metadata"].get("items", [])}


def test_a_vm_is_made_as_google_wants_it(cms_google: Cms, google_project: Gce) -> None:
    result = cms_google("vm", "boot", "--name=Web_1.x", "--run=manual__2026", "--group=Blue Team")
    assert result.returncode == 0, result.stderr
    (instance,) = google_project.instances()
    assert re.fullmatch(r"web-1-x-[0-9a-f]{8}", instance["name"])
    assert instance["labels"]["cm-owner"] == OWNER
    assert instance["labels"]["cm-run"] == "manual__2026"
    rest = json.loads(metadata(instance)["cm-tags"])
    assert (rest["cm-name"], rest["cm-group"]) == ("Web_1.x", "Blue Team")
    assert instance["disks"][0]["autoDelete"] is True
    assert instance["tags"]["items"] == ["cloudmesh"]
    assert google_project.groups("cloudmesh") == ["tcp 22-22 0.0.0.0/0"]
    assert "accessConfigs" not in instance["networkInterfaces"][0]
    (row,) = done(cms_google, "list")
    assert (row["name"], row["cm"]["group"], row["key"]) == ("Web_1.x", "Blue Team", "cloudmesh")


def test_a_key_opens_only_the_vm_that_asked_for_it(cms_google: Cms, google_project: Gce) -> None:
    assert cms_google(*BOOT).returncode == 0
    public = (cms_google.root / "state/ssh/id_rsa.pub").read_text().strip()
    (instance,) = google_project.instances()
    assert metadata(instance)["ssh-keys"] == f"ubuntu:{public}"
    common = google_project.ask("GET", "")["commonInstanceMetadata"]["items"]
    assert [item["key"] for item in common] == ["cloudmesh-keys"]


def test_another_key_of_our_name_is_refused(cms_google: Cms, google_project: Gce) -> None:
    other = {"cloudmesh": {"owner": "cm-x", "public_key": "ssh-rsa AAAA other"}}
    common = google_project.ask("GET", "")["commonInstanceMetadata"]
    items = [{"key": "cloudmesh-keys", "value": json.dumps(other)}]
    google_project.change("POST", "/setCommonInstanceMetadata", {**common, "items": items})
    code, said = refused(cms_google, "boot", "--name=web")
    assert (code, google_project.words()) == (5, "")
    assert "another key is named 'cloudmesh' on google" in said


def test_a_tag_moves_between_label_and_metadata(cms_google: Cms, google_project: Gce) -> None:
    google_project.make("web")
    for value in ("Upper Case", "lower", "Again: 1"):
        assert cms_google("vm", "meta", "set", "web", f"note={value}").returncode == 0
        listed = done(cms_google, "meta", "list", "web")
        assert [(one["key"], one["value"]) for one in listed] == [("note", value)]
    assert cms_google("vm", "meta", "delete", "web", "note").returncode == 0
    assert done(cms_google, "meta", "list", "web") == []


def test_a_change_that_meets_another_is_made_anew(
    cms_google: Cms, google_project: Gce, google_faults: Faults
) -> None:
    google_project.make("web")
    rule = {"action": f"POST {INSTANCES}/*/setLabels", "fault": "error"}
    google_faults.script({**rule, "status": 412, "code": "error", "times": 3})
    assert cms_google("vm", "meta", "set", "web", "a=b").returncode == 0
    assert google_project.instances()[0]["labels"]["a"] == "b"


def test_a_rename_reaches_google_when_the_vm_is_stopped(
    cms_google: Cms, google_project: Gce
) -> None:
    google_project.make("web db/stopped")
    done(cms_google, "rename", "web,db", "www,sql")
    names = {one["labels"]["cm-name"]: one["name"] for one in google_project.instances()}
    assert names["www"].startswith("web-")
    assert names["sql"].startswith("sql-")


def test_a_rename_killed_between_its_calls_is_finished_by_the_next(
    cms_google: Cms, google_project: Gce, google_faults: Faults
) -> None:
    google_project.make("web/stopped")
    rule = {"action": f"POST {INSTANCES}/*/setName", "when": "after"}
    kill(cms_google, google_faults, rule, "rename", "web", "www")
    done(cms_google, "rename", "web", "www")
    assert google_project.words() == "www/stopped"


def test_a_suspended_vm_is_stopped_and_starts(cms_google: Cms, google_project: Gce) -> None:
    (machine,) = google_project.make("web")
    google_project.change("POST", f"/{ZONE}/instances/{machine}/suspend")
    assert done(cms_google, "status", "web")[0]["status"] == "stopped"
    assert done(cms_google, "start", "web")[0]["action"] == "started"
    assert google_project.words() == "web"


@pytest.mark.parametrize("public", [(), ("--public",)])
def test_an_address_is_assigned_once_and_given_back(
    cms_google: Cms, google_project: Gce, public: tuple[str, ...]
) -> None:
    assert cms_google(*BOOT, *public).returncode == 0
    assert len(done(cms_google, "status", "web")[0]["public_ips"]) == len(public)
    for action in ("assigned", "already assigned"):
        assert done(cms_google, "ip", "assign", "web")[0]["action"] == action
    (address,) = google_project.addresses()
    assert done(cms_google, "status", "web")[0]["public_ips"] == [address["address"]]
    for action in ("unassigned", "nothing assigned"):
        assert done(cms_google, "ip", "unassign", "web")[0]["action"] == action
    assert google_project.addresses() == []


def test_an_address_goes_with_its_vm_and_a_foreign_one_stays(
    cms_google: Cms, google_project: Gce
) -> None:
    place = "/regions/us-central1/addresses"
    google_project.change("POST", place, {"name": "theirs"})
    google_project.make("web db")
    done(cms_google, "ip", "assign", "web")
    (theirs,) = [one for one in google_project.addresses() if one["name"] == "theirs"]
    (db,) = [one for one in google_project.instances() if one["labels"]["cm-name"] == "db"]
    way = {"type": "ONE_TO_ONE_NAT", "natIP": theirs["address"]}
    add = f"/{ZONE}/instances/{db['id']}/addAccessConfig"
    google_project.change("POST", add, way, networkInterface="nic0")
    code, said = refused(cms_google, "ip", "assign", "db")
    assert (code, "did not assign" in said) == (5, True)
    done(cms_google, "delete", "web,db")
    assert [one["name"] for one in google_project.addresses()] == ["theirs"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "action",
    ["POST /compute/v1/projects/sandbox/regions/us-central1/addresses",
     f"POST {INSTANCES}/*/deleteAccessConfig", f"POST {INSTANCES}/*/addAccessConfig"],
)  # fmt: skip
def test_an_assignment_killed_at_any_call_is_finished_by_the_next(
    cms_google: Cms, google_project: Gce, google_faults: Faults, action: str, when: str
) -> None:
    assert cms_google(*BOOT, "--public").returncode == 0
    kill(cms_google, google_faults, {"action": action, "when": when}, "ip", "assign", "web")
    done(cms_google, "ip", "assign", "web")
    (address,) = google_project.addresses()
    assert done(cms_google, "status", "web")[0]["public_ips"] == [address["address"]]


def test_a_zone_that_has_none_left_is_asked_again_by_the_next_boot(
    cms_google: Cms, google_project: Gce
) -> None:
    boots = []
    for _ in range(2):
        code, said = refused(cms_google, "boot", "--name=web", "--flavor=a2-ultragpu-1g")
        assert (code, google_project.words()) == (1, "")
        assert "ZONE_RESOURCE_POOL_EXHAUSTED" in said
        boots.append(_inserts(google_project))
    # The second did not take the first one's failure for its own.
    assert boots[1] == boots[0] + 1
    assert cms_google(*BOOT).returncode == 0
    assert google_project.words() == "web"


def _inserts(project: Gce) -> int:
    kinds = [one["operationType"] for one in project.items(f"/{ZONE}/operations")]
    return kinds.count("insert")


@pytest.mark.parametrize("deleted", [False, True])
def test_a_call_that_comes_after_its_command_died_makes_no_vm(
    cms_google: Cms, google_project: Gce, google_faults: Faults, deleted: bool
) -> None:
    google_faults.script({"action": CREATE, "fault": "hold", "when": "before"})
    process = cms_google.start(*BOOT)
    wait_until(lambda: CREATE in google_faults.actions())
    process.kill()
    process.communicate(timeout=PATIENCE)
    assert cms_google(*BOOT).returncode == 0
    if deleted:
        assert cms_google("vm", "delete", "web").returncode == 0
    before = google_project.machine_ids()
    assert len(before) == (0 if deleted else 1)
    google_faults.script()

    def arrived() -> bool:
        calls = [entry for entry in google_faults.log() if entry["action"] == CREATE]
        return [call["upstream_status"] for call in calls] == [200, 200]

    wait_until(arrived)
    assert google_project.machine_ids() == before
    assert len(google_project.launches()) == 1


@pytest.fixture
def small() -> Iterator[Gce]:
    """A Google that gives two processors."""
    yield from gce.serve("--cpus", "2")


def test_a_quota_is_told_as_such(cms_google: Cms, small: Gce) -> None:
    cms_google.environ["CLOUDMESH_SANDBOX_GOOGLE"] = small.address
    small.make("db")
    code, said = refused(cms_google, "boot", "--name=web")
    assert (code, small.words()) == (1, "db")
    assert "Quota 'CPUS' exceeded" in said
    assert "ask Google for more quota" in said


def test_a_price_of_the_region_counts(cms_google: Cms, google_project: Gce) -> None:
    cms_google.configure("    # max_hourly_cost: 1.50", "    max_hourly_cost: 0.008")
    assert refused(cms_google, "boot", "--name=web")[0] == 5
    (cms_google.root / "prices.yaml").write_text("google: {us-central1: {e2-micro: 0.007}}\n")
    assert cms_google(*BOOT).returncode == 0
    assert google_project.words() == "web"


def test_init_makes_the_project_ready_and_changes_nothing_again(cms_google: Cms) -> None:
    steps = []
    for _ in range(2):
        result = cms_google("init", "google", "--output=json")
        assert result.returncode == 0, result.stderr
        steps.append({row["step"]: row["action"] for row in json.loads(result.stdout)})
    assert (steps[0]["upload"], steps[0]["group"]) == ("added", "added")
    assert (steps[1]["upload"], steps[1]["group"]) == ("already there", "already there")


def account(cms: Cms, address: str, **changes: str) -> Path:
    """Make the key of a service account as Google gives it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    PLANTED.add(pem.splitlines()[3])
    name = f"cms-{secrets.token_hex(4)}@sandbox.iam.gserviceaccount.com"
    told = {"type": "service_account", "project_id": "sandbox", "client_email": name}
    told |= {"private_key": pem, "token_uri": f"{address}/token", **changes}
    file = cms.root / "secrets/google.json"
    file.write_text(json.dumps(told))
    return file


def use(cms: Cms, file: Path) -> None:
    cms.configure("        access_token: sandbox-access-token\n", "")
    cms.configure("path_to_json_file: TBD", f"path_to_json_file: {file}")


def test_a_service_account_logs_in(cms_google: Cms, google_project: Gce) -> None:
    use(cms_google, account(cms_google, google_project.address))
    # The file says the project.
    cms_google.configure("        project: sandbox\n", "")
    google_project.make("web")
    assert [row["name"] for row in done(cms_google, *REFRESH)] == ["web"]


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"client_email": "nobody@example.com"}, 4, "invalid_grant.*check credentials"),
        ({"private_key": "none"}, 2, "is no usable key"),
        ({"type": "external_account"}, 2, "a login of type external_account"),
        ({"token_uri": "http://127.0.0.1:9/token"}, 4, "login does not answer"),
    ],
)
def test_an_account_that_cannot_log_in_says_why(
    cms_google: Cms, google_project: Gce, changes: dict[str, str], code: int, says: str
) -> None:
    use(cms_google, account(cms_google, google_project.address, **changes))
    told = refused(cms_google, *REFRESH)
    assert (told[0], bool(re.search(says, told[1]))) == (code, True), told


@pytest.mark.parametrize(
    ("old", "new", "code", "says"),
    [
        ("sandbox-access-token", "another-one", 4, "check credentials in cloudmesh.yaml"),
        ("project: sandbox\n", "project: TBD\n", 2, "credentials.project is not given"),
        ("project: sandbox\n", "project: nosuch\n", 1, "check credentials.project"),
        ("datacenter: us-central1-a", "datacenter: TBD", 2, "credentials.datacenter is not given"),
        ("datacenter: us-central1-a", "datacenter: mars-a", 1, "check credentials.datacenter"),
        ("endpoint: ${CLOUDMESH_SANDBOX_GOOGLE", "endpoint: x${NOSUCH", 2, "credentials.endpoint"),
    ],
)  # fmt: skip
def test_a_section_that_is_wrong_says_what_to_look_at(
    cms_google: Cms, old: str, new: str, code: int, says: str
) -> None:
    cms_google.configure(old, new)
    told = refused(cms_google, *REFRESH)
    assert (told[0], says in told[1]) == (code, True), told


def test_a_cloud_that_does_not_answer_hinders_no_other(cms_aws: Cms, ec2: Ec2) -> None:
    ec2.make("web")
    cms_aws.environ["CLOUDMESH_SANDBOX_GOOGLE"] = f"http://127.0.0.1:{free_port()}"
    result = cms_aws("vm", "list", "--refresh", "--cloud=google,aws", "--output=json")
    assert result.returncode == 4
    assert re.fullmatch("cms: google: Google does not answer: .*\n", result.stderr)
    assert [row["name"] for row in json.loads(result.stdout)] == ["web"]
