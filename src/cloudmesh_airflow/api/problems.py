"""Errors as RFC 9457 problem documents."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from cloudmesh_airflow.inventory import InventoryDown

MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """What went wrong."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


def response(status: int, detail: str, headers: Any = None) -> JSONResponse:
    """Make the answer to a request that failed."""
    problem = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail)
    return JSONResponse(problem.model_dump(), status, headers=headers, media_type=MEDIA_TYPE)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe failures in the OpenAPI document, with those that every route has."""
    reference = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": reference}},
        }
        for status in sorted({401, 403, 422, *statuses})
    }


def install(app: FastAPI) -> None:
    """Answer every failure of an app by a problem document."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(InventoryDown, _down)


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - says it to the type checker
    return response(error.status_code, str(error.detail), error.headers)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - says it to the type checker
    causes = (
        f"{'.'.join(str(part) for part in cause['loc'])}: {cause['msg']}"
        for cause in error.errors()
    )
    return response(422, "; ".join(causes))


async def _down(_: Request, error: Exception) -> JSONResponse:
    return response(503, str(error))
