"""What the API takes and gives of files."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import Path, Query
from pydantic import BaseModel, Field

from cloudmesh_airflow.api.jobs import RESULTS
from cloudmesh_airflow.api.models import Order
from cloudmesh_airflow.inventory import Record

_SERVICE = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}"
# Stores take names with control characters; a task and its log could not be trusted with them.
_TEXT = r"[^\x00-\x1f\x7f]*"
_LONGEST = 4096
# `cms transfer` tells of itself every two seconds.
_SILENT_SECONDS = 60

Service = Annotated[
    str, Path(pattern=f"^{_SERVICE}$", description="A storage service of cloudmesh.yaml")
]
_FOLDER = "A folder, as runs/2026/; empty is all of the store"
Folder = Annotated[str, Query(pattern=f"^{_TEXT}$", max_length=_LONGEST, description=_FOLDER)]
TransferState = Literal["running", "done", "failed", "interrupted"]


class ListingOrder(Order):
    """A folder to look into."""

    path: str = Field("", pattern=f"^{_TEXT}$", max_length=_LONGEST, description=_FOLDER)


class TransferOrder(Order):
    """Files to move; the source keeps them."""

    source: str = Field(
        pattern=f"^{_SERVICE}:{_TEXT}$",
        max_length=_LONGEST,
        description="SERVICE:PATH: a file, a folder with all that is in it, or a glob",
    )
    target: str = Field(
        pattern=f"^{_SERVICE}:{_TEXT}$",
        max_length=_LONGEST,
        description="SERVICE:PATH: a name if the source is one file, otherwise a folder",
    )
    verify: Literal["store", "read"] = Field(
        "store", description="store compares what the stores say; read reads everything back"
    )
    delete: bool = Field(False, description="Delete at the target what the source does not have")


class StorageService(BaseModel):
    """A storage service."""

    name: str
    kind: str = Field(description="Empty until a folder of any service has been looked into")
    place: str = Field(description="Its bucket, container or directory")
    supported: bool
    default: bool


class Entry(BaseModel):
    """A file, or a folder that stands for what is in it."""

    name: str
    kind: Literal["file", "folder"]
    size: int
    modified: str
    path: str = Field(description="What `path` of the routes of folders is for it")
    place: str = Field(description="What `source` of a transfer is for it")
    problem: str = Field(description="Why it cannot be read")


class Listing(BaseModel):
    """What was seen in a folder when it was last looked into."""

    service: str
    path: str
    place: str = Field(description="The bucket, container or directory")
    taken_at: str
    truncated: bool = Field(description="There is more than was noted")
    items: list[Entry]
    total: int = Field(description="How many there are without limit and offset")
    limit: int
    offset: int


class Transfer(BaseModel):
    """The last run of a transfer from one place to another."""

    id: str
    source: str
    target: str
    state: TransferState = Field(
        description=f"Interrupted: it ran, and has said nothing for {_SILENT_SECONDS} s"
    )
    files: int = Field(description="How many were moved")
    bytes: int
    files_known: int | None = Field(description="How many have to be moved; null when it has ended")
    bytes_known: int | None
    listed: bool = Field(description="No more than those have to be moved")
    unchanged: int = Field(description="How many were there already")
    deleted: int
    failed: int
    seconds: float
    began: str
    updated: str
    error: str = Field(description="Why it gave up")
    run: str = Field(description="The DAG and the run that it belongs to, as move_file/api__1")
    job: str = Field(description="The job that it belongs to")
    url: str = Field(description="The run in Airflow, with its log")


class Failure(BaseModel):
    """A file that did not arrive."""

    name: str
    error: str


class TransferDetails(Transfer):
    """A transfer with what failed."""

    digest: str = Field(description="One SHA-256 over all objects, when it has ended")
    failures: list[Failure] = Field(description="The first 1,000")


class TransferPage(BaseModel):
    """Some of the transfers, those first that were active last."""

    items: list[Transfer]
    total: int
    limit: int
    offset: int


def prefix(path: str) -> str:
    """Give what the names of all that is in a folder begin with; one leading slash is no name."""
    path = path.removeprefix("/")
    return path if not path or path.endswith("/") else f"{path}/"


def spoken(key: str) -> str:
    """Give a key as `cms` takes it for a path, which drops one leading slash or `./`."""
    return f"/{key}" if key.startswith(("/", "./")) else key


def service(record: Record) -> StorageService:
    """Describe a service as the engine noted it."""
    return StorageService(
        name=record["storage"],
        kind=record.get("kind") or "",
        place=record.get("place") or "",
        supported=bool(record.get("supported", True)),
        default=bool(record.get("default")),
    )


def entry(folder: str, store: str, record: Record) -> Entry:
    """Describe what was seen in a folder."""
    key = record["name"]
    return Entry(
        name=key.removeprefix(folder),
        kind=record["kind"],
        size=record["size"],
        modified=record.get("modified") or "",
        path=f"/{key}" if key.startswith("/") else key,
        place=f"{store}:{spoken(key)}",
        problem=record.get("problem") or "",
    )


def transfer(record: Record, root: str) -> dict[str, Any]:
    """Describe a transfer.

    :param root: where Airflow is
    """
    report, run = record.get("report") or {}, str(record.get("run") or "")
    dag, _, run_id = run.partition("/")
    return {
        "id": record["_id"],
        # The document's own name the bucket, too.
        "source": report.get("source") or record["source"],
        "target": report.get("target") or record["target"],
        "state": state(record),
        **{key: report.get(key) or 0 for key in _COUNTS},
        "files_known": report.get("files_known"),
        "bytes_known": report.get("bytes_known"),
        "listed": bool(report.get("listed", True)),
        "seconds": report.get("seconds") or 0.0,
        "began": str(record.get("began") or ""),
        "updated": str(record.get("updated") or ""),
        "error": report.get("error") or "",
        "run": run,
        "job": f"{dag}.{run_id}" if dag in RESULTS else "",
        "url": f"{root}/dags/{dag}/runs/{quote(run_id)}" if run_id else "",
    }


_COUNTS = ("files", "bytes", "unchanged", "deleted", "failed")


def state(record: Record) -> TransferState:
    """Say how a transfer is; a run that was killed could not say so itself."""
    found = record.get("state")
    if found != "running":
        return "failed" if found == "failed" else "done"
    silent = datetime.now(UTC) - datetime.fromisoformat(record["updated"])
    return "interrupted" if silent.total_seconds() > _SILENT_SECONDS else "running"
