"""Azure: virtual machines in a resource group of our own.

A VM's resource has a name that its token gives, and is only ever made, never changed, by the call
that makes it: so the cloud itself keeps a token to one VM. What we call the VM is a tag.
"""

import contextlib
from typing import Any

from azure.core.exceptions import HttpResponseError

from cloudmesh_engine.clouds import (
    GONE,
    IMAGE_TAG,
    NAME_TAG,
    Machine,
    Request,
    TokenSpent,
    azure_arm,
    azure_client,
)
from cloudmesh_engine.clouds.azure_addresses import Addresses
from cloudmesh_engine.clouds.azure_arm import Arm, Document
from cloudmesh_engine.clouds.azure_errors import code, translated
from cloudmesh_engine.clouds.azure_images import Images
from cloudmesh_engine.clouds.azure_lookup import FORGOTTEN, Lookup
from cloudmesh_engine.clouds.azure_machine import (
    KEY_TAG,
    VM,
    body,
    describe,
    owner,
    resource_name,
)
from cloudmesh_engine.clouds.azure_parts import Parts
from cloudmesh_engine.clouds.azure_resources import public_key, size_names
from cloudmesh_engine.config import given
from cloudmesh_engine.errors import ActionFailed, DependencyDown, EngineError, Refused

_LOGIN = "azureuser"


def connect(cloud: str, configuration: dict[str, Any], owner: str) -> "Azure":
    """Make the driver from a cloud's section of cloudmesh.yaml."""
    default = given(configuration.get("default"))
    return Azure(
        cloud,
        owner,
        azure_client.connect(cloud, configuration, owner),
        network=str(default.get("network") or "cloudmesh"),
        subnet=str(default.get("subnet") or "default"),
        login=str(default.get("username") or default.get("AZURE_VM_USER") or _LOGIN),
    )


class Azure(Lookup, Images, Parts, Addresses):
    """The driver.

    :param network: the network of VMs when none is asked for; made when it is missing
    :param subnet: the subnet in it
    :param login: the user of VMs when none is asked for
    """

    tokens = True
    floats = False

    def __init__(
        self, cloud: str, owner: str, arm: Arm, *, network: str, subnet: str, login: str
    ) -> None:
        self.cloud = cloud
        self.owner = owner
        self._arm = arm
        self._network = network
        self._subnet = subnet
        self._login = login
        self._new: set[str] = set()
        self._known: dict[str, Machine] = {}

    def create(self, name: str, request: Request, token: str) -> Machine:
        """Make a VM with its tags in one call, which never changes one that is there."""
        wanted = resource_name(name, token)
        there = self.get(wanted)
        if there and there.state not in GONE:
            return there
        if there and there.state != FORGOTTEN:
            raise TokenSpent(f"{name} ({wanted}) is being deleted")
        try:
            return self._make(wanted, name, request)
        except DependencyDown:
            raise
        except EngineError:
            # Azure refused the VM: then nothing may be left of it.
            with contextlib.suppress(EngineError):
                self.remove_parts(wanted)
            raise

    def start(self, machine: Machine) -> None:
        """Start a stopped VM, and wait until Azure has found room for it, or has not."""
        with translated("Conflict"):
            self._own(machine)
            self._arm.post(f"{self._arm.id(VM, machine.id)}/start")

    def stop(self, machine: Machine) -> None:
        """Stop a VM and give its processors back: what is only shut down is charged on."""
        # Another command may be at it: what becomes of the VM is to be seen.
        with translated("Conflict"):
            self._own(machine)
            self._arm.post(f"{self._arm.id(VM, machine.id)}/deallocate", wait=False)

    def reboot(self, machine: Machine) -> None:
        """Reboot a VM."""
        with translated():
            self._own(machine)
            self._arm.post(f"{self._arm.id(VM, machine.id)}/restart")

    def terminate(self, machine: Machine) -> None:
        """Terminate a VM; its disk, interface and address go with it."""
        with translated("ResourceNotFound"):
            self._own(machine)
            self._arm.delete(self._arm.id(VM, machine.id), wait=False)

    def tag(self, machine: Machine, key: str, value: str) -> None:
        """Set one tag."""
        self._change_tags(machine, "Merge", {key: value})

    def untag(self, machine: Machine, key: str) -> None:
        """Remove one tag; one that is not there is no failure."""
        with translated():
            tags = self._own(machine).get("tags") or {}
        if key in tags:
            self._change_tags(machine, "Delete", {key: tags[key]})

    def rename(self, machine: Machine, name: str) -> None:
        """Set the tag that is its name; Azure's own name of it stays."""
        self.tag(machine, NAME_TAG, name)

    def check_flavor(self, flavor: str) -> None:
        """Fail unless the region has that size for us."""
        with translated():
            known = size_names(self._arm)
        if flavor not in known:
            raise ActionFailed(
                f"no flavor {flavor!r} on {self.cloud}: give a --flavor that Azure has in "
                f"{self._arm.location}: see cms flavor list --cloud={self.cloud} --refresh"
            )

    def resize(self, machine: Machine, flavor: str) -> None:
        """Give a stopped VM another size."""
        with translated():
            self._own(machine)
            change = {"properties": {"hardwareProfile": {"vmSize": flavor}}}
            self._arm.patch(self._arm.id(VM, machine.id), change)

    def console_output(self, machine: Machine) -> str:
        """Give what the VM wrote to its console."""
        with translated():
            told = self._arm.post(f"{self._arm.id(VM, machine.id)}/retrieveBootDiagnosticsData")
        address = told.get("serialConsoleLogBlobUri")
        return azure_arm.read(str(address)) if address else ""

    def _make(self, wanted: str, name: str, request: Request) -> Machine:
        login = request.labels.get("username") or self._login
        tags = {**self._tags(name, request), "cm-username": login}
        with translated():
            key = public_key(self._arm, self.cloud, request.key)
            nic = self.make_parts(wanted, request)
            vm = body(
                wanted, request, location=self._arm.location, tags=tags,
                login=login, key=key, nic=nic,
            )  # fmt: skip
            try:
                made = self._arm.put(self._arm.id(VM, wanted), vm, {"If-None-Match": "*"})
            except HttpResponseError as error:
                if error.status_code not in (409, 412):
                    raise
                return self._adopted(wanted, name, error)
        self._new.add(wanted)
        return describe(self.cloud, made, {}, [], [])

    def _adopted(self, wanted: str, name: str, error: HttpResponseError) -> Machine:
        """Give the VM that another call of the same token has made."""
        there = self.get(wanted)
        if there and there.state != FORGOTTEN:
            return there
        if code(error) in ("PreconditionFailed", "Conflict"):
            raise TokenSpent(f"{name} ({wanted}) was deleted just now")
        raise error

    def _tags(self, name: str, request: Request) -> dict[str, str]:
        labels = {f"cm-{key}": value for key, value in request.labels.items() if value}
        if request.image != request.image_id:
            labels[IMAGE_TAG] = request.image
        return {**self._arm.owned, NAME_TAG: name, KEY_TAG: request.key, **labels}

    def _change_tags(self, machine: Machine, operation: str, tags: dict[str, str]) -> None:
        """Change some tags, and none that another command changes at the same time."""
        place = f"{self._arm.id(VM, machine.id)}/providers/Microsoft.Resources/tags/default"
        with translated():
            self._arm.patch(place, {"operation": operation, "properties": {"tags": tags}})

    def _own(self, machine: Machine) -> Document:
        """Give the VM as Azure knows it now, if it is still ours."""
        vm: Document = self._arm.get(self._arm.id(VM, machine.id))
        if owner(vm) != self.owner:
            raise Refused(
                f"{machine.name} ({machine.id}) on {self.cloud} was not booted by this appliance"
            )
        return vm
