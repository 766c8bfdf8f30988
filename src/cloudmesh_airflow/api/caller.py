"""Calls Airflow's public REST API as the user who sent the request.

Within the process: rights, checks and the audit log are Airflow's, and no internals are touched.
"""

import asyncio
from typing import Annotated, Any

import httpx
from fastapi import Depends, HTTPException, Request

from cloudmesh_airflow.api.guard import credentials

# What Airflow says that our caller is to hear as it is; anything else is Airflow's trouble.
_PASSED_ON = (401, 403, 404, 409)
# A request of Airflow's holds a connection to the database while it waits for one of 40 threads,
# in which others wait for a connection: too many at once wait for each other.
_AT_ONCE = asyncio.Semaphore(8)
# Airflow writes its audit log in the event loop. Where a database has one writer (SQLite), that
# waits for another request's write, which cannot end before the loop is free.
_CHANGING = asyncio.Lock()


class Airflow:
    """Airflow's REST API with the login of one request."""

    def __init__(self, request: Request) -> None:
        transport = httpx.ASGITransport(request.scope["cloudmesh.airflow"], False)
        self._client = httpx.AsyncClient(
            transport=transport,
            base_url="http://airflow/api/v2",
            # Within one process nothing is won by compressing.
            headers={**credentials(request), "Accept-Encoding": "identity"},
            trust_env=False,
        )

    async def call(self, method: str, path: str, **options: Any) -> Any:
        """Make one request; the document that it is answered with."""
        async with _AT_ONCE:
            answer = await self._client.request(method, path, **options)
        if answer.is_success:
            return answer.json()
        detail = _detail(answer)
        if answer.status_code in _PASSED_ON:
            raise HTTPException(answer.status_code, detail)
        if answer.status_code in (400, 422):
            raise HTTPException(422, detail)
        raise HTTPException(503, f"Airflow answers {answer.status_code}: {detail}")

    async def change(self, method: str, path: str, document: Any) -> Any:
        """Make a request that changes something, one at a time."""
        async with _CHANGING:
            return await self.call(method, path, json=document)

    async def found(self, path: str, **options: Any) -> Any:
        """Get a document; None if there is none."""
        try:
            return await self.call("GET", path, **options)
        except HTTPException as error:
            if error.status_code != 404:
                raise
            return None


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:200]


AirflowDep = Annotated[Airflow, Depends(Airflow)]
