"""Puts the app together: the API, its description, and the page."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles

from cloudmesh_airflow.api import activity, hours, manual, problems, storage, vms, watching
from cloudmesh_airflow.api.guard import GuardedApp
from cloudmesh_airflow.api.kept import Kept
from cloudmesh_airflow.api.rights import LOOK
from cloudmesh_airflow.api.snapshot import Snapshot

BASE = "/api/v1"
_PAGE = Path(__file__).parents[1] / "page"
_ABOUT = """\
Boots, starts, stops and deletes VMs, moves files, and tells of both. What changes something makes
a job, which is a run of a DAG. Log in as to Airflow: by its cookie, or by the token of
`POST /auth/token`.
"""


@cache
def get_app() -> GuardedApp:
    """Make the app, once."""
    app = GuardedApp(
        title="Cloudmesh API",
        description=_ABOUT,
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        lifespan=_lifespan,
        # Generated clients name their functions so.
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.kept = Kept()
    app.state.snapshot = Snapshot(app.state.kept)
    problems.install(app)
    for part in (vms, storage, activity, hours, watching):
        app.include_router(part.router, prefix=BASE)
    app.include_router(_description(), prefix=BASE)
    app.mount("/ui", StaticFiles(directory=_PAGE, html=True))
    return app


@asynccontextmanager
async def _lifespan(app: GuardedApp) -> AsyncIterator[None]:
    yield
    await app.state.snapshot.close()


def _description() -> APIRouter:
    """Make the routes that describe the others."""
    router = APIRouter(include_in_schema=False, dependencies=[LOOK])

    @router.get("/openapi.json")
    async def document(request: Request) -> JSONResponse:
        return JSONResponse(manual.document(request.app, request.scope["root_path"]))

    @router.get("/docs")
    async def page(request: Request) -> HTMLResponse:
        return HTMLResponse(manual.page(manual.document(request.app, "")))

    return router
