"""Routes of files: what is in the stores, and what is moved between them.

Nothing here looks into a store: what is shown, DAGs have noted in MongoDB.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from cloudmesh_airflow import choices
from cloudmesh_airflow.api.acting import JOB, started, starts
from cloudmesh_airflow.api.file_models import (
    Folder,
    Listing,
    ListingOrder,
    Service,
    StorageService,
    Transfer,
    TransferDetails,
    TransferOrder,
    TransferPage,
    TransferState,
    entry,
    prefix,
    service,
    spoken,
    transfer,
)
from cloudmesh_airflow.api.jobs import JobsDep, Key, Wait
from cloudmesh_airflow.api.models import JobDetails, Limit, Offset, Search
from cloudmesh_airflow.api.problems import documented
from cloudmesh_airflow.api.rights import LOOK
from cloudmesh_airflow.api.sharing import CommonRoute
from cloudmesh_airflow.api.snapshot import SnapshotDep
from cloudmesh_airflow.plugin import PREFIX

router = APIRouter(tags=["Files"], route_class=CommonRoute)


def _airflow(request: Request) -> str:
    return str(request.scope.get("root_path", "")).removesuffix(PREFIX)


_Root = Annotated[str, Depends(_airflow)]


@router.get("/storage", dependencies=[LOOK], responses=documented(503))
async def services(snapshot: SnapshotDep) -> list[StorageService]:
    """List the storage services; until a folder was looked into, those that are shipped."""
    shipped = [{"storage": name} for name in choices.STORES]
    found = await snapshot.services() or shipped
    return sorted(map(service, found), key=lambda one: one.name)


@router.get("/storage/{service}/files", dependencies=[LOOK], responses=documented(404, 503))
async def files(
    service: Service,
    snapshot: SnapshotDep,
    path: Folder = "",
    name: Search = "",
    limit: Limit = 100,
    offset: Offset = 0,
) -> Listing:
    """List what is in a folder, as it was when somebody last looked into it."""
    folder = prefix(path)
    found = await snapshot.listing(service, folder)
    if not found:
        raise HTTPException(
            404,
            f"nobody has looked into {service}:{folder} yet, or it was not there: "
            f"POST storage/{service}/listings with this path",
        )
    entries = (entry(folder, service, one) for one in found["entries"])
    items = [one for one in entries if name.lower() in one.name.lower()]
    return Listing(
        service=service,
        path=f"/{folder}" if folder.startswith("/") else folder,
        place=found["place"],
        taken_at=found["cm"]["updated"],
        truncated=found["truncated"],
        items=items[offset : offset + limit],
        total=len(items),
        limit=limit,
        offset=offset,
    )


@router.post("/storage/{service}/listings", dependencies=starts("storage_listing"), **JOB)
async def look(
    service: Service,
    order: ListingOrder,
    jobs: JobsDep,
    response: Response,
    key: Key = None,
    wait: Wait = 0,
) -> JobDetails:
    """Look into a folder."""
    parameters = {"service": service, "path": spoken(prefix(order.path))}
    return await started(jobs, response, "storage_listing", parameters, key, wait)


@router.post("/transfers", dependencies=starts("move_file"), **JOB)
async def move(
    order: TransferOrder, jobs: JobsDep, response: Response, key: Key = None, wait: Wait = 0
) -> JobDetails:
    """Move files from any store to any store, and check that they arrived."""
    return await started(jobs, response, "move_file", order.model_dump(), key, wait)


@router.get("/transfers", dependencies=[LOOK], responses=documented(503))
async def transfers(
    snapshot: SnapshotDep,
    root: _Root,
    limit: Limit = 20,
    offset: Offset = 0,
    state: Annotated[TransferState | None, Query()] = None,
) -> TransferPage:
    """List transfers, those first that were active last."""
    found = [Transfer(**transfer(record, root)) for record in await snapshot.transfers()]
    items = [one for one in found if state in (None, one.state)]
    page = items[offset : offset + limit]
    return TransferPage(items=page, total=len(items), limit=limit, offset=offset)


@router.get("/transfers/{identifier}", dependencies=[LOOK], responses=documented(404, 503))
async def one_transfer(identifier: str, snapshot: SnapshotDep, root: _Root) -> TransferDetails:
    """Describe a transfer, with what failed."""
    record = await snapshot.transfer(identifier)
    if not record:
        raise HTTPException(404, f"there is no transfer {identifier!r}: see transfers")
    report = record.get("report") or {}
    return TransferDetails(
        **transfer(record, root),
        digest=report.get("digest") or "",
        failures=report.get("failures") or [],
    )
