"""What `cms` says of files: in its listings, its reports and its errors."""

import json
import re
from collections.abc import Mapping
from typing import Any

from cloudmesh_airflow import arguments
from cloudmesh_airflow.errors import CmsError
from cloudmesh_airflow.hooks.cloudmesh import CloudmeshHook
from cloudmesh_airflow.inventory import Record

_NOTHING = re.compile(r"cms: [^:]+: there is no .*: see cms storage --storage=\S+ list")


def find(hook: CloudmeshHook, source: str, recursive: bool, timeout: float) -> list[Record]:
    """List the object, the folder or what matches the glob; nothing there is an error."""
    words = arguments.listing(source, recursive)
    found: list[Record] = hook.run(words, timeout=timeout, log_stdout=False).json()
    return found


def is_missing(error: CmsError) -> bool:
    """Say whether an error means that there is nothing of that name, and no more than that."""
    said = error.stderr.strip().splitlines()[-1:] if error.returncode == 1 else []
    return bool(said) and bool(_NOTHING.fullmatch(said[0]))


def written(stdout: str) -> list[Record]:
    """Give the records that a command wrote before it failed, as far as there are some."""
    try:
        found = json.loads(stdout)
    except ValueError:
        return []
    return found if isinstance(found, list) else []


def summary(report: Mapping[str, Any]) -> str:
    """Say in one line what a transfer did."""
    return (
        f"{report['action']} {report['files']} files, {report['bytes']} bytes in "
        f"{report['seconds']} s: {report['unchanged']} were there already, "
        f"{report['deleted']} deleted, {report['failed']} failed, {report['retries']} retries"
    )
