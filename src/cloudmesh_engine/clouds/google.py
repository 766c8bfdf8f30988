"""Google: virtual machines by Compute Engine.

What the boots of one attempt send has one request id and one name, and Google keeps either to one
VM: the id for an hour at least, the name as long as the VM is there.
"""

from typing import Any

from cloudmesh_engine.clouds import (
    IMAGE_TAG,
    NAME_TAG,
    OWNER_TAG,
    TOKEN_TAG,
    Machine,
    Request,
    google_client,
)
from cloudmesh_engine.clouds.google_addresses import Addresses
from cloudmesh_engine.clouds.google_client import Compute
from cloudmesh_engine.clouds.google_errors import Problem, translated
from cloudmesh_engine.clouds.google_groups import Groups
from cloudmesh_engine.clouds.google_images import Images
from cloudmesh_engine.clouds.google_keys import public_key
from cloudmesh_engine.clouds.google_machine import (
    IMAGE_ID_TAG,
    KEY_TAG,
    KEYS_ITEM,
    STOPPED,
    SUSPENDED,
    describe,
    instance_name,
    items_of,
    labels_of,
)
from cloudmesh_engine.clouds.google_networks import DEFAULT, interface
from cloudmesh_engine.clouds.google_tags import Tags
from cloudmesh_engine.clouds.listing import Listing
from cloudmesh_engine.config import given
from cloudmesh_engine.errors import ActionFailed, Refused

Document = dict[str, Any]

_TOKEN_LENGTH = 32
# Whom Google's agent in a VM makes for the key, if nobody says it.
_LOGIN = "cloudmesh"


def connect(cloud: str, configuration: dict[str, Any], owner: str) -> "Google":
    """Make the driver from a cloud's section of cloudmesh.yaml."""
    default = given(configuration.get("default"))
    return Google(
        cloud,
        owner,
        google_client.connect(cloud, configuration),
        network=str(default.get("network") or DEFAULT),
    )


class Google(Listing, Images, Tags, Addresses):
    """The driver.

    :param network: the network of VMs when none is asked for
    """

    tokens = True
    floats = False

    def __init__(self, cloud: str, owner: str, compute: Compute, *, network: str) -> None:
        self.cloud = cloud
        self.owner = owner
        self._compute = compute
        self._network = network
        self._seen: dict[str, Machine] = {}

    def get(self, machine_id: str) -> Machine | None:
        """Look one of our VMs up by its id; who knows an id has seen its VM."""
        with translated(ignore=404):
            machine = self._machine(self._instance(machine_id))
            return machine if machine.owner == self.owner else None
        return self._gone(machine_id)

    def create(self, name: str, request: Request, token: str) -> Machine:
        """Make a VM with its labels in one call, so that no moment leaves it without owner."""
        token = token[:_TOKEN_LENGTH]
        with translated():
            wanted = self._wanted(name, request, token)
            machine_id = self._insert(wanted, token)
        return self.get(machine_id) or self._gone(machine_id)

    def start(self, machine: Machine) -> None:
        """Start a stopped VM, also one that was suspended."""
        with translated():
            suspended = self._own_instance(machine)["status"] == SUSPENDED
            self._act(machine, "resume" if suspended else "start")

    def stop(self, machine: Machine) -> None:
        """Stop a VM."""
        with translated():
            self._act(machine, "stop")

    def reboot(self, machine: Machine) -> None:
        """Reboot a VM, as its button would."""
        with translated():
            self._act(machine, "reset")

    def terminate(self, machine: Machine) -> None:
        """Terminate a VM with its disk; several commands at once ask for one deletion."""
        with translated(ignore=404):
            self._own_instance(machine)
            place = self._compute.zonal("instances", machine.id)
            self._compute.change_once("DELETE", place, f"{self.owner} delete {machine.id}")

    def rename(self, machine: Machine, name: str) -> None:
        """Give a stopped VM another name in Google's eyes too; one that runs keeps it there."""
        with translated():
            instance = self._own_instance(machine)
            wanted = instance_name(name, machine.tags.get(TOKEN_TAG) or machine.id)
            if instance["status"] == STOPPED and instance["name"] != wanted:
                names = {"currentName": instance["name"], "name": wanted}
                self._act(machine, "setName", names)
        self.tag(machine, NAME_TAG, name)

    def check_flavor(self, flavor: str) -> None:
        """Fail unless the zone has that machine type."""
        with translated():
            self._compute.get(self._compute.zonal("machineTypes", flavor))

    def resize(self, machine: Machine, flavor: str) -> None:
        """Give a stopped VM another machine type."""
        with translated():
            self._act(machine, "setMachineType", {"machineType": self._flavor(flavor)})

    def console_output(self, machine: Machine) -> str:
        """Give what the VM wrote to its first serial port."""
        with translated():
            place = self._compute.zonal("instances", machine.id, "serialPort")
            return str(self._compute.get(place, port="1").get("contents") or "")

    def last_launch(self, machine: Machine) -> str:
        """Say when a VM was started last."""
        return machine.launched

    def _insert(self, wanted: Document, token: str) -> str:
        try:
            place = self._compute.zonal("instances")
            return self._compute.change_once("POST", place, f"{self.owner} {token}", wanted)
        except Problem as error:
            if not error.is_there:
                raise
        # An earlier call of this attempt made it, so long ago that its request id is forgotten.
        made = self._machine(self._instance(wanted["name"]))
        if (made.owner, made.tags.get(TOKEN_TAG)) != (self.owner, token):
            raise Refused(
                f"{wanted['name']} on {self.cloud} is a VM that this appliance did not boot: "
                "choose another name"
            )
        return made.id

    def _wanted(self, name: str, request: Request, token: str) -> Document:
        tags = self._tags(name, request, token)
        network = request.network or self._network
        items = items_of(tags)
        if request.key:
            login = request.labels.get("username") or _LOGIN
            key = public_key(self.cloud, self._compute, request.key)
            items.append({"key": KEYS_ITEM, "value": f"{login}:{key}"})
        wanted: Document = {
            "name": instance_name(name, token),
            "machineType": self._flavor(request.flavor),
            "labels": labels_of(tags),
            "metadata": {"items": items},
            "disks": [self._disk(request)],
            "networkInterfaces": [interface(self._compute, network, bool(request.public))],
        }
        if request.secgroup:
            wanted["tags"] = {"items": [self._group(request.secgroup, network)]}
        return wanted

    def _disk(self, request: Request) -> Document:
        source = {"sourceImage": request.image_id, "labels": {OWNER_TAG: self.owner}}
        return {"boot": True, "autoDelete": True, "initializeParams": source}

    def _tags(self, name: str, request: Request, token: str) -> dict[str, str]:
        labels = {f"cm-{key}": value for key, value in request.labels.items() if value}
        labels |= {IMAGE_TAG: request.image, IMAGE_ID_TAG: request.image_id, KEY_TAG: request.key}
        labels |= {OWNER_TAG: self.owner, NAME_TAG: name, TOKEN_TAG: token}
        return {key: value for key, value in labels.items() if value}

    def _flavor(self, flavor: str) -> str:
        return f"zones/{self._compute.zone}/machineTypes/{flavor}"

    def _group(self, group: str, network: str) -> str:
        if not Groups(self.cloud, self.owner, self._compute, network).find_group(group):
            raise ActionFailed(f"no security group {group!r} on {self.cloud}: make it first")
        return group

    def _act(self, machine: Machine, action: str, body: Document | None = None) -> None:
        place = self._compute.zonal("instances", machine.id, action)
        self._compute.change("POST", place, body)

    def _instance(self, name: str) -> Document:
        return self._compute.get(self._compute.zonal("instances", name))

    def _listed(self, ours: bool) -> list[Machine]:
        query = {"filter": f'labels.{OWNER_TAG} = "{self.owner}"'} if ours else {}
        with translated():
            found = list(self._compute.every(self._compute.zonal("instances"), **query))
        return [describe(self.cloud, instance) for instance in found]

    def _machine(self, instance: Document) -> Machine:
        return self._saw(describe(self.cloud, instance))
