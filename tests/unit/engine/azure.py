"""The sandbox's Azure, asked and changed past `cms`."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from .nova import OWNER

FAKE = Path(__file__).parents[3] / "sandbox/azure"
TENANT, SUBSCRIPTION, APPLICATION = (
    f"a2d00000-0000-4000-8000-00000000000{number}" for number in (1, 2, 3)
)
COMPUTE, NETWORK = "providers/Microsoft.Compute", "providers/Microsoft.Network"
IMAGE = {
    "publisher": "Canonical", "offer": "ubuntu-24_04-lts", "sku": "server", "version": "latest",
}  # fmt: skip
_VERSIONS = {
    "Microsoft.Compute": "2024-07-01",
    "Microsoft.Compute/disks": "2024-03-02",
    "Microsoft.Network": "2024-05-01",
}
# A key's worth of random bytes behind the mark of an RSA key.
KEY = "ssh-rsa " + "AAAAB3NzaC1yc2EAAAADAQABAAABAQ" + "A" * 342


class Azure:
    """The subscription as its owner sees it. VMs are written as words, as in `Ec2`."""

    def __init__(self, address: str, secret: str) -> None:
        self.address = address
        self.group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{OWNER}"
        self.secret = secret
        self.token = ""

    def reset(self) -> None:
        self._http("POST", "/sandbox/reset", {})
        self.set(seconds=0.0, secret=self.secret)
        self.token = self.login()

    def section(self) -> dict[str, Any]:
        """What cloudmesh.yaml would say of it."""
        credentials = {
            "AZURE_TENANT_ID": TENANT,
            "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
            "AZURE_APPLICATION_ID": APPLICATION,
            "AZURE_SECRET_KEY": self.secret,
            "AZURE_REGION": "eastus",
            "endpoint": self.address,
        }
        return {"credentials": credentials, "default": {"resource_group": OWNER}}

    def set(self, **settings: Any) -> None:
        self._http("PUT", "/sandbox/settings", settings)

    def login(self) -> str:
        form = {
            "grant_type": "client_credentials", "client_id": APPLICATION, "scope": "x/.default",
            "client_secret": self.secret,
        }  # fmt: skip
        place = f"{self.address}/{TENANT}/oauth2/v2.0/token"
        with urlopen(Request(place, urlencode(form).encode(), method="POST"), timeout=120) as reply:
            return str(json.loads(reply.read())["access_token"])

    def call(self, method: str, place: str, body: Any = None, **headers: str) -> Any:
        """Make a call of the resource manager; a place is below our resource group."""
        place = place if place.startswith("/") else f"{self.group}/{place}".rstrip("/")
        kind = place.partition("?")[0].rpartition("/providers/")[2].split("/")
        version = _VERSIONS.get("/".join(kind[:2])) or _VERSIONS.get(kind[0], "2021-04-01")
        place += f"{'&' if '?' in place else '?'}api-version={version}"
        bearer = {"Authorization": f"Bearer {self.token}", **headers}
        return self._http(method, place, body, bearer)

    def make(self, words: str) -> list[str]:
        """Make VMs as `cms` would."""
        if not words:
            return []
        self.call("PUT", "", {"location": "eastus", "tags": {"cm-owner": OWNER}})
        inside = [{"name": "cmsubnet", "properties": {"addressPrefix": "10.80.0.0/20"}}]
        network = {"addressSpace": {"addressPrefixes": ["10.80.0.0/16"]}, "subnets": inside}
        self.put("Network/virtualNetworks/cmnetwork", network)
        made = []
        for word in words.split():
            name, _, state = word.partition("/")
            tags = {
                "cm-name": name.lstrip("~"), "cm-key": "cloudmesh",
                "cm-owner": "cm-somebody-else" if name.startswith("~") else OWNER,
            }  # fmt: skip
            made.append(self.machine(name.lstrip("~?") or "nameless", {} if name == "?" else tags))
            if state == "stopped":
                self.call("POST", f"{COMPUTE}/virtualMachines/{made[-1]}/deallocate")
        return made

    def machine(self, word: str, tags: dict[str, str]) -> str:
        name = f"{word}-{secrets.token_hex(6)}"
        place = f"{self.group}/{NETWORK}"
        entry = {"subnet": {"id": f"{place}/virtualNetworks/cmnetwork/subnets/cmsubnet"}}
        nic = {"ipConfigurations": [{"name": "main", "properties": entry}]}
        self.put(f"Network/networkInterfaces/{name}-nic", nic)
        path = "/home/azureuser/.ssh/authorized_keys"
        goes = {"deleteOption": "Delete"}
        self.put(
            f"Compute/virtualMachines/{name}",
            {
                "hardwareProfile": {"vmSize": "Standard_B1s"},
                "storageProfile": {
                    "imageReference": IMAGE,
                    "osDisk": {"name": f"{name}-os", "createOption": "FromImage", **goes},
                },
                "osProfile": {
                    "computerName": "vm",
                    "adminUsername": "azureuser",
                    "linuxConfiguration": {
                        "disablePasswordAuthentication": True,
                        "ssh": {"publicKeys": [{"path": path, "keyData": KEY}]},
                    },
                },
                "networkProfile": {
                    "networkInterfaces": [
                        {"id": f"{place}/networkInterfaces/{name}-nic", "properties": goes}
                    ]
                },
                "diagnosticsProfile": {"bootDiagnostics": {"enabled": True}},
            },
            tags,
        )
        return name

    def put(self, kind: str, properties: Any, tags: dict[str, str] | None = None) -> None:
        body = {"location": "eastus", "tags": tags or {}, "properties": properties}
        self.call("PUT", f"providers/Microsoft.{kind}", body)

    def every(self, kind: str) -> list[dict[str, Any]]:
        """The resources of a kind in the whole subscription, as `Network/publicIPAddresses`."""
        place = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.{kind}"
        return list(self.call("GET", place)["value"])

    def names(self, kind: str) -> list[str]:
        return sorted(one["name"] for one in self.every(kind))

    def instances(self) -> list[dict[str, Any]]:
        found = self.every("Compute/virtualMachines")
        return [one for one in found if one["properties"]["provisioningState"] != "Deleting"]

    def machine_ids(self) -> list[str]:
        return [one["name"] for one in self.instances()]

    def words(self) -> str:
        return " ".join(sorted(map(self.word, self.instances())))

    def word(self, machine: dict[str, Any]) -> str:
        tags = machine["tags"]
        if not tags:
            return "?"
        name = ("" if tags["cm-owner"] == OWNER else "~") + tags["cm-name"]
        view = self.call("GET", f"{COMPUTE}/virtualMachines/{machine['name']}/instanceView")
        states = dict(one["code"].split("/")[:2] for one in view["statuses"])
        power = states.get("PowerState") or states["ProvisioningState"]
        told = {"running": "", "deallocated": "/stopped", "stopped": "/stopped-and-charged"}
        return name + told.get(power, f"/{power}")

    def launches(self) -> list[dict[str, str]]:
        """Every VM that was ever made."""
        return [{"token": name} for name in self._http("GET", "/sandbox/launches", None)["value"]]

    def terminate(self, machine: str) -> None:
        self.call("DELETE", f"{COMPUTE}/virtualMachines/{machine}")

    def groups(self, name: str) -> list[str]:
        """The rules of the security groups of that name."""
        return [
            f"{rule['properties']['protocol'].lower()} "
            + "-".join([rule["properties"]["destinationPortRange"]] * 2)
            + f" {rule['properties']['sourceAddressPrefix']}"
            for group in self.every("Network/networkSecurityGroups")
            for rule in group["properties"]["securityRules"]
            if group["name"] == name
        ]

    def _http(
        self, method: str, place: str, body: Any, headers: dict[str, str] | None = None
    ) -> Any:
        content = None if body is None else json.dumps(body).encode()
        request = Request(self.address + place.replace(" ", "%20"), content, headers or {})
        request.method = method
        try:
            with urlopen(request, timeout=120) as reply:
                return json.loads(reply.read() or b"{}")
        except HTTPError as error:
            with error:
                raise AssertionError(f"{method} {place}: {error.read().decode()}") from error


def serve() -> Iterator[str]:
    """Start the fake."""
    process = subprocess.Popen(
        [sys.executable, str(FAKE), "--host", "127.0.0.1", "--port", "0", "--seconds", "0"],
        stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        text=True,
    )
    assert process.stdout
    try:
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()
