"""The sandbox's Google, asked and changed past `cms`."""

import json
import secrets
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

from cloudmesh_engine.clouds.leftovers import Leftovers

REPOSITORY = Path(__file__).parents[3]
OWNER = "cm-0123456789abcdef"
TOKEN = "sandbox-access-token"
ZONE = "zones/us-central1-a"
IMAGE = "projects/ubuntu-os-cloud/global/images/ubuntu-2404-noble-amd64-v20261015"


class Gce:
    """The project as its owner sees it.

    VMs are written as words, as in `Ec2`: `web` is ours and runs, `web/stopped` is ours and
    stopped, `~web` is somebody else's, `?` has no label at all.
    """

    def __init__(self, *options: str) -> None:
        self.options = options
        self.address = ""

    def start(self, port: int) -> None:
        words = ["--host", "127.0.0.1", "--port", str(port), *self.options]
        self.process = subprocess.Popen(
            [sys.executable, "-S", str(REPOSITORY / "sandbox/google"), *words],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        self.address = self.process.stdout.readline().split()[-1]

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(60)
        assert self.process.stdout
        self.process.stdout.close()

    def forget(self) -> None:
        """Begin anew at the same address, with neither VMs nor request ids."""
        self.end()
        self.start(int(self.address.rpartition(":")[2]))

    def ask(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """Make one call."""
        words = "&".join(f"{key}={quote(value)}" for key, value in query.items())
        place = f"{self.address}/compute/v1/projects/sandbox{path}?{words}"
        content = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        with urlopen(Request(place, content, headers, method=method), timeout=120) as reply:
            return json.loads(reply.read())

    def change(self, method: str, path: str, body: Any = None, **query: str) -> Any:
        """Make a change, and wait until it is done."""
        from .conftest import wait_until

        operation = self.ask(method, path, body, **query)
        place = operation["selfLink"].partition("/projects/sandbox")[2]
        wait_until(lambda: self.ask("GET", place)["status"] == "DONE")
        ended = self.ask("GET", place)
        assert "error" not in ended, ended
        return ended

    def items(self, path: str) -> list[dict[str, Any]]:
        return list(self.ask("GET", path).get("items", []))

    def make(self, words: str) -> list[str]:
        """Make VMs as `cms` would, and wait until they are what the words say."""
        return [self._make(word) for word in words.split()]

    def _make(self, word: str) -> str:
        name, _, state = word.partition("/")
        labels = {"cm-name": name.lstrip("~"), "cm-owner": OWNER, "cm-key": "cloudmesh"}
        labels |= {"cm-image": "ubuntu-2404-lts-amd64"}
        if name.startswith("~"):
            labels["cm-owner"] = "cm-somebody-else"
        rest = json.dumps({"cm-image-id": IMAGE})
        given = {
            "name": f"{'nameless' if name == '?' else name.lstrip('~')}-{secrets.token_hex(4)}",
            "machineType": f"{ZONE}/machineTypes/e2-micro",
            "labels": {} if name == "?" else labels,
            "metadata": {"items": [] if name == "?" else [{"key": "cm-tags", "value": rest}]},
            "disks": [
                {"boot": True, "autoDelete": True, "initializeParams": {"sourceImage": IMAGE}}
            ],
            "networkInterfaces": [{"network": "projects/sandbox/global/networks/default"}],
        }
        made = self.change("POST", f"/{ZONE}/instances", given, requestId=str(uuid.uuid4()))
        if state == "stopped":
            self.change("POST", f"/{ZONE}/instances/{made['targetId']}/stop")
        return str(made["targetId"])

    def instances(self) -> list[dict[str, Any]]:
        return self.items(f"/{ZONE}/instances")

    def machine_ids(self) -> list[str]:
        return [instance["id"] for instance in self.instances()]

    def words(self) -> str:
        return " ".join(sorted(map(self.word, self.instances())))

    def word(self, instance: dict[str, Any]) -> str:
        labels = instance["labels"]
        if not labels:
            return "?"
        name = ("" if labels["cm-owner"] == OWNER else "~") + labels["cm-name"]
        states = {"RUNNING": "", "TERMINATED": "/stopped"}
        return name + states.get(instance["status"], f"/{instance['status']}")

    def terminate(self, machine: str) -> None:
        self.ask("DELETE", f"/{ZONE}/instances/{machine}")

    def launches(self) -> list[dict[str, str]]:
        """The VMs that were ever made, with the request id of each."""
        return [
            {"token": operation["clientOperationId"]}
            for operation in self.items(f"/{ZONE}/operations")
            if operation["operationType"] == "insert"
            and "/instances/" in operation["targetLink"]
            and "error" not in operation
        ]

    def groups(self, name: str) -> list[str]:
        """The rules of the firewall for VMs with that tag."""
        return [
            f"{entry['IPProtocol']} {ports}-{ports} {source}"
            for rule in self.items("/global/firewalls")
            if rule.get("targetTags") == [name]
            for entry in rule["allowed"]
            for ports in entry["ports"]
            for source in rule["sourceRanges"]
        ]

    def addresses(self) -> list[dict[str, Any]]:
        return self.items("/regions/us-central1/addresses")


def compute_of(leftovers: Leftovers) -> Any:
    """The connection that leftovers ask, which tests watch and close."""
    look: Any = leftovers._parts["disk"][0]
    return look.__self__._compute


def serve(*more: str) -> Iterator[Gce]:
    """Run the sandbox's Google."""
    from .conftest import free_port

    cloud = Gce(*more)
    # One that nobody is given while it starts anew.
    cloud.start(free_port())
    yield cloud
    cloud.end()
