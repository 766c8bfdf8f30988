"""The sandbox's clouds, asked past all that is ours, and the proxies between them and `cms`."""

import json
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar

TENANT, SUBSCRIPTION, APPLICATION = (
    f"a2d00000-0000-4000-8000-00000000000{number}" for number in (1, 2, 3)
)
MACHINES = "/providers/Microsoft.Compute/virtualMachines"
INSTANCES = "/compute/v1/projects/sandbox/zones/us-central1-a/instances"


def ask(method: str, url: str, body: Any = None, **headers: str) -> Any:
    """Make one call; the answer's JSON."""
    return json.loads(_open(method, url, body, headers)[1] or b"null")


def _open(method: str, url: str, body: Any, headers: dict[str, str]) -> tuple[Any, bytes]:
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    if not isinstance(body, bytes):
        headers = {"Content-Type": "application/json", **headers}
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        error.add_note(error.read().decode(errors="replace"))
        raise


class Cloud:
    """What a cloud holds by its own word, and the proxy before it.

    :cvar making: the call that makes a VM
    :cvar states: the cloud's words for the states that tests ask for
    """

    making: ClassVar[str]
    states: ClassVar[dict[str, str]]

    def __init__(self, address: str, faults: str) -> None:
        self.address, self.faults = address, faults

    def vms(self) -> list[tuple[str, str]]:
        """Give name (empty: no tag) and state of each VM that lives, also of two of one name."""
        return sorted((name, self.states.get(state, state)) for _, name, state in self.every())

    def names(self) -> list[str]:
        """Give the names of the VMs that live, each as often as there is one."""
        return [name for name, _ in self.vms()]

    def every(self) -> Iterable[tuple[str, str, str]]:
        """Give id, name and state of each VM that lives."""
        raise NotImplementedError

    def end(self, machine: str) -> None:
        """Terminate a VM."""
        raise NotImplementedError

    def empty(self) -> None:
        """Terminate all there is, and let every call pass."""
        self.script()
        for machine, _, _ in self.every():
            self.end(machine)

    def script(self, *rules: dict[str, Any]) -> None:
        """Tell the proxy what to do to which calls; what was held goes on."""
        ask("PUT", f"{self.faults}/script", [*rules])

    def reveal(self) -> None:
        """Show what a rule has hidden."""
        ask("DELETE", f"{self.faults}/instances")

    def calls(self, action: str) -> int:
        """Count the calls since `forget_calls`."""
        return sum(call["action"] == action for call in ask("GET", f"{self.faults}/log"))

    def forget_calls(self) -> None:
        """Count from here on."""
        ask("DELETE", f"{self.faults}/log")


class Aws(Cloud):
    """moto."""

    making = "RunInstances"
    states: ClassVar = {}

    def call(self, action: str, **parameters: str) -> ET.Element:
        """Ask EC2."""
        form = {"Action": action, "Version": "2016-11-15", **parameters}
        # It takes the service and the region from the signature, which it does not check.
        scope = "Credential=test/20260101/us-east-1/ec2/aws4_request"
        signature = f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=none"
        headers = {"Authorization": signature}
        return ET.fromstring(
            _open("POST", self.address, urllib.parse.urlencode(form).encode(), headers)[1]
        )

    def every(self) -> Iterable[tuple[str, str, str]]:
        for one in self.call("DescribeInstances").iterfind(".//{*}instancesSet/{*}item"):
            state = one.findtext("{*}instanceState/{*}name") or ""
            if state != "terminated":
                tags = one.iterfind("{*}tagSet/{*}item")
                named = {tag.findtext("{*}key"): tag.findtext("{*}value") for tag in tags}
                yield one.findtext("{*}instanceId") or "", named.get("cm-name") or "", state

    def instances(self) -> dict[str, tuple[str, str]]:
        """Give name and state of all instances that live, by id."""
        return {machine: (name, state) for machine, name, state in self.every()}

    def launch(self) -> str:
        """Launch an instance as somebody else does in the same account; its id."""
        made = self.call("RunInstances", ImageId="ami-12c6146b", MinCount="1", MaxCount="1")
        return made.findtext(".//{*}instanceId") or ""

    def end(self, machine: str) -> None:
        self.call("TerminateInstances", **{"InstanceId.1": machine})


class Azure(Cloud):
    """Our own fake of Azure's virtual machines."""

    making = f"PUT /subscriptions/*/resourceGroups/*{MACHINES}/*"
    states: ClassVar = {"deallocated": "stopped"}

    @cached_property
    def _token(self) -> str:
        form = {
            "grant_type": "client_credentials", "scope": "x/.default",
            "client_id": APPLICATION, "client_secret": "sandbox-secret-key",
        }  # fmt: skip
        data = urllib.parse.urlencode(form).encode()
        return str(ask("POST", f"{self.address}/{TENANT}/oauth2/v2.0/token", data)["access_token"])

    def call(self, method: str, place: str) -> Any:
        """Ask the resource manager."""
        url = f"{self.address}{place}?api-version=2024-07-01"
        return ask(method, url, Authorization=f"Bearer {self._token}")

    def every(self) -> Iterable[tuple[str, str, str]]:
        for one in self.call("GET", f"/subscriptions/{SUBSCRIPTION}{MACHINES}")["value"]:
            if one["properties"]["provisioningState"] != "Deleting":
                view = self.call("GET", f"{one['id']}/instanceView")["statuses"]
                told = dict(status["code"].split("/")[:2] for status in view)
                state = told.get("PowerState") or told["ProvisioningState"]
                yield one["id"], one["tags"].get("cm-name", ""), state

    def end(self, machine: str) -> None:
        self.call("DELETE", machine)


class Google(Cloud):
    """Our own fake of Compute Engine."""

    making = f"POST {INSTANCES}"
    states: ClassVar = {"RUNNING": "running", "TERMINATED": "stopped"}

    def call(self, method: str, place: str) -> Any:
        """Ask Compute Engine."""
        return ask(method, self.address + place, Authorization="Bearer sandbox-access-token")

    def every(self) -> Iterable[tuple[str, str, str]]:
        for one in self.call("GET", INSTANCES).get("items", []):
            yield one["id"], one.get("labels", {}).get("cm-name", ""), one["status"]

    def end(self, machine: str) -> None:
        self.call("DELETE", f"{INSTANCES}/{machine}")


class OpenStack(Cloud):
    """A real Nova, and the Keystone before it.

    :param keystone: where its users log in
    """

    making = "POST /v2.1/servers"
    states: ClassVar = {"ACTIVE": "running", "SHUTOFF": "stopped"}

    def __init__(self, address: str, faults: str, keystone: str) -> None:
        super().__init__(address, faults)
        self.keystone = keystone

    def log_in(self, identity: dict[str, Any], **scope: Any) -> tuple[str, str]:
        """Give a token, and the id of whose it is."""
        body = {"auth": {"identity": identity, **scope}}
        headers, answer = _open("POST", f"{self.keystone}/v3/auth/tokens", body, {})
        return headers["X-Subject-Token"], json.loads(answer)["token"]["user"]["id"]

    @cached_property
    def _login(self) -> tuple[str, str]:
        domain = {"id": "default"}
        user = {"name": "cloudmesh", "domain": domain, "password": "sandbox-password"}
        identity = {"methods": ["password"], "password": {"user": user}}
        return self.log_in(identity, scope={"project": {"name": "cloudmesh", "domain": domain}})

    def call(self, method: str, place: str, body: Any = None) -> Any:
        """Ask a service."""
        return ask(method, place, body, **{"X-Auth-Token": self._login[0]})

    def every(self) -> Iterable[tuple[str, str, str]]:
        servers = self.call("GET", f"{self.address}/v2.1/servers/detail")["servers"]
        for one in servers:
            if one["status"] != "DELETED" and one["OS-EXT-STS:task_state"] != "deleting":
                yield one["id"], one["metadata"].get("cm-name", ""), one["status"]

    def end(self, machine: str) -> None:
        self.call("DELETE", f"{self.address}/v2.1/servers/{machine}")

    def credential(self, seconds: float) -> tuple[str, str]:
        """Make an application credential that expires so soon: its id and secret."""
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        wanted = {"name": f"until {until}", "expires_at": f"{until:%Y-%m-%dT%H:%M:%S.%fZ}"}
        place = f"{self.keystone}/v3/users/{self._login[1]}/application_credentials"
        made = self.call("POST", place, {"application_credential": wanted})
        return made["application_credential"]["id"], made["application_credential"]["secret"]

    def admits(self, credential: str, secret: str) -> bool:
        """Say whether an application credential opens anything."""
        word = "application_credential"
        try:
            self.log_in({"methods": [word], word: {"id": credential, "secret": secret}})
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 401:
                return False
            raise
        return True
