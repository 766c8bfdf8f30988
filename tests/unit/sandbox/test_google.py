"""The fake Google: it refuses what Google refuses, and takes as long as it is asked again."""

import base64
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

SANDBOX = Path(__file__).parents[3] / "sandbox/google"
ZONE = "/zones/us-central1-a"
IMAGE = "projects/debian-cloud/global/images/family/debian-12"
ACCOUNT = "cms@sandbox.iam.gserviceaccount.com"


@dataclass
class Google:
    address: str
    token: str = "sandbox-access-token"

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """Give the answer; an error as its status and reason."""
        place = f"{self.address}/compute/v1/projects/sandbox{path}?{urlencode(query)}"
        content = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.send(Request(place, content, headers, method=method))

    def send(self, request: Request) -> Any:
        try:
            with urlopen(request, timeout=120) as reply:
                return json.loads(reply.read())
        except HTTPError as error:
            with error:
                told = json.loads(error.read())["error"]
            return error.code, told if isinstance(told, str) else told["errors"][0]["reason"]

    def done(self, operation: Any) -> Any:
        """Wait for an operation."""
        assert isinstance(operation, dict), operation
        assert operation["status"] == "RUNNING"
        place = operation["selfLink"].partition("/projects/sandbox")[2]
        deadline = time.monotonic() + 180
        while operation["status"] != "DONE":
            assert time.monotonic() < deadline
            operation = self.ask("GET", place)
        return operation

    def make(self, web: str, **more: Any) -> Any:
        return self.ask("POST", f"{ZONE}/instances", {**wanted(web), **more})

    def names(self, place: str = f"{ZONE}/instances", **query: str) -> list[str]:
        return [one["name"] for one in self.ask("GET", place, **query).get("items", [])]


def wanted(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "machineType": "zones/us-central1-a/machineTypes/e2-micro",
        "disks": [{"boot": True, "autoDelete": True, "initializeParams": {"sourceImage": IMAGE}}],
        "networkInterfaces": [{"network": "projects/sandbox/global/networks/default"}],
    }


@pytest.fixture
def google() -> Iterator[Google]:
    words = ["--port", "0", "--cpus", "6"]
    process = subprocess.Popen(
        [sys.executable, str(SANDBOX), *words], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    yield Google(process.stdout.readline().split()[-1])
    process.terminate()
    assert process.wait(60) == 0
    process.stdout.close()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": "Web"}, (400, "invalid")),
        ({"name": "web-"}, (400, "invalid")),
        ({"name": "w" * 64}, (400, "invalid")),
        ({"labels": {"A": "b"}}, (400, "invalid")),
        ({"labels": {"a": "B"}}, (400, "invalid")),
        ({"labels": {"a": "b" * 64}}, (400, "invalid")),
        ({"metadata": {"items": [{"key": "a b", "value": ""}]}}, (400, "invalid")),
        ({"metadata": {"items": [{"key": "a"}, {"key": "a"}]}}, (400, "invalid")),
        ({"tags": {"items": ["A"]}}, (400, "invalid")),
        ({"machineType": "zones/us-central1-b/machineTypes/e2-micro"}, (400, "invalid")),
        ({"machineType": "zones/us-central1-a/machineTypes/t2.micro"}, (400, "invalid")),
        ({"networkInterfaces": []}, (400, "invalid")),
        ({"networkInterfaces": [{"network": "projects/sandbox/global/networks/x"}]},
         (400, "invalid")),
        ({"disks": []}, (400, "invalid")),
        ({"disks": [{"boot": True, "initializeParams": {"sourceImage": f"{IMAGE}3"}}]},
         (400, "invalid")),
        ({"flavour": "e2-micro"}, (400, "invalid")),
        ({"labels": []}, (400, "invalid")),
    ],
)  # fmt: skip
def test_a_vm_that_google_would_not_make_is_refused(
    google: Google, change: dict[str, Any], says: tuple[int, str]
) -> None:
    assert google.make("web", **change) == says
    assert google.names() == []


def test_a_change_is_an_operation_that_ends(google: Google) -> None:
    made = google.make("web")
    assert (made["status"], made["operationType"]) == ("RUNNING", "insert")
    assert google.done(made)["progress"] == 100
    instance = google.ask("GET", f"{ZONE}/instances/web")
    assert (instance["id"], instance["status"]) == (made["targetId"], "RUNNING")
    assert google.ask("GET", f"{ZONE}/instances/{made['targetId']}") == instance
    assert google.done(google.ask("DELETE", f"{ZONE}/instances/web"))
    assert google.ask("GET", f"{ZONE}/instances/web") == (404, "notFound")


def test_a_repeated_request_id_gets_the_same_operation(google: Google) -> None:
    asked = str(uuid.uuid4())
    first = google.ask("POST", f"{ZONE}/instances", wanted("web"), requestId=asked)
    again = google.ask("POST", f"{ZONE}/instances", wanted("web"), requestId=asked)
    assert (again["id"], again["targetId"]) == (first["id"], first["targetId"])
    google.done(first)
    google.done(google.ask("DELETE", f"{ZONE}/instances/web"))
    late = google.ask("POST", f"{ZONE}/instances", wanted("web"), requestId=asked)
    assert (late["id"], late["status"], google.names()) == (first["id"], "DONE", [])
    assert google.make("web")["id"] != first["id"]


@pytest.mark.parametrize("asked", ["1", str(uuid.UUID(int=0)), "x" * 36])
def test_a_request_id_is_a_uuid(google: Google, asked: str) -> None:
    path = f"{ZONE}/instances"
    assert google.ask("POST", path, wanted("web"), requestId=asked) == (400, "invalid")


def test_a_name_is_taken_only_once(google: Google) -> None:
    google.make("web")
    assert google.make("web") == (409, "alreadyExists")


def test_power_follows_the_state(google: Google) -> None:
    google.done(google.make("web"))
    web = f"{ZONE}/instances/web"
    assert google.ask("POST", f"{web}/resume") == (400, "resourceNotReady")
    for _ in range(50):
        stop = google.ask("POST", f"{web}/stop")
        early = google.ask("POST", f"{web}/start")
        google.done(stop)
        if early == (400, "resourceNotReady"):
            break
        # It came too late: on a busy machine the VM had stopped by then.
        google.done(early)
    assert early == (400, "resourceNotReady")
    assert google.ask("GET", web)["status"] == "TERMINATED"
    assert google.ask("POST", f"{web}/reset") == (400, "resourceNotReady")
    google.done(google.ask("POST", f"{web}/start"))
    assert google.ask("GET", web)["status"] == "RUNNING"


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("setMachineType", {"machineType": "zones/us-central1-a/machineTypes/e2-small"}),
        ("setName", {"name": "www", "currentName": "web"}),
    ],
)
def test_some_changes_need_a_stopped_vm(google: Google, action: str, body: Any) -> None:
    google.done(google.make("web"))
    web = f"{ZONE}/instances/web"
    assert google.ask("POST", f"{web}/{action}", body) == (400, "invalidUsage")
    google.done(google.ask("POST", f"{web}/stop"))
    assert "error" not in google.done(google.ask("POST", f"{web}/{action}", body))


def test_a_name_is_changed_only_from_the_current_one(google: Google) -> None:
    google.done(google.make("web"))
    google.done(google.ask("POST", f"{ZONE}/instances/web/stop"))
    names = {"name": "www", "currentName": "other"}
    answer = google.ask("POST", f"{ZONE}/instances/web/setName", names)
    assert answer == (412, "conditionNotMet")


def test_an_old_fingerprint_is_refused(google: Google) -> None:
    google.make("web")
    web = f"{ZONE}/instances/web"
    before = google.ask("GET", web)
    labels = {"labels": {"a": "b"}, "labelFingerprint": before["labelFingerprint"]}
    assert google.done(google.ask("POST", f"{web}/setLabels", labels))
    assert google.ask("POST", f"{web}/setLabels", labels) == (412, "conditionNotMet")
    items = {"items": [{"key": "a", "value": "B"}]}
    assert google.ask("POST", f"{web}/setMetadata", items) == (412, "conditionNotMet")
    items["fingerprint"] = before["metadata"]["fingerprint"]
    assert google.done(google.ask("POST", f"{web}/setMetadata", items))
    assert google.ask("POST", "/setCommonInstanceMetadata", {}) == (412, "conditionNotMet")
    mark = google.ask("GET", "")["commonInstanceMetadata"]["fingerprint"]
    common = {"items": items["items"], "fingerprint": mark}
    google.done(google.ask("POST", "/setCommonInstanceMetadata", common))
    assert google.ask("GET", "")["commonInstanceMetadata"]["items"] == common["items"]


def test_what_runs_is_bounded_by_a_quota(google: Google) -> None:
    big = {"machineType": "zones/us-central1-a/machineTypes/e2-standard-8"}
    assert google.make("big", **big) == (403, "quotaExceeded")
    for number in range(3):
        google.done(google.make(f"web-{number}"))
    assert google.make("web-3") == (403, "quotaExceeded")


def test_a_public_address_is_static_or_comes_and_goes_with_power(google: Google) -> None:
    nic = {"network": "projects/sandbox/global/networks/default"}
    ways = [{"type": "ONE_TO_ONE_NAT", "name": "External NAT"}]
    google.done(google.make("web", networkInterfaces=[{**nic, "accessConfigs": ways}]))
    web = f"{ZONE}/instances/web"
    assert way(google)["natIP"].startswith("198.18.")
    google.done(google.ask("POST", f"{web}/stop"))
    assert "natIP" not in way(google)
    google.done(google.ask("POST", "/regions/us-central1/addresses", {"name": "one"}))
    address = google.ask("GET", "/regions/us-central1/addresses/one")["address"]
    body = {"type": "ONE_TO_ONE_NAT", "natIP": address}
    add = f"{web}/addAccessConfig"
    assert google.ask("POST", add, body, networkInterface="nic0") == (400, "invalid")
    names = {"networkInterface": "nic0", "accessConfig": "External NAT"}
    google.done(google.ask("POST", f"{web}/deleteAccessConfig", **names))
    google.done(google.ask("POST", add, body, networkInterface="nic0"))
    assert way(google)["natIP"] == address
    in_use = google.ask("DELETE", "/regions/us-central1/addresses/one")
    assert in_use == (400, "resourceInUseByAnotherResource")
    google.done(google.ask("DELETE", web))
    google.done(google.ask("DELETE", "/regions/us-central1/addresses/one"))


def way(google: Google) -> Any:
    instance = google.ask("GET", f"{ZONE}/instances/web")
    return instance["networkInterfaces"][0]["accessConfigs"][0]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"allowed": []}, (400, "required")),
        ({"allowed": [{"IPProtocol": "tcp", "ports": ["70000"]}]}, (400, "invalid")),
        ({"allowed": [{"IPProtocol": "icmp", "ports": ["22"]}]}, (400, "invalid")),
        ({"sourceRanges": ["10.0.0.300/8"]}, (400, "invalid")),
        ({"targetTags": ["A"]}, (400, "invalid")),
        ({"network": "projects/sandbox/global/networks/x"}, (400, "invalid")),
    ],
)
def test_a_firewall_rule_that_google_would_not_take_is_refused(
    google: Google, change: dict[str, Any], says: tuple[int, str]
) -> None:
    rule = {"name": "ssh", "allowed": [{"IPProtocol": "tcp", "ports": ["22"]}]}
    assert google.ask("POST", "/global/firewalls", {**rule, **change}) == says
    google.done(google.ask("POST", "/global/firewalls", rule))
    assert google.ask("POST", "/global/firewalls", rule) == (409, "alreadyExists")


def test_lists_are_filtered_and_come_in_pages(google: Google) -> None:
    for name in ("a", "b", "c"):
        google.done(google.make(name, labels={"cm-owner": "x" if name == "b" else "y"}))
    assert google.names(filter='labels.cm-owner = "y"') == ["a", "c"]
    assert google.names(filter='(name = "a") OR (name = "c")') == ["a", "c"]
    assert google.names(filter='name = "a" AND labels.cm-owner = "x"') == []
    assert google.ask("GET", f"{ZONE}/instances", filter="name ~ a") == (400, "invalid")
    first = google.ask("GET", f"{ZONE}/instances", maxResults="2")
    assert [one["name"] for one in first["items"]] == ["a", "b"]
    assert google.names(maxResults="2", pageToken=first["nextPageToken"]) == ["c"]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/zones/mars-a/instances", (400, "invalid")),
        ("/zones/us-central1-a/machineTypes/nosuch", (404, "notFound")),
        ("/global/nosuch", (404, "notFound")),
        ("/../nosuch", (404, "notFound")),
    ],
)
def test_a_place_that_is_not_there_is_refused(google: Google, path: str, says: Any) -> None:
    assert google.ask("GET", path) == says


def test_an_unknown_parameter_is_refused(google: Google) -> None:
    assert google.ask("GET", f"{ZONE}/instances", limit="1") == (400, "invalidParameter")


def part(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def statement(google: Google, **changes: Any) -> Any:
    """Ask for a token by the statement of a service account."""
    now = int(time.time())
    claims = {"iss": ACCOUNT, "aud": f"{google.address}/token", "iat": now, "exp": now + 3600}
    claims |= {"scope": "https://www.googleapis.com/auth/cloud-platform", **changes}
    signed = [part({"alg": "RS256"}), part(claims), part("x" * 256)]
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": ".".join(signed),
    }
    return google.send(Request(f"{google.address}/token", urlencode(form).encode()))


def test_a_token_opens_the_project(google: Google) -> None:
    assert Google(google.address, "nosuch").ask("GET", "") == (401, "authError")
    bought = statement(google)
    assert bought["token_type"] == "Bearer"
    assert Google(google.address, bought["access_token"]).ask("GET", "")["name"] == "sandbox"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"aud": "https://example.com/token"}, (400, "invalid_grant")),
        ({"scope": "https://www.googleapis.com/auth/devstorage"}, (400, "invalid_scope")),
        ({"iss": "me@example.com"}, (400, "invalid_grant")),
        ({"iat": 1, "exp": 3601}, (400, "invalid_grant")),
        ({"exp": int(time.time()) + 86400}, (400, "invalid_grant")),
    ],
)
def test_a_statement_that_is_not_good_buys_nothing(google: Google, changes: Any, says: Any) -> None:
    assert statement(google, **changes) == says
