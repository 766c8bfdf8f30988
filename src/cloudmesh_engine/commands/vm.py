"""`cms vm`: finds out which verb was asked for and what it works on, and runs it."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from cloudmesh_engine.commands.vm_request import VmRequest
from cloudmesh_engine.config import Settings

# Where each verb is: a command imports no other. Verbs of two words come first: `meta list` is no
# `list`.
_VERBS: Mapping[str, str] = {
    "ip show": "vm_views.show_addresses",
    "ip assign": "vm_addresses.assign",
    "ip unassign": "vm_addresses.unassign",
    "ip inventory": "vm_addresses.inventory",
    "meta list": "vm_edit.list_metadata",
    "meta set": "vm_edit.set_metadata",
    "meta delete": "vm_edit.delete_metadata",
    "boot": "vm_boot.boot",
    "list": "vm_views.list_machines",
    "status": "vm_views.look",
    "info": "vm_views.look",
    "console": "vm_views.console",
    "log": "vm_views.console",
    "ping": "vm_reach.ping",
    "check": "vm_reach.check",
    "start": "vm_actions.start",
    "stop": "vm_actions.stop",
    "reboot": "vm_actions.reboot",
    "terminate": "vm_actions.delete",
    "delete": "vm_actions.delete",
    "wait": "vm_actions.wait",
    "username": "vm_actions.set_username",
    "rename": "vm_edit.rename",
    "resize": "vm_edit.resize",
    "ssh": "vm_remote.login",
    "script": "vm_remote.script",
    "put": "vm_remote.put",
    "get": "vm_remote.get",
}


def run(settings: Settings, arguments: Mapping[str, Any]) -> None:
    """Run one `cms vm` command."""
    perform(VmRequest(settings, arguments))


def perform(request: VmRequest) -> None:
    """Do what a command or a script asks for."""
    asked = next(
        verb for verb in _VERBS if all(request.arguments.get(word) for word in verb.split())
    )
    module, _, function = _VERBS[asked].partition(".")
    getattr(import_module(f"cloudmesh_engine.commands.{module}"), function)(request)
