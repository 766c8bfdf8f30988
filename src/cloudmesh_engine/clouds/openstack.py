"""OpenStack: virtual machines by Nova, on Chameleon, Jetstream and others.

Nova has no client tokens, so `create` looks for the VM of its token first, marks each call, and
leaves one of what the call made. Which of several commands has the VM, the ledger settles.
"""

import secrets
from typing import Any

from cloudmesh_engine.clouds import (
    BROKEN,
    NAME_TAG,
    OWNER_TAG,
    TOKEN_TAG,
    Machine,
    Request,
    openstack_client,
)
from cloudmesh_engine.clouds.listing import Listing
from cloudmesh_engine.clouds.openstack_addresses import Addresses
from cloudmesh_engine.clouds.openstack_errors import translated
from cloudmesh_engine.clouds.openstack_machine import POWERED, RESIZED, describe
from cloudmesh_engine.clouds.openstack_names import Names
from cloudmesh_engine.config import given
from cloudmesh_engine.errors import ActionFailed, DependencyDown, Refused

_CALL_TAG = "cm-call"
_TOKEN_LENGTH = 32
# How a VM that is stopped in one of Nova's ways is started; SHUTOFF is the usual one.
_STARTS = {
    "PAUSED": "unpause_server",
    "SUSPENDED": "resume_server",
    "SHELVED": "unshelve_server",
    "SHELVED_OFFLOADED": "unshelve_server",
}
_LAUNCHES = ("create", "start", "unpause", "resume", "unshelve")
_RESIZE_SECONDS = 600


def connect(cloud: str, configuration: dict[str, Any], owner: str) -> "OpenStack":
    """Make the driver from a cloud's section of cloudmesh.yaml."""
    default = given(configuration.get("default"))
    return OpenStack(
        cloud,
        owner,
        openstack_client.connect(cloud, configuration),
        network=str(default.get("network") or ""),
        outside=str(default.get("floating_network") or ""),
        reservation=str(default.get("reservation") or ""),
    )


class OpenStack(Listing, Names, Addresses):
    """The driver.

    :param network: the network of VMs when none is asked for, by name or id
    :param outside: the network that floating IPs come from; empty if there is only one
    :param reservation: of a lease of whole hosts, as Chameleon's bare metal wants it
    """

    tokens = False
    floats = True

    def __init__(
        self,
        cloud: str,
        owner: str,
        connection: Any,
        *,
        network: str = "",
        outside: str = "",
        reservation: str = "",
    ) -> None:
        self.cloud = cloud
        self.owner = owner
        self._cloud = connection
        self._network = network
        self._outside = outside
        self._reservation = reservation
        self._seen: dict[str, Machine] = {}

    def get(self, machine_id: str) -> Machine | None:
        """Look one of our VMs up by its id; Nova knows every VM from the first moment on."""
        with translated(ignore=404):
            server = self._cloud.compute.get_server(machine_id)
            machine = self._machine(server)
            return machine if machine.owner == self.owner else None
        return self._gone(machine_id)

    def create(self, name: str, request: Request, token: str) -> Machine:
        """Make a VM with its metadata in one call, unless this token has made one."""
        token = token[:_TOKEN_LENGTH]
        made = self._made(token)
        if made:
            return made[0]
        call = secrets.token_hex(8)
        tags = {TOKEN_TAG: token, _CALL_TAG: call}
        parameters = self.parameters(name, request, tags)
        try:
            with translated():
                self._cloud.compute.create_server(**parameters)
        except DependencyDown:
            # Nobody knows whether it was made: if it is to be seen, it was.
            if not self._made(token):
                raise
        return self._settle(token, call)

    def start(self, machine: Machine) -> None:
        """Start a stopped VM, in whatever way it was stopped."""
        with translated():
            server = self._own_server(machine)
            if server.status == RESIZED:
                server = self._confirm_resize(server)
                if server.status == "ACTIVE":
                    return
            action = _STARTS.get(server.status, "start_server")
            getattr(self._cloud.compute, action)(server)

    def stop(self, machine: Machine) -> None:
        """Stop a VM."""
        with translated():
            self._cloud.compute.stop_server(self._own_server(machine))

    def reboot(self, machine: Machine) -> None:
        """Reboot a VM."""
        with translated():
            self._cloud.compute.reboot_server(self._own_server(machine), "SOFT")

    def terminate(self, machine: Machine) -> None:
        """Terminate a VM; its addresses first, for nobody finds them by a VM that is gone."""
        with translated(ignore=404):
            self._own_server(machine)
        self.release_addresses(machine.id)
        with translated():
            self._cloud.compute.delete_server(machine.id, ignore_missing=True)

    def tag(self, machine: Machine, key: str, value: str) -> None:
        """Set one piece of metadata."""
        with translated():
            self._cloud.compute.set_server_metadata(machine.id, **{key: value})

    def untag(self, machine: Machine, key: str) -> None:
        """Remove one piece of metadata; one that is not there is no failure."""
        with translated(ignore=404):
            self._cloud.compute.delete_server_metadata(machine.id, [key])

    def rename(self, machine: Machine, name: str) -> None:
        """Set the name that people see, then ours: until that is done, a repetition does both."""
        with translated():
            self._cloud.compute.update_server(machine.id, name=name)
        self.tag(machine, NAME_TAG, name)

    def resize(self, machine: Machine, flavor: str) -> None:
        """Give a stopped VM another flavor; an interrupted one is finished."""
        flavor_id = self.flavor_id(flavor)
        with translated():
            server = self._own_server(machine)
            if server.status != RESIZED:
                self._cloud.compute.resize_server(server, flavor_id)
                server = self._wait(server, RESIZED)
            self._confirm_resize(server)

    def console_output(self, machine: Machine) -> str:
        """Give what the VM wrote to its console."""
        with translated():
            reply = self._cloud.compute.get_server_console_output(machine.id)
        return str((reply or {}).get("output") or "")

    def last_launch(self, machine: Machine) -> str:
        """Say when a VM was started last, of which Nova itself tells only when it was made."""
        starts: list[str] = []
        with translated(ignore=404):  # it may just have been deleted
            actions = self._cloud.compute.server_actions(machine.id)
            starts = [f"{one.start_time}+00:00" for one in actions if one.action in _LAUNCHES]
        return max(starts, default=machine.launched)

    def _settle(self, token: str, call: str) -> Machine:
        """Keep the oldest VM of an attempt, and end what this call made beside it."""
        made = self._made(token)
        if not made:
            raise ActionFailed(f"a VM that was just made on {self.cloud} was terminated meanwhile")
        kept, *others = made
        for surplus in others:
            if surplus.tags[_CALL_TAG] == call:
                self.terminate(surplus)
        return kept

    def _made(self, token: str) -> list[Machine]:
        """Give the VMs of an attempt; those that failed come last."""
        found = self._ours(lambda machine: machine.tags.get(TOKEN_TAG) == token)
        return sorted(found, key=lambda machine: machine.state == BROKEN)

    def _own_server(self, machine: Machine) -> Any:
        """Give the server as it is now, if it is still ours."""
        server = self._cloud.compute.get_server(machine.id)
        if (server.metadata or {}).get(OWNER_TAG) != self.owner:
            raise Refused(
                f"{machine.name} ({machine.id}) on {self.cloud} was not booted by this appliance"
            )
        return server

    def _confirm_resize(self, server: Any) -> Any:
        self._cloud.compute.confirm_server_resize(server)
        status = "ACTIVE" if server.power_state == POWERED else "SHUTOFF"
        return self._wait(server, status)

    def _wait(self, server: Any, status: str) -> Any:
        return self._cloud.compute.wait_for_server(
            server, status=status, failures=["ERROR"], interval=1, wait=_RESIZE_SECONDS
        )

    def _listed(self, ours: bool) -> list[Machine]:
        with translated():
            found = list(self._cloud.compute.servers())
        return [describe(self.cloud, server) for server in found]

    def _machine(self, server: Any) -> Machine:
        return self._saw(describe(self.cloud, server))
