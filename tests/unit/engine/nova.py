"""A real OpenStack, the sandbox's, asked and changed past `cms` and past openstacksdk."""

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

import pytest
from keystoneauth1 import adapter, session
from keystoneauth1.exceptions import Conflict, NotFound
from keystoneauth1.identity import v3

REPOSITORY = Path(__file__).parents[3]
PYTHON = os.environ.get("OPENSTACK_PYTHON")
STATE = os.environ.get("OPENSTACK_STATE")
OWNER = "cm-0123456789abcdef"


class Nova:
    """The control plane as its user and its administrator see it.

    VMs are written as words, as in `Ec2`: `web` is ours and runs, `web/stopped` is ours and
    stopped, `web/failed` is in error, `~web` is somebody else's, `?` has no metadata at all.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.address = url.removesuffix("/v3")
        self.sessions: list[session.Session] = []
        user = self._session("cloudmesh", "sandbox-password")
        admin = self._session("admin", "sandbox-admin-password")
        self.compute = adapter.Adapter(user, "compute", default_microversion="2.79")
        self.network = adapter.Adapter(user, "network")
        self.image = adapter.Adapter(user, "image")
        self.identity = adapter.Adapter(user, "identity", endpoint_override=url)
        self.admin = adapter.Adapter(admin, "compute", default_microversion="2.79")
        self.project, self.user = user.get_project_id(), user.get_user_id()
        self.nova_url = str(user.get_endpoint(service_type="compute"))
        images = self.image.get("/v2/images?name=CC-Ubuntu24.04").json()["images"]
        self.ids = {"image": images[0]["id"]}
        for flavor in self.compute.get("/flavors").json()["flavors"]:
            self.ids[flavor["name"]] = flavor["id"]
        for network in self.network.get("/v2.0/networks").json()["networks"]:
            self.ids[network["name"]] = network["id"]

    def _session(self, name: str, password: str) -> session.Session:
        auth = v3.Password(
            self.url, username=name, password=password,
            project_name=name, user_domain_name="Default", project_domain_name="Default",
        )  # fmt: skip
        self.sessions.append(session.Session(auth))
        return self.sessions[-1]

    def close(self) -> None:
        for one in self.sessions:
            one.session.close()

    def make(self, words: str, **more: Any) -> list[str]:
        """Make VMs as `cms` would, and wait until they are what the words say."""
        # Nova wants the key to be there; its VMs keep the name when the key is gone.
        borrowed = "cloudmesh" not in self.keys()
        if borrowed:
            self.compute.post("/os-keypairs", json={"keypair": {"name": "cloudmesh"}})
        made = []
        for word in words.split():
            name = word.partition("/")[0]
            tags = {"cm-name": name.lstrip("~"), "cm-owner": OWNER}
            if name.startswith("~"):
                tags["cm-owner"] = "cm-somebody-else"
            server = {
                "name": "nameless" if name == "?" else name.lstrip("~"),
                "imageRef": self.ids["image"],
                "flavorRef": self.ids["m1.medium"],
                "networks": [{"uuid": self.ids["sharednet1"]}],
                "key_name": "cloudmesh",
                "metadata": {} if name == "?" else tags,
                **more,
            }
            made.append(self.compute.post("/servers", json={"server": server}).json()["server"])
        for word, server in zip(words.split(), made, strict=True):
            self.until(server["id"], "ACTIVE")
            if word.endswith("/stopped"):
                self.compute.post(f"/servers/{server['id']}/action", json={"os-stop": None})
                self.until(server["id"], "SHUTOFF")
        if borrowed:
            self.compute.delete("/os-keypairs/cloudmesh")
        return [server["id"] for server in made]

    def until(self, machine: str, status: str) -> None:
        from .conftest import wait_until

        def there() -> bool:
            server = self.compute.get(f"/servers/{machine}").json()["server"]
            return server["status"] == status and not server["OS-EXT-STS:task_state"]

        wait_until(there, 240)

    def instances(self) -> list[dict[str, Any]]:
        servers = self.compute.get("/servers/detail").json()["servers"]
        return [
            one
            for one in servers
            if one["status"] != "DELETED" and one["OS-EXT-STS:task_state"] != "deleting"
        ]

    def machine_ids(self) -> list[str]:
        return [server["id"] for server in self.instances()]

    def words(self) -> str:
        return " ".join(sorted(map(self.word, self.instances())))

    def word(self, server: dict[str, Any]) -> str:
        tags = server["metadata"]
        if not tags:
            return "?"
        name = ("" if tags["cm-owner"] == OWNER else "~") + server["name"]
        states = {"ACTIVE": "", "SHUTOFF": "/stopped", "ERROR": "/failed"}
        return name + states.get(server["status"], f"/{server['status']}")

    def terminate(self, machine: str) -> None:
        self.compute.delete(f"/servers/{machine}")

    def addresses(self) -> list[dict[str, Any]]:
        return list(self.network.get("/v2.0/floatingips").json()["floatingips"])

    def keys(self) -> list[str]:
        pairs = self.compute.get("/os-keypairs").json()["keypairs"]
        return [pair["keypair"]["name"] for pair in pairs]

    def groups(self, name: str) -> list[str]:
        """The rules of the security groups of that name that let something in."""
        found = self.network.get("/v2.0/security-groups", params={"name": name}).json()
        return [
            f"{rule['protocol']} {rule['port_range_min']}-{rule['port_range_max']} "
            f"{rule['remote_ip_prefix']}"
            for group in found["security_groups"]
            for rule in group["security_group_rules"]
            if rule["direction"] == "ingress"
        ]

    def quota(self, **limits: int) -> None:
        self.admin.put(f"/os-quota-sets/{self.project}", json={"quota_set": limits})

    def credential(self) -> tuple[str, str]:
        """Make an application credential: its id and secret."""
        wanted = {"application_credential": {"name": os.urandom(4).hex()}}
        place = f"/users/{self.user}/application_credentials"
        made = self.identity.post(place, json=wanted).json()["application_credential"]
        return made["id"], made["secret"]

    def revoke(self, credential: str) -> None:
        self.identity.delete(f"/users/{self.user}/application_credentials/{credential}")

    def clear(self) -> None:
        """Make the project empty, and its quota what it was."""
        from .conftest import wait_until

        for address in self.addresses():
            self._quietly(self.network.delete, f"/v2.0/floatingips/{address['id']}")
        for server in self.compute.get("/servers").json()["servers"]:
            self._quietly(self.compute.delete, f"/servers/{server['id']}")
        for name in self.keys():
            self.compute.delete(f"/os-keypairs/{name}")
        for group in self.network.get("/v2.0/security-groups").json()["security_groups"]:
            if group["name"] != "default":
                self._quietly(self.network.delete, f"/v2.0/security-groups/{group['id']}")
        wait_until(lambda: not self.compute.get("/servers").json()["servers"], 240)
        self.quota(instances=100)

    def _quietly(self, call: Callable[[str], Any], path: str) -> None:
        with contextlib.suppress(NotFound, Conflict):
            call(path)


def serve(root: Path, log: TextIO) -> Iterator[Nova]:
    """Start the control plane, once for all tests: it takes 15 seconds."""
    if not PYTHON or not STATE:
        pytest.skip("OPENSTACK_PYTHON and OPENSTACK_STATE are not set: scripts/setup makes both")
    start = str(REPOSITORY / "sandbox/openstack/start")
    words = ["--prepared", STATE, "--host", "127.0.0.1", "--port", "0", str(root)]
    process = subprocess.Popen(
        [PYTHON, start, *words], stdout=subprocess.PIPE, stderr=log, text=True
    )
    assert process.stdout
    try:
        told = process.stdout.readline().split()
        assert told, f"the sandbox did not start: see {log.name}"
        cloud = Nova(told[-1])
        yield cloud
        cloud.close()
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()
