"""`cms vm` on the sandbox's Azure: what only Azure does, and what it leaves."""

import http.server
import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from .azure import COMPUTE, OWNER, Azure
from .conftest import ACTIVE, PATIENCE, Cms, Faults, wait_until
from .site import AzureSite
from .test_vm_limits import limit

BOOT = ("vm", "boot", "--name=web")
CREATE = AzureSite.calls["RunInstances"]
CHANGE = AzureSite.calls["CreateInterface"]
STOP = AzureSite.calls["StopInstances"]
ADDRESS = AzureSite.calls["CreateAddress"].partition(" ")[2]
PARTS = ("Network/networkInterfaces", "Network/publicIPAddresses")


def rows(cms: Cms) -> list[dict[str, Any]]:
    listed = cms("vm", "list", "--output=json")
    assert listed.returncode == 0, listed.stderr
    return json.loads(listed.stdout)


def refused(cms: Cms, *words: str, **environ: str) -> tuple[int, str]:
    """Run a command that fails; give its code and its only line."""
    result = cms("vm", *words, **environ)
    assert re.fullmatch(r"cms: .*\n", result.stderr), result.stderr
    return result.returncode, result.stderr


def parts(azure: Azure) -> list[str]:
    """What VMs consist of beside themselves."""
    return [name for kind in PARTS for name in azure.names(kind)]


def test_a_vm_is_in_a_group_of_ours_with_its_tags_its_key_and_ssh(
    cms_azure: Cms, azure: Azure
) -> None:
    done = cms_azure(*BOOT, "--group=blue", "--image=ubuntu-22.04", "--output=json")
    assert done.returncode == 0, done.stderr
    (machine,), (row,) = azure.instances(), json.loads(done.stdout)
    assert f"/resourceGroups/{OWNER}/" in machine["id"]
    tags = machine["tags"]
    assert (tags["cm-owner"], tags["cm-name"], tags["cm-group"]) == (OWNER, "web", "blue")
    assert (tags["cm-image"], row["username"]) == ("ubuntu-22.04", "azureuser")
    assert row["image"].startswith("Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:22.04.2")
    assert (row["key"], row["flavor"]) == ("cloudmesh", "Standard_B1s")
    assert row["private_ips"] == ["10.80.0.4"]
    assert (row["public_ips"], parts(azure)) == ([], [f"{row['instance_id']}-nic"])
    own = (cms_azure.root / "state/ssh/id_rsa.pub").read_text().split()[1]
    (key,) = machine["properties"]["osProfile"]["linuxConfiguration"]["ssh"]["publicKeys"]
    assert own in key["keyData"]
    assert azure.groups("cloudmesh") == ["tcp 22-22 0.0.0.0/0"]


def test_a_deleted_vm_leaves_nothing_that_costs(cms_azure: Cms, azure: Azure) -> None:
    assert cms_azure(*BOOT, "--public").returncode == 0
    (row,) = rows(cms_azure)
    assert row["public_ips"][0].startswith("198.18.")
    assert len(parts(azure)) == 2
    assert cms_azure("vm", "delete", "web").returncode == 0
    assert (azure.words(), parts(azure), azure.names("Compute/disks")) == ("", [], [])


def test_an_address_comes_and_goes_and_stays_one(cms_azure: Cms, azure: Azure) -> None:
    assert cms_azure(*BOOT).returncode == 0
    for _ in range(2):
        assert cms_azure("vm", "ip", "assign", "web").returncode == 0
    (row,) = rows(cms_azure)
    (address,) = azure.every("Network/publicIPAddresses")
    assert row["public_ips"] == [address["properties"]["ipAddress"]]
    assert address["tags"]["cm-owner"] == OWNER
    for _ in range(2):
        assert cms_azure("vm", "ip", "unassign", "web").returncode == 0
    assert (rows(cms_azure)[0]["public_ips"], azure.names(PARTS[1])) == ([], [])


def test_an_address_of_somebody_else_is_not_taken_away(cms_azure: Cms, azure: Azure) -> None:
    (name,) = azure.make("web")
    body = {
        "location": "eastus",
        "sku": {"name": "Standard"},
        "properties": {"publicIPAllocationMethod": "Static"},
    }
    place = "providers/Microsoft.Network/publicIPAddresses/theirs"
    address = azure.call("PUT", place, body)["id"]
    (nic,) = azure.every(PARTS[0])
    entry = nic["properties"]["ipConfigurations"][0]["properties"]
    entry["publicIPAddress"] = {"id": address}
    azure.call("PUT", nic["id"], nic)
    code, said = refused(cms_azure, "ip", "assign", "web")
    assert (code, azure.names(PARTS[1])) == (5, ["theirs"])
    assert "theirs, which this appliance did not assign" in said
    assert cms_azure("vm", "delete", name).returncode == 0
    assert (azure.words(), azure.names(PARTS[1])) == ("", ["theirs"])


def test_a_call_that_comes_after_its_command_died_and_its_vm_was_deleted_makes_none(
    cms_azure: Cms, azure: Azure, azure_faults: Faults
) -> None:
    azure_faults.script({"action": CREATE, "fault": "hold", "when": "before"})
    process = cms_azure.start(*BOOT)
    wait_until(lambda: CREATE in azure_faults.actions())
    process.kill()
    process.communicate(timeout=PATIENCE)
    assert cms_azure(*BOOT).returncode == 0
    assert cms_azure("vm", "delete", "web").returncode == 0
    azure_faults.script()
    # Its interface went with the VM, so Azure cannot do it any more.
    wait_until(lambda: held(azure_faults) == 400)
    assert (azure.words(), parts(azure)) == ("", [])


def held(faults: Faults) -> int | None:
    """What the cloud said to the call that was held."""
    calls = [entry for entry in faults.log() if entry["action"] == CREATE and entry["rules"]]
    return calls[0]["upstream_status"]


def test_what_a_kill_left_goes_with_the_next_deletion(cms_azure: Cms, azure: Azure) -> None:
    assert cms_azure(*BOOT).returncode == 0
    (nic,) = azure.every(PARTS[0])
    inside = nic["properties"]["ipConfigurations"]
    fresh = [{"name": "a", "properties": {"subnet": inside[0]["properties"]["subnet"]}}]
    old = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    for name, owner, made in (
        ("left-0123456789ab", OWNER, old),
        ("young-0123456789ab", OWNER, datetime.now(UTC).isoformat()),
        ("timeless-0123456789ab", OWNER, ""),
        ("theirs-0123456789ab", "cm-somebody-else", old),
    ):
        tags = {"cm-owner": owner, "cm-made": made, "cm-vm": name}
        azure.put(f"{PARTS[0]}/{name}-nic", {"ipConfigurations": fresh}, tags)
    assert cms_azure("vm", "delete", "web").returncode == 0
    stay = [f"{name}-0123456789ab-nic" for name in ("theirs", "timeless", "young")]
    assert azure.names(PARTS[0]) == stay


@pytest.mark.parametrize("verb", ["assign", "unassign"])
def test_a_loose_address_of_a_vm_that_is_there_is_nothing_that_a_kill_left(
    cms_azure: Cms, azure: Azure, azure_faults: Faults, verb: str
) -> None:
    assert cms_azure("vm", "boot", "--name=web,db").returncode == 0
    if verb == "unassign":
        assert cms_azure("vm", "ip", "assign", "web").returncode == 0
    calls = {"assign": CHANGE, "unassign": f"DELETE {ADDRESS}"}
    problem = {"fault": "error", "nth": "every", "status": 500, "code": "InternalServerError"}
    azure_faults.script({**problem, "action": calls[verb]})
    assert cms_azure("vm", "ip", verb, "web").returncode == 4
    azure_faults.script()
    (address,) = azure.every(PARTS[1])
    assert "ipConfiguration" not in address["properties"]
    address["tags"]["cm-made"] = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    azure.call("PUT", address["id"], address)
    done = cms_azure("vm", "delete", "db")
    assert (done.returncode, done.stderr, azure.words()) == (0, "", "web")
    assert azure.names(PARTS[1]) == [address["name"]]
    # The same command finishes what it began.
    assert cms_azure("vm", "ip", verb, "web").returncode == 0
    assert len(rows(cms_azure)[0]["public_ips"]) == {"assign": 1, "unassign": 0}[verb]


class Garbler(http.server.BaseHTTPRequestHandler):
    """Passes all on to the cloud, and answers the making of a VM with a page of its own, once."""

    upstream: str
    garbled: bool

    def do_GET(self) -> None:
        length = int(self.headers["Content-Length"] or 0)
        kept = {
            key: self.headers[key] for key in ("Authorization", "Content-Type", "If-None-Match")
        }
        kept = {key: value for key, value in kept.items() if value}
        body = self.rfile.read(length) if length else None
        try:
            reply = urlopen(Request(self.upstream + self.path, body, kept, method=self.command))
        except HTTPError as error:
            reply = error
        with reply:
            content = reply.read()
        if not self.garbled and self.command == "PUT" and "/virtualMachines/" in self.path:
            type(self).garbled, content = True, b"<html>please log in</html>"
        self.send_response(reply.status)
        for key in ("Azure-AsyncOperation", "WWW-Authenticate"):
            if reply.headers[key]:
                self.send_header(key, reply.headers[key])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_PUT = do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - the names of its base

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def garbled(cms_azure: Cms, azure: Azure) -> Iterator[Cms]:
    """`cms` behind a proxy that puts its own page in place of an answer."""
    handler = type("Once", (Garbler,), {"upstream": azure.address, "garbled": False})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        cms_azure.environ["CLOUDMESH_SANDBOX_AZURE_VM"] = f"http://127.0.0.1:{server.server_port}"
        yield cms_azure
        server.shutdown()
        thread.join()


def test_an_answer_that_is_no_json_is_as_one_that_was_lost(garbled: Cms, azure: Azure) -> None:
    code, said = refused(garbled, "boot", "--name=web")
    assert (code, azure.words()) == (4, "web")
    assert "an answer that is no JSON" in said
    (made,) = azure.machine_ids()
    # As long as nobody knows, the name is not given to anything else.
    code, said = refused(garbled, "boot", "--name=web", "--flavor=Standard_B1ms")
    assert (code, "flavor is Standard_B1s, not Standard_B1ms" in said) == (5, True)
    assert garbled(*BOOT).returncode == 0
    assert azure.machine_ids() == [made]


def test_a_refused_boot_leaves_nothing(cms_azure: Cms, azure: Azure) -> None:
    azure.set(cores=0)
    code, said = refused(cms_azure, "boot", "--name=web", "--public")
    assert (code, azure.words(), parts(azure)) == (1, "", [])
    assert "exceeding approved Total Regional Cores quota" in said
    assert "ask Azure for a higher quota" in said


def test_a_vm_that_found_no_room_is_told_in_azures_words_and_replaced(
    cms_azure: Cms, azure: Azure
) -> None:
    azure.set(failures=[{"code": "AllocationFailed", "message": "Allocation failed. No room."}])
    code, said = refused(cms_azure, "boot", "--name=web")
    assert (code, azure.words()) == (1, "web/failed")
    assert "failed: AllocationFailed: Allocation failed. No room: try later, or another" in said
    shown = json.loads(cms_azure("vm", "status", "web", "--output=json").stdout)
    assert shown[0]["fault"].startswith("AllocationFailed")
    assert cms_azure(*BOOT).returncode == 0
    assert (azure.words(), len(azure.names("Compute/disks"))) == ("web", 1)


def test_a_vm_that_cannot_be_started_is_kept(cms_azure: Cms, azure: Azure) -> None:
    assert cms_azure(*BOOT).returncode == 0
    before = azure.machine_ids()
    assert cms_azure("vm", "stop", "web").returncode == 0
    azure.set(failures=[{"code": "ZonalAllocationFailed", "message": "No room."}])
    code, said = refused(cms_azure, "start", "web")
    assert (code, azure.words()) == (1, "web/stopped")
    assert "ZonalAllocationFailed: No room: try later" in said
    # Nor does a boot replace it: it has a disk.
    azure.set(failures=[{"code": "ZonalAllocationFailed", "message": "No room."}])
    assert cms_azure(*BOOT).returncode == 1
    assert cms_azure(*BOOT).returncode == 0
    assert (azure.words(), azure.machine_ids()) == ("web", before)


def test_a_vm_that_was_shut_down_from_inside_is_no_longer_charged_when_stopped(
    cms_azure: Cms, azure: Azure
) -> None:
    (name,) = azure.make("web")
    azure.call("POST", f"{COMPUTE}/virtualMachines/{name}/powerOff")
    shown = json.loads(cms_azure("vm", "status", "web", "--output=json").stdout)
    assert (shown[0]["status"], azure.words()) == ("stopped", "web/stopped-and-charged")
    assert costs(cms_azure) == (True, 1)
    assert cms_azure("vm", "stop", "web").returncode == 0
    assert azure.words() == "web/stopped"
    assert costs(cms_azure) == (False, 0)


@pytest.mark.parametrize("nth", [1, "every"])
def test_a_stop_that_met_another_operation_is_asked_again_while_the_vm_is_charged(
    cms_azure: Cms, azure: Azure, azure_faults: Faults, nth: int | str
) -> None:
    (name,) = azure.make("web")
    azure.call("POST", f"{COMPUTE}/virtualMachines/{name}/powerOff")
    busy = {"action": STOP, "fault": "error", "nth": nth, "status": 409, "code": "Conflict"}
    azure_faults.script(busy)
    limit(cms_azure, "wait_seconds", 2 if nth == "every" else 60)
    done = cms_azure("vm", "stop", "web")
    if nth == 1:
        assert (done.returncode, azure.words()) == (0, "web/stopped")
    else:
        assert (done.returncode, azure.words()) == (1, "web/stopped-and-charged")
        assert "is stopped but charged on and not stopped for good after 2 s" in done.stderr


def test_a_vm_that_is_stopping_already_is_waited_for_before_it_is_asked(
    cms_azure: Cms, azure: Azure, azure_faults: Faults
) -> None:
    (name,) = azure.make("web")
    azure.set(seconds=2.0)
    azure.call("POST", f"{COMPUTE}/virtualMachines/{name}/powerOff")
    assert cms_azure("vm", "stop", "web").returncode == 0
    assert (azure.words(), azure_faults.actions().count(STOP)) == ("web/stopped", 1)


def costs(cms: Cms) -> tuple[bool, int]:
    """Whether the inventory and the report say that the one VM costs something now."""
    (vm,) = json.loads(cms("vm", "list", "--output=json").stdout)
    (line,) = json.loads(cms("fleet", "report", "--output=json").stdout)
    return vm["cost_per_hour"] > 0, line["running"]


def test_a_boot_ends_the_surplus_one_of_two_that_are_stopped(cms_azure: Cms, azure: Azure) -> None:
    azure.make("db")
    tags = {"cm-name": "web", "cm-owner": OWNER, "cm-key": "cloudmesh", "cm-token": "0123"}
    for _ in range(2):
        azure.machine("web", tags)
    assert cms_azure("vm", "stop", "web").returncode == 0
    assert azure.words() == "db web/stopped web/stopped"
    limit(cms_azure, "wait_seconds", 20)
    done = cms_azure(*BOOT)
    assert (done.returncode, done.stderr, azure.words()) == (0, "", "db web")


def test_a_resize_takes_effect_and_a_restricted_size_is_refused(
    cms_azure: Cms, azure: Azure
) -> None:
    azure.set(restricted=["Standard_B4ms"])
    assert cms_azure(*BOOT).returncode == 0
    assert cms_azure("vm", "resize", "web", "--size=Standard_B2s").returncode == 0
    (row,) = rows(cms_azure)
    assert (row["flavor"], row["status"]) == ("Standard_B2s", "running")
    code, said = refused(cms_azure, "resize", "web", "--size=Standard_B4ms")
    assert (code, "no flavor 'Standard_B4ms' on azure" in said) == (1, True)


def test_the_console_is_what_azure_stored(cms_azure: Cms, azure: Azure) -> None:
    assert cms_azure(*BOOT).returncode == 0
    assert "Linux version" in cms_azure("vm", "console", "web").stdout


def test_a_start_by_anybody_is_seen_in_azures_log(azure: Azure) -> None:
    from cloudmesh_engine.clouds import azure as azure_driver

    driver = azure_driver.connect("azure", azure.section(), OWNER)
    (name,) = azure.make("web")
    (machine,) = driver.find("web")
    made = driver.last_launch(machine)
    azure.call("POST", f"{COMPUTE}/virtualMachines/{name}/deallocate")
    assert driver.last_launch(machine) == made
    azure.call("POST", f"{COMPUTE}/virtualMachines/{name}/start")
    assert driver.last_launch(machine) > made >= machine.launched


def test_a_wish_to_be_left_alone_is_told(cms_azure: Cms, azure: Azure) -> None:
    azure.set(throttled=[600])
    code, said = refused(cms_azure, "list", "--refresh", "--cloud=azure")
    assert (code, "try again in 600 s" in said) == (4, True)
    # A short one is granted.
    azure.set(throttled=[1])
    assert cms_azure("vm", "list", "--refresh", "--cloud=azure").returncode == 0


@pytest.mark.parametrize("tags", [{"cm-name": "web"}, {"cm-name": "web", "cm-owner": OWNER + "x"}])
def test_what_lacks_our_mark_is_never_touched(
    cms_azure: Cms, azure: Azure, tags: dict[str, str]
) -> None:
    azure.make("db")
    name = azure.machine("web", tags)
    for verb in ("stop", "delete"):
        for word in ("web", name):
            code, said = refused(cms_azure, verb, word)
            assert (code, "was not booted by this appliance" in said) == (5, True)
    assert name in azure.machine_ids()


def test_init_makes_the_subscription_ready_and_changes_nothing_again(
    cms_azure: Cms, azure: Azure
) -> None:
    steps = []
    for _ in range(2):
        result = cms_azure("init", "azure", "--output=json")
        assert result.returncode == 0, result.stderr
        steps.append({row["step"]: row["action"] for row in json.loads(result.stdout)})
    assert (steps[0]["upload"], steps[0]["group"]) == ("added", "added")
    assert (steps[1]["upload"], steps[1]["group"]) == ("already there", "already there")
    assert azure.names("Compute/sshPublicKeys") == ["cloudmesh"]
    assert azure.groups("cloudmesh") == ["tcp 22-22 0.0.0.0/0"]


def test_a_resource_group_that_is_given_is_used(cms_azure: Cms, azure: Azure) -> None:
    azure.call("PUT", azure.group.replace(OWNER, "lab"), {"location": "eastus"})
    cms_azure.configure("        # resource_group: yours", "        resource_group: lab #")
    assert cms_azure(*BOOT).returncode == 0
    (machine,) = azure.instances()
    assert "/resourceGroups/lab/" in machine["id"]


def test_a_price_of_the_region_counts(cms_azure: Cms, azure: Azure) -> None:
    cms_azure.configure("    # max_hourly_cost: 1.50", "    max_hourly_cost: 0.01")
    code, said = refused(cms_azure, "boot", "--name=web")
    assert (code, azure.words()) == (5, ""), said
    cms_azure.configure("    max_hourly_cost: 0.01", "    max_hourly_cost: 0.02")
    assert cms_azure(*BOOT).returncode == 0


@pytest.mark.parametrize(
    ("old", "new", "code", "says"),
    [
        ("AZURE_SECRET_KEY: ", "AZURE_SECRET_KEY: x", 4, "AADSTS7000215.* check AZURE_TENANT_ID"),
        ("AZURE_APPLICATION_ID: a2", "AZURE_APPLICATION_ID: b2", 4, "AADSTS700016"),
        ("AZURE_TENANT_ID: a2", "AZURE_TENANT_ID: b2", 4, "AADSTS90002"),
        ("AZURE_SUBSCRIPTION_ID: a2", "AZURE_SUBSCRIPTION_ID: b2", 4, "SubscriptionNotFound"),
        ("AZURE_TENANT_ID: a2", "AZURE_TENANT_ID: TBD # ", 2, "AZURE_TENANT_ID is not given"),
        ("AZURE_REGION: eastus", "AZURE_REGION: TBD", 2, "AZURE_REGION is not given"),
    ],
)
def test_a_login_that_fails_says_what_to_look_at(
    cms_azure: Cms, old: str, new: str, code: int, says: str
) -> None:
    cms_azure.configure(old, new)
    result = refused(cms_azure, "list", "--refresh", "--cloud=azure")
    assert result[0] == code
    assert re.search(says, result[1]), result[1]


def test_a_secret_of_a_file_opens_azure(cms_azure: Cms, azure: Azure) -> None:
    (cms_azure.root / "secrets/azure").write_text("another-secret\n")
    file = cms_azure.root / "cloudmesh.yaml"
    text = re.sub("AZURE_SECRET_KEY: canary.*", "AZURE_SECRET_KEY_FILE: azure", file.read_text())
    file.write_text(text)
    azure.set(secret="another-secret")
    assert cms_azure("vm", "list", "--refresh", "--cloud=azure").returncode == 0


def test_without_a_login_azures_own_tools_are_asked(cms_azure: Cms) -> None:
    file = cms_azure.root / "cloudmesh.yaml"
    text = file.read_text()
    for key in ("AZURE_TENANT_ID: a2", "AZURE_APPLICATION_ID: a2", "AZURE_SECRET_KEY: canary"):
        text = text.replace(key, f"{key.partition(':')[0]}: TBD #", 1)
    file.write_text(text)
    words = ("list", "--refresh", "--cloud=azure")
    code, said = refused(cms_azure, *words, AZURE_TOKEN_CREDENTIALS="EnvironmentCredential")
    assert (code, "or log in by az login" in said) == (4, True)


def test_listing_loads_nothing_of_azures(cms_azure: Cms) -> None:
    result = cms_azure("vm", "list", "--cloud=azure", PYTHONPROFILEIMPORTTIME="1")
    assert result.returncode == 0
    assert "| azure" not in result.stderr.replace("|   ", "| ")


def test_a_boot_loads_neither_azures_largest_packages_nor_its_login(cms_azure: Cms) -> None:
    result = cms_azure(*BOOT, PYTHONPROFILEIMPORTTIME="1")
    assert result.returncode == 0
    loaded = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert "azure.mgmt.core" in loaded
    assert not loaded & {"azure.mgmt.compute", "azure.mgmt.network", "azure.identity", "msal"}


def test_a_boot_where_nobody_looks_later_says_so(cms_azure: Cms, azure: Azure) -> None:
    assert cms_azure(*BOOT).stderr == ""
    cms_azure.configure(*(ACTIVE.format(word, "Azure") for word in ("true", "false")))
    told = cms_azure(*BOOT)
    assert (told.returncode, azure.words()) == (0, "web")
    assert "cms: note: azure is not active in cloudmesh.yaml" in told.stderr
