"""The stores of cloudmesh.yaml: which are filled in, and how much is in them."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from airflow.sdk.exceptions import AirflowSkipException

from cloudmesh_airflow import arguments
from cloudmesh_airflow.errors import CmsError
from cloudmesh_airflow.files import written
from cloudmesh_airflow.runner import run_cms

log = logging.getLogger(__name__)

Record = Mapping[str, Any]


def skip_unless_ready(*names: str) -> None:
    """Skip the task, and all that comes after it, if one of the stores is not filled in."""
    known = _known()
    problems = [text for text in (problem(known, name) for name in names) if text]
    if problems:
        raise AirflowSkipException("; ".join(problems))


def measure(names: str, path: str, timeout: float) -> list[Record]:
    """Count files and bytes of stores, and of each folder in them; show them as a table.

    :param names: the stores, with commas; all that are filled in if empty
    :param path: the folder to look into, in each of them
    """
    known = _known()
    chosen = names or ",".join(name for name in known if not problem(known, name))
    if not chosen:
        raise AirflowSkipException("no store is filled in: see storage in cloudmesh.yaml")
    words = arguments.sizes(chosen, path)
    try:
        found = run_cms(words, timeout=timeout, log_stdout=False).json()
    except CmsError as error:
        # Those that did answer.
        show(written(error.stdout))
        raise
    show(found)
    return list(found)


def problem(known: Mapping[str, Record], name: str) -> str:
    """Say why a store cannot be used, or nothing."""
    record = known.get(name)
    if not record:
        return f"{name}: no such storage service in cloudmesh.yaml: use {', '.join(known)}"
    if not record["supported"]:
        return f"{name}: storage of kind {record['kind']!r} is not supported"
    if not record["place"]:
        return f"{name}: its bucket, container or directory is not filled in in cloudmesh.yaml"
    return ""


def show(records: Iterable[Record]) -> None:
    """Write the counts to the log as a table."""
    rows = [("store", "folder", "files", "bytes", "")]
    rows += [
        (one["storage"], one["name"], f"{one['files']:,}", f"{one['bytes']:,}", _size(one["bytes"]))
        for one in records
    ]
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for store, folder, count, size, short in rows:
        text = f"{store:<{wide[0]}}  {folder:<{wide[1]}}  {count:>{wide[2]}}  {size:>{wide[3]}}"
        log.info("%s", f"{text}  {short:>{wide[4]}}".rstrip())


def _known() -> dict[str, Record]:
    listed = run_cms(["storage", "config", "list", "--output=json"], log_stdout=False).json()
    return {one["storage"]: one for one in listed}


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
