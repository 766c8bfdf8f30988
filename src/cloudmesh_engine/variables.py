"""What a person's shell keeps from command to command: variables, and the history beside them.

CLOUDMESH_SHELL_DIR says where, with one folder for each user. Only shells have that variable:
where it is not set, as in everything that Airflow starts, there are no variables.
"""

import contextlib
import copy
import dataclasses
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import ActionFailed, NotSupported

# What a variable stands for: an option that was not given, of every command or for each cloud.
_GENERAL = ("cloud", "group", "key")
_OF_CLOUDS = ("image", "username", "secgroup", "group")


def folder() -> Path | None:
    """Where this user's shell keeps its files; None where nothing is kept."""
    place = os.environ.get("CLOUDMESH_SHELL_DIR")
    return Path(place) / str(os.getuid()) if place else None


def stored() -> dict[str, str]:
    """Give the variables that were set."""
    place = folder()
    return _read(place / "variables.json") if place else {}


def effective(settings: Settings) -> dict[str, str]:
    """Give every variable: what was set, else the defaults of cloudmesh.yaml."""
    defaults = settings.data["cloudmesh"].get("default") or {}
    return {str(key): str(value) for key, value in defaults.items()} | stored()


@contextlib.contextmanager
def changing() -> Iterator[dict[str, str]]:
    """Lock the variables, and keep what was changed, whole or not at all."""
    place = folder()
    if place is None:
        raise NotSupported(
            "variables are kept for a person's shell only (CLOUDMESH_SHELL_DIR is not set): "
            "give options, or set the default in cloudmesh.yaml"
        )
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A file of its own, because the one with the values is replaced at every change.
    lock = os.open(place / "variables.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = _read(place / "variables.json")
        after = dict(before)
        yield after
        if after != before:
            write_whole(place / "variables.json", json.dumps(after, indent=1) + "\n")
    finally:
        os.close(lock)


def applied(settings: Settings) -> Settings:
    """Let the variables win over the defaults of the configuration."""
    kept = stored()
    if not kept:
        return settings
    if "size" in kept:
        kept.setdefault("flavor", kept["size"])
    data = copy.deepcopy(settings.data)
    root = data["cloudmesh"]
    _overlay(root, kept, _GENERAL)
    for section in (root.get("cloud") or {}).values():
        if isinstance(section, dict):
            _overlay(section, kept, (*_OF_CLOUDS, "flavor"))
    return dataclasses.replace(settings, data=data)


def _overlay(node: dict[str, Any], kept: dict[str, str], names: tuple[str, ...]) -> None:
    chosen = {name: kept[name] for name in names if name in kept}
    node["default"] = {**(node.get("default") or {}), **chosen}


def _read(file: Path) -> dict[str, str]:
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not JSON"
        raise ActionFailed(f"{file}: {reason}: make it readable, or remove it") from error
    if not isinstance(values, dict):
        raise ActionFailed(f"{file}: holds no variables: remove it")
    return {str(name): str(value) for name, value in values.items()}


def write_whole(file: Path, text: str) -> None:
    """Write a file that its owner alone may read, whole or not at all."""
    # Here, because what it imports takes longer than to read the variables.
    import tempfile

    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.rename(temporary, file)
    except BaseException:
        os.unlink(temporary)
        raise
    directory = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
