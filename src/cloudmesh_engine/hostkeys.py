"""The host keys of VMs: pinned at the first login, one file a VM in the state volume.

A file of its own for each VM, by the cloud's id: addresses are used again by other VMs, and
commands at once never edit the same file.
"""

import re
from collections.abc import Collection
from pathlib import Path

from cloudmesh_engine import home


def file(cloud: str, machine_id: str) -> Path:
    """Name the file that holds, or will hold, the keys of a VM."""
    return _directory(cloud) / alias(machine_id)


def alias(machine_id: str) -> str:
    """Give the name under which ssh looks the key up."""
    return re.sub(r"[^\w.-]", "_", machine_id)


def forget(cloud: str, machine_id: str) -> None:
    """Remove the keys of a VM that is gone."""
    file(cloud, machine_id).unlink(missing_ok=True)


def known(cloud: str) -> set[str]:
    """Name the VMs of a cloud whose keys are pinned."""
    directory = _directory(cloud)
    return {path.name for path in directory.iterdir()} if directory.is_dir() else set()


def forget_others(cloud: str, before: Collection[str], alive: Collection[str]) -> None:
    """Remove the keys that were pinned before the cloud said who is alive, and are of others."""
    for gone in set(before) - {alias(machine_id) for machine_id in alive}:
        forget(cloud, gone)


def _directory(cloud: str) -> Path:
    return home.state_dir() / "ssh/known_hosts" / cloud
