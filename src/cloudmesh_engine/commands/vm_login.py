"""Finds out how to log in to VMs: address, user and key."""

import re
from pathlib import Path

from cloudmesh_engine import clouds, home, hostkeys
from cloudmesh_engine.clouds import Driver, Machine
from cloudmesh_engine.commands.vm_request import VmRequest
from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import ActionFailed, ConfigError, Refused, UsageError
from cloudmesh_engine.ssh import Login

_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")
_ADDRESS = re.compile(r"[A-Za-z0-9:][A-Za-z0-9:.-]{0,252}")
_SSH_PORT = 22


def logins(request: VmRequest, verb: str = "") -> list[Login]:
    """Give a login for each VM that is named.

    :param verb: what needs NAMES; without it --ip or the VM booted last will do
    """
    driver = request.driver(request.cloud())
    names = request.named(verb) if verb else request.names
    if request.arguments["--ip"] and len(names) > 1:
        raise UsageError("--ip: stands for one VM: name one")
    if names:
        machines = [machine for name in names for machine in request.owned(driver, name)]
    else:
        machines = [_at(request, driver) or request.latest(driver)]
    return [login(request, machine) for machine in machines]


def login(request: VmRequest, machine: Machine) -> Login:
    """Say how to log in to a VM; one that does not run or has no address is a failure."""
    if machine.state != "running":
        hint = f"use cms vm start {machine.name}"
        raise ActionFailed(f"{machine.name} on {machine.cloud} is {machine.state}: {hint}")
    return Login(
        name=machine.name,
        address=address(request, machine),
        port=port(request.settings, machine.cloud),
        user=user(request, machine),
        key=_key(request),
        pin=hostkeys.file(machine.cloud, machine.id),
        alias=hostkeys.alias(machine.id),
    )


def address(request: VmRequest, machine: Machine) -> str:
    """Give the address of --ip, or else the public one of the VM."""
    given = request.arguments["--ip"]
    if given is not None and not _ADDRESS.fullmatch(given):
        raise UsageError(f"--ip={given}: not an address")
    if not given and not machine.public_ips:
        raise ActionFailed(
            f"{machine.name} on {machine.cloud} has no public address: "
            f"use cms vm ip assign {machine.name}, or give an address with --ip where that is taken"
        )
    return str(given or machine.public_ips[0])


def port(settings: Settings, cloud: str) -> int:
    """Give the port on which the VMs of a cloud let people log in."""
    value = str(_defaults(settings, cloud).get("ssh_port") or _SSH_PORT)
    if not value.isdecimal() or not 0 < int(value) < 65536:
        place = f"cloudmesh.cloud.{cloud}.default.ssh_port"
        raise ConfigError(f"{settings.path}: {place}: {value!r} is not a port number")
    return int(value)


def user(request: VmRequest, machine: Machine) -> str:
    """Give the login of --username, or else of the VM's tag or of the cloud."""
    name = request.arguments["--username"] or machine.tags.get("cm-username")
    name = name or default_user(request.settings, machine.cloud)
    if not name:
        raise UsageError(f"{machine.name}: no login known: give --username")
    if not _USER.fullmatch(name):
        raise UsageError(f"--username: {name!r} is no login name")
    return str(name)


def default_user(settings: Settings, cloud: str) -> str:
    """Give the login that the images of a cloud have."""
    return str(_defaults(settings, cloud).get("username") or "")


def _at(request: VmRequest, driver: Driver) -> Machine | None:
    """Find our VM that has the address of --ip."""
    given = request.arguments["--ip"]
    if not given:
        return None
    for machine in driver.list_owned():
        if given in (*machine.public_ips, *machine.private_ips):
            return machine
    raise Refused(f"--ip={given}: no VM of ours on {driver.cloud} has that address: name the VM")


def _key(request: VmRequest) -> Path:
    given = request.arguments["--key"]
    key = Path(given).expanduser() if given else home.state_dir() / "ssh/id_rsa"
    if not key.is_file():
        hint = "give the path of a private key" if given else "run the init step"
        raise ActionFailed(f"{key}: no such key file: {hint}")
    return key.absolute()


def _defaults(settings: Settings, cloud: str) -> dict[str, object]:
    return clouds.section(settings, cloud).get("default") or {}
