"""Our fake of Azure: Azure's own SDK works with it, and it refuses what Azure refuses."""

import json
import os
import re
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from azure.core import MatchConditions
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import HTTPPolicy
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.network import NetworkManagementClient

FAKE = Path(__file__).parents[3] / "sandbox/azure"
TENANT, SUBSCRIPTION, APPLICATION = (
    f"a2d00000-0000-4000-8000-00000000000{number}" for number in (1, 2, 3)
)
ROOT = f"/subscriptions/{SUBSCRIPTION}"
GROUP = f"{ROOT}/resourceGroups/lab"
VMS = f"{GROUP}/providers/Microsoft.Compute/virtualMachines"
VERSION = "?api-version=2024-07-01"
LOGIN = {
    "grant_type": "client_credentials", "client_id": APPLICATION, "scope": "x/.default",
    "client_secret": "sandbox-secret-key",
}  # fmt: skip
KEY = "ssh-rsa " + "AAAAB3NzaC1yc2EAAAADAQABAAABAQ" + "A" * 342
SUBNET = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/net/subnets/one"
# Each release of the SDK asks for the newest ones, and for no other.
VERSIONS = {"Compute": "2024-07-01", "Compute/skus": "2021-07-01", "Network": "2024-05-01"}


class Fake:
    """The fake, asked without any client."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.headers: dict[str, str] = {}

    def __call__(self, method: str, place: str, body: Any = None, **headers: str) -> Any:
        content = None if body is None else json.dumps(body).encode()
        given = {**self.headers, **{key.replace("_", "-"): one for key, one in headers.items()}}
        request = Request(self.address + place, content, given, method=method)
        try:
            with urlopen(request, timeout=120) as reply:
                return json.loads(reply.read() or b"{}")
        except HTTPError as error:
            with error:
                told = json.loads(error.read())["error"]
                return error.code, told["code"], dict(error.headers)

    def refused(self, method: str, place: str, body: Any = None, **headers: str) -> tuple[int, str]:
        answer = self(method, place, body, **headers)
        assert isinstance(answer, tuple), answer
        return answer[0], answer[1]

    def log_in(self, tenant: str = TENANT, **changed: str) -> Any:
        form = urllib.parse.urlencode({**LOGIN, **changed}).encode()
        try:
            with urlopen(f"{self.address}/{tenant}/oauth2/v2.0/token", form, timeout=120) as reply:
                return json.loads(reply.read())
        except HTTPError as error:
            with error:
                return json.loads(error.read())["error_codes"]

    def set(self, **settings: Any) -> None:
        self("PUT", "/sandbox/settings", settings)

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken(self.log_in()["access_token"], 2**40)


@pytest.fixture(scope="module")
def process() -> Iterator[str]:
    words = [sys.executable, str(FAKE), "--host", "127.0.0.1", "--port", "0", "--seconds", "0"]
    environ = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    running = subprocess.Popen(words, stdout=subprocess.PIPE, env=environ, text=True)
    assert running.stdout
    yield running.stdout.readline().split()[-1]
    running.terminate()
    assert running.wait(60) == 0
    running.stdout.close()


@pytest.fixture
def fake(process: str) -> Fake:
    """An empty subscription, with its resource group."""
    made = Fake(process)
    made("POST", "/sandbox/reset", {})
    made.set(seconds=0.0)
    made.headers = {"Authorization": f"Bearer {made.log_in()['access_token']}"}
    made("PUT", f"{GROUP}?api-version=2021-04-01", {"location": "eastus"})
    return made


@pytest.fixture
def network(fake: Fake) -> Iterator[NetworkManagementClient]:
    options: dict[str, Any] = {"base_url": fake.address}
    with NetworkManagementClient(fake, SUBSCRIPTION, **options, **Plain().options) as client:
        yield client


@pytest.fixture
def compute(fake: Fake) -> Iterator[ComputeManagementClient]:
    options: dict[str, Any] = {"base_url": fake.address}
    with ComputeManagementClient(fake, SUBSCRIPTION, **options, **Plain().options) as client:
        yield client


class Plain(HTTPPolicy[Any, Any]):
    """Lets the SDK send a token without TLS, and ask for the versions that the fake has."""

    def __init__(self) -> None:
        self.options = {"per_call_policies": [self], "polling_interval": 0}

    def send(self, request: Any) -> Any:
        request.context.options["enforce_https"] = False
        place = request.http_request.url
        provider = place.partition("?")[0].rpartition("/providers/Microsoft.")[2].split("/")
        version = VERSIONS.get("/".join(provider[:2]), VERSIONS[provider[0]])
        request.http_request.url = re.sub(r"(?<=api-version=)[^&]+", version, place)
        return self.next.send(request)


def machine(nic: str) -> dict[str, Any]:
    """What a VM is made of."""
    keys = [{"path": "/home/ada/.ssh/authorized_keys", "keyData": KEY}]
    linux = {"disablePasswordAuthentication": True, "ssh": {"publicKeys": keys}}
    image = {"publisher": "Debian", "offer": "debian-12", "sku": "12-gen2", "version": "latest"}
    properties = {
        "hardwareProfile": {"vmSize": "Standard_B1s"},
        "storageProfile": {
            "imageReference": image,
            "osDisk": {"name": "disk", "createOption": "FromImage", "deleteOption": "Delete"},
        },
        "osProfile": {"computerName": "web", "adminUsername": "ada", "linuxConfiguration": linux},
        "networkProfile": {
            "networkInterfaces": [{"id": nic, "properties": {"deleteOption": "Delete"}}]
        },
    }
    return {"location": "eastus", "tags": {"a": "b"}, "properties": properties}


def interface(network: NetworkManagementClient, name: str = "nic") -> str:
    """Make a network and an interface with a public address in it."""
    space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
    inside = [{"name": "one", "properties": {"addressPrefix": "10.0.0.0/24"}}]
    body: Any = {"location": "eastus", "properties": {**space, "subnets": inside}}
    network.virtual_networks.begin_create_or_update("lab", "net", body).result()
    sku: Any = {"location": "eastus", "sku": {"name": "Standard"},
                "properties": {"publicIPAllocationMethod": "Static"}}  # fmt: skip
    address = network.public_ip_addresses.begin_create_or_update("lab", f"{name}-ip", sku).result()
    entry = {
        "subnet": {"id": SUBNET},
        "publicIPAddress": {"id": address.id, "properties": {"deleteOption": "Delete"}},
    }
    inside = {"ipConfigurations": [{"name": "a", "properties": entry}]}
    nic: Any = {"location": "eastus", "properties": inside}
    made = network.network_interfaces.begin_create_or_update("lab", name, nic).result()
    assert str(made.id).endswith(f"/networkInterfaces/{name}")
    return str(made.id)


def test_the_sdk_takes_a_vm_through_its_life(
    compute: ComputeManagementClient, network: NetworkManagementClient
) -> None:
    body: Any = machine(interface(network))
    made = compute.virtual_machines.begin_create_or_update("lab", "web", body).result()
    assert (made.name, made.properties.provisioning_state, made.tags) == (
        "web",
        "Succeeded",
        {"a": "b"},
    )
    assert made.properties.storage_profile.image_reference.exact_version == "0.20251006.2257"
    powers = []
    for act in ("begin_deallocate", "begin_start", "begin_power_off"):
        getattr(compute.virtual_machines, act)("lab", "web").result()
        seen = compute.virtual_machines.get("lab", "web", expand="instanceView")
        powers.append(seen.properties.instance_view.statuses[-1].code)
    assert powers == ["PowerState/deallocated", "PowerState/running", "PowerState/stopped"]
    (address,) = network.public_ip_addresses.list_all()
    assert address.properties.ip_address.startswith("198.1")
    (nic,) = network.network_interfaces.list_all()
    assert nic.properties.virtual_machine.id == made.id
    compute.virtual_machines.begin_delete("lab", "web").result()
    assert [*compute.virtual_machines.list_all()] == [*network.network_interfaces.list_all()] == []
    assert [*network.public_ip_addresses.list_all()] == []


def test_the_sdk_reads_sizes_images_and_keys(compute: ComputeManagementClient) -> None:
    where = ("eastus", "Canonical", "ubuntu-24_04-lts", "server")
    versions = compute.virtual_machine_images.list(*where, orderby="name desc", top=1)
    assert [one.name for one in versions] == ["24.04.202511080"]
    key: Any = {"location": "eastus", "properties": {"publicKey": KEY}}
    compute.ssh_public_keys.create("lab", "mine", key)
    (found,) = compute.ssh_public_keys.list_by_resource_group("lab")
    assert (found.name, found.properties.public_key) == ("mine", KEY)


def test_a_vm_is_made_once_where_that_is_asked_for(
    compute: ComputeManagementClient, network: NetworkManagementClient
) -> None:
    body: Any = machine(interface(network))
    compute.virtual_machines.begin_create_or_update("lab", "web", body).result()
    with pytest.raises(HttpResponseError) as caught:
        compute.virtual_machines.begin_create_or_update(
            "lab", "web", body, etag="*", match_condition=MatchConditions.IfMissing
        )
    assert caught.value.status_code == 412


def test_an_operation_that_fails_tells_why(
    fake: Fake, compute: ComputeManagementClient, network: NetworkManagementClient
) -> None:
    fake.set(failures=[{"code": "AllocationFailed", "message": "No room."}])
    body: Any = machine(interface(network))
    with pytest.raises(HttpResponseError, match="No room"):
        compute.virtual_machines.begin_create_or_update("lab", "web", body).result()
    view = compute.virtual_machines.instance_view("lab", "web")
    assert [one.code for one in view.statuses] == ["ProvisioningState/failed/AllocationFailed"]


SSH = "osProfile.linuxConfiguration.ssh.publicKeys"


@pytest.mark.parametrize(
    ("where", "wrong", "code"),
    [
        ("hardwareProfile.vmSize", "Huge", "InvalidParameter"),
        ("hardwareProfile.size", "Standard_B1s", "InvalidRequestContent"),
        ("networkProfile.networkInterfaces", [], "InvalidParameter"),
        ("networkProfile.networkInterfaces.0.id", f"{GROUP}/x", "InvalidResourceReference"),
        ("storageProfile.imageReference.sku", "nosuch", "PlatformImageNotFound"),
        ("storageProfile.imageReference.version", "1", "PlatformImageNotFound"),
        ("storageProfile.osDisk.createOption", "Empty", "InvalidParameter"),
        ("osProfile.adminUsername", "root", "InvalidParameter"),
        ("osProfile.computerName", "a_b", "InvalidParameter"),
        (SSH, [], "InvalidParameter"),
        (f"{SSH}.0.path", "/root/.ssh/authorized_keys", "InvalidParameter"),
        (f"{SSH}.0.keyData", "ssh-rsa AAAA", "InvalidParameter"),
    ],
)
def test_a_vm_that_azure_would_refuse_is_refused(
    fake: Fake, network: NetworkManagementClient, where: str, wrong: Any, code: str
) -> None:
    body = machine(interface(network))
    node: Any = body["properties"]
    *path, last = where.split(".")
    for word in path:
        node = node[int(word) if word.isdecimal() else word]
    node[last] = wrong
    status, told = fake.refused("PUT", f"{VMS}/web{VERSION}", body)
    assert (status in (400, 404), told) == (True, code)
    assert fake("GET", f"{VMS}{VERSION}") == {"value": []}


@pytest.mark.parametrize(
    ("method", "place", "told"),
    [
        ("GET", VMS, (400, "MissingApiVersionParameter")),
        ("GET", f"{VMS}?api-version=1999-01-01", (400, "NoRegisteredProviderFound")),
        ("GET", f"{VMS}/nosuch{VERSION}", (404, "ResourceNotFound")),
        ("POST", f"{VMS}/nosuch/start{VERSION}", (404, "ResourceNotFound")),
        ("GET", VMS.replace("lab", "nosuch") + VERSION, (404, "ResourceGroupNotFound")),
        ("GET", VMS.replace("0002", "0009") + VERSION, (404, "SubscriptionNotFound")),
        ("GET", VMS.replace(SUBSCRIPTION, "mine") + VERSION, (400, "InvalidSubscriptionId")),
        ("GET", f"{GROUP}/providers/Microsoft.Compute/x{VERSION}", (404, "InvalidResourceType")),
        ("GET", f"{GROUP}/providers/Nobody.Here/x{VERSION}", (404, "InvalidResourceNamespace")),
        ("PUT", f"{VMS}/-web{VERSION}", (400, "InvalidParameter")),
        ("PUT", f"{VMS}/web.{VERSION}", (400, "InvalidParameter")),
        ("PUT", f"{VMS}/{'w' * 65}{VERSION}", (400, "InvalidParameter")),
    ],
)  # fmt: skip
def test_a_call_that_azure_would_refuse_is_refused(
    fake: Fake, method: str, place: str, told: tuple[int, str]
) -> None:
    assert fake.refused(method, place, {"location": "eastus"} if method == "PUT" else None) == told


def test_another_region_too_many_tags_and_bad_json_are_refused(fake: Fake) -> None:
    place = f"{GROUP}/providers/Microsoft.Network/networkSecurityGroups/a?api-version=2024-05-01"
    assert fake.refused("PUT", place, {})[1] == "LocationRequired"
    body: dict[str, Any] = {"location": "mars"}
    assert fake.refused("PUT", place, body)[1] == "LocationNotAvailableForResourceType"
    body = {"location": "eastus", "tags": {str(number): "" for number in range(51)}}
    assert fake.refused("PUT", place, body)[1] == "InvalidTags"
    assert fake.refused("PUT", place, [])[1] == "InvalidRequestContent"


def test_what_is_used_is_not_deleted(
    fake: Fake, compute: ComputeManagementClient, network: NetworkManagementClient
) -> None:
    body: Any = machine(interface(network))
    compute.virtual_machines.begin_create_or_update("lab", "web", body).result()
    place = f"{GROUP}/providers/Microsoft.Network"
    for kind, code in (
        ("networkInterfaces/nic", "NicInUse"),
        ("publicIPAddresses/nic-ip", "PublicIPAddressCannotBeDeleted"),
        ("virtualNetworks/net", "InUseSubnetCannotBeDeleted"),
    ):
        assert fake.refused("DELETE", f"{place}/{kind}?api-version=2024-05-01") == (400, code)
    body["properties"]["storageProfile"]["osDisk"]["name"] = "other"
    assert fake.refused("PUT", f"{VMS}/db{VERSION}", body) == (409, "NicInUse")


def test_two_changes_of_one_vm_at_once_are_refused(
    fake: Fake, compute: ComputeManagementClient, network: NetworkManagementClient
) -> None:
    body: Any = machine(interface(network))
    compute.virtual_machines.begin_create_or_update("lab", "web", body).result()
    fake.set(seconds=60.0)
    assert fake("POST", f"{VMS}/web/deallocate{VERSION}") == {}
    assert fake.refused("POST", f"{VMS}/web/start{VERSION}") == (409, "Conflict")
    seen = fake("GET", f"{VMS}/web{VERSION}&$expand=instanceView")["properties"]
    assert seen["provisioningState"] == "Updating"
    assert seen["instanceView"]["statuses"][-1]["code"] == "PowerState/deallocating"


def test_quotas_and_throttling_are_what_they_were_told_to_be(
    fake: Fake, network: NetworkManagementClient
) -> None:
    body = machine(interface(network))
    fake.set(cores=0)
    assert fake.refused("PUT", f"{VMS}/web{VERSION}", body) == (409, "OperationNotAllowed")
    fake.set(throttled=[7])
    status, code, headers = fake("GET", VMS + VERSION)
    assert (status, code, headers["Retry-After"]) == (429, "TooManyRequests", "7")
    assert fake("GET", VMS + VERSION) == {"value": []}


@pytest.mark.parametrize(
    ("tenant", "changed", "number"),
    [
        ("nobody", {}, 90002),
        (TENANT, {"client_id": "x"}, 700016),
        (TENANT, {"client_secret": "x"}, 7000215),
        (TENANT, {"scope": "x"}, 70011),
        (TENANT, {"grant_type": "password"}, 70003),
    ],
)
def test_a_login_that_is_wrong_is_refused(
    fake: Fake, tenant: str, changed: dict[str, str], number: int
) -> None:
    assert fake.log_in(tenant, **changed) == [number]


def test_without_a_token_nobody_gets_in(fake: Fake) -> None:
    fake.headers = {}
    assert fake.refused("GET", VMS + VERSION) == (401, "AuthenticationFailed")
    fake.headers = {"Authorization": "Bearer guessed"}
    assert fake.refused("GET", VMS + VERSION) == (401, "InvalidAuthenticationToken")


def test_the_shapes_are_those_of_the_sdk() -> None:
    code = "import shapes; print(shapes.text(shapes.shapes()), end='')"
    environ = {"PYTHONPATH": str(FAKE), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True)
    assert done.stdout == (FAKE / "shapes.json").read_text(), done.stderr
