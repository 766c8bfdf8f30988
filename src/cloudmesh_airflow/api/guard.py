"""The door of the app: nothing behind it answers without Airflow's login."""

from functools import partial
from typing import Any
from urllib.parse import urlsplit

from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN
from airflow.api_fastapi.core_api.security import bearer_scheme, get_user
from fastapi import FastAPI, HTTPException, Request
from fastapi.security.utils import get_authorization_scheme_param
from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from cloudmesh_airflow.api import problems

_READS = ("GET", "HEAD", "OPTIONS")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class GuardedApp(FastAPI):
    """A FastAPI app that asks for a login before it looks for a route.

    A dependency of each route could be forgotten, and never covers what no route matches.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it with a problem."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        # Mounted in Airflow's app, which is the one that answers below /api/v2.
        scope["cloudmesh.airflow"] = scope.get("app")
        request = Request(scope, receive)
        send = _with_headers(send)
        try:
            request.state.cloudmesh_user = await self._user(request)
            _refuse_other_sites(request)
        except HTTPException as error:
            refusal = problems.response(error.status_code, str(error.detail), error.headers)
            await refusal(scope, receive, send)
            return
        if request.method not in _READS:
            send = self.state.kept.dropping(send)
        await super().__call__(scope, receive, send)

    async def _user(self, request: Request) -> Any:
        """Say who sent a request; of a token that reads, Airflow's database is asked once a moment.

        A cookie has been looked up by Airflow itself when it comes here.
        """
        token = _bearer_token(request)
        if not token or request.method not in _READS:
            return await _user(request)
        return await self.state.kept.get(("login", token), partial(_user, request))


def credentials(request: Request) -> dict[str, str]:
    """Give the headers by which Airflow knows who sent a request."""
    if token := _bearer_token(request):
        return {"Authorization": f"Bearer {token}"}
    return {"Cookie": f"{COOKIE_NAME_JWT_TOKEN}={request.cookies.get(COOKIE_NAME_JWT_TOKEN, '')}"}


def _bearer_token(request: Request) -> str:
    """Give the token of a header that is for Airflow; beside a proxy's own the cookie counts."""
    scheme, token = get_authorization_scheme_param(request.headers.get("Authorization"))
    return token if scheme.lower() == "bearer" else ""


async def _user(request: Request) -> Any:
    try:
        return await get_user(request, None, await bearer_scheme(request))
    except HTTPException as error:
        # Airflow says 403 of a token that is none.
        raise HTTPException(401, str(error.detail), {"WWW-Authenticate": "Bearer"}) from error


def _refuse_other_sites(request: Request) -> None:
    """Refuse what a page of another origin sends with the cookie that the browser adds."""
    if request.method in _READS or _bearer_token(request):
        return
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("Host"):
        raise HTTPException(403, f"a page of {origin} may not do this")


def _with_headers(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sent
