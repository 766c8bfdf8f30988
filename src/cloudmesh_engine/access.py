"""What lets people into a VM: a key, and a security group that admits ssh."""

from collections.abc import Mapping
from typing import Any

from cloudmesh_engine import keystore
from cloudmesh_engine.clouds.resources import Resources, Rule
from cloudmesh_engine.config import Settings, is_placeholder
from cloudmesh_engine.errors import ConfigError

ADDED, THERE = "added", "already there"
DEFAULT_GROUP = "cloudmesh"
# Everything out is what a cloud allows by itself.
_RULES = (Rule("tcp", "22:22", "0.0.0.0/0"),)
_DESCRIPTION = "Made by cloudmesh-airflow - ssh in, everything out"


def key_name(settings: Settings) -> str:
    """Name the key that VMs get when none is asked for."""
    name = str((settings.data["cloudmesh"].get("default") or {}).get("key") or "")
    if is_placeholder(name):
        raise ConfigError(f"{settings.path}: cloudmesh.default.key is missing: name your key")
    return name


def ensure_key(settings: Settings, dryrun: bool = False) -> bool:
    """Make sure that the default key is stored: the appliance's own, if none is; say if so."""
    name = key_name(settings)
    if name in keystore.names(settings):
        return False
    return dryrun or keystore.add(settings, keystore.own_record(name))


def ensure_upload(settings: Settings, resources: Resources, name: str) -> None:
    """Make sure that the cloud has a key, and that it is the one that we know by that name.

    A key that only the cloud knows is accepted: whoever names it has its private half elsewhere.
    """
    ours = keystore.find_public_key(settings, name)
    theirs = [] if ours else resources.keys()
    if not any(entry["name"] == name for entry in theirs):
        resources.add_key(name, ours or keystore.public_key(settings, name))


def group_name(section: Mapping[str, Any]) -> str:
    """Name the security group that a cloud's section gives its VMs; on AWS as upstream does."""
    general = part(section, "default").get("ssh_group")
    name = str(general or part(section, "credentials").get("EC2_SECURITY_GROUP") or "")
    return "" if is_placeholder(name) else name


def part(section: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Give what a cloud's section holds by a name: nothing if that is wrong, others must go on."""
    found = section.get(name)
    return found if isinstance(found, Mapping) else {}


def ensure_group(resources: Resources, name: str, network: str = "", dryrun: bool = False) -> str:
    """Make the security group unless it is there; say what was done.

    One that has rules is left as it is, whoever made it: its owner may have narrowed them. One
    of ours without any was interrupted while it was made.
    """
    there = resources.find_group(name, network)
    if there and there["owner"] != resources.owner:
        return f"{THERE}, not ours"
    if there and there["rules"]:
        return THERE
    if not dryrun:
        resources.ensure_group(name, _DESCRIPTION, _RULES, network)
    return ADDED
