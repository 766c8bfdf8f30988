"""`cms vm`: finds out which verb was asked for and what it works on, and runs it."""

from collections.abc import Callable, Mapping
from typing import Any

from cloudmesh_engine.commands import vm_actions, vm_boot, vm_views
from cloudmesh_engine.commands.vm_request import VmRequest
from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import NotSupported

_VERBS: Mapping[str, Callable[[VmRequest], None]] = {
    "boot": vm_boot.boot,
    "list": vm_views.list_machines,
    "status": vm_views.look,
    "info": vm_views.look,
    "check": vm_views.check,
    "ip show": vm_views.show_addresses,
    "start": vm_actions.start,
    "stop": vm_actions.stop,
    "reboot": vm_actions.reboot,
    "terminate": vm_actions.delete,
    "delete": vm_actions.delete,
    "wait": vm_actions.wait,
    "username": vm_actions.set_username,
}
_SSH = "ssh USERNAME@ADDRESS with the address that cms vm ip show gives"
_COPY = "scp with the address that cms vm ip show gives"
_NOT_YET = {
    "ping": "cms vm check",
    "console": "the console of the cloud",
    "log": "the console of the cloud",
    "meta": "cms vm info",
    "script": _SSH,
    "ip assign": "cms vm boot --public",
    "ip inventory": "cms vm ip show --output=json",
    "ssh": _SSH,
    "put": _COPY,
    "get": _COPY,
    "rename": "cms vm boot with the new name, then cms vm delete",
    "resize": "cms vm delete, then cms vm boot --flavor",
}


def run(settings: Settings, arguments: Mapping[str, Any]) -> None:
    """Run one `cms vm` command."""
    for verb, instead in _NOT_YET.items():
        if _asked(verb, arguments):
            raise NotSupported(f"vm {verb}: not supported yet on any cloud: use {instead}")
    request = VmRequest(settings, arguments)
    for verb, command in _VERBS.items():
        if _asked(verb, arguments):
            command(request)


def _asked(verb: str, arguments: Mapping[str, Any]) -> bool:
    return all(arguments[word] for word in verb.split())
