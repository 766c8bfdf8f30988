"""Routes whose answer is made once for all who ask for it at about the same time."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from cloudmesh_airflow.api.kept import Kept
from cloudmesh_airflow.api.rights import look, user_id


class CommonRoute(APIRoute):
    """A route that tells everybody the same who may look; only its GET is kept."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Put what is kept before what FastAPI makes of the route."""
        handle = super().get_route_handler()

        async def shared(request: Request) -> Response:
            kept: Kept = request.app.state.kept
            asked = (request.scope[part] for part in ("root_path", "path", "query_string"))
            key = ("answer", await self.whose(request), *asked)
            # It may go on when this request has ended: nothing it depends on is closed by then.
            # Airflow adds headers as it sends it, be it a cookie: to those that the door copied.
            answer: Response = await kept.get(key, partial(handle, request))
            return answer

        return shared if self.methods == {"GET"} else handle

    async def whose(self, request: Request) -> str:
        """Say whose answer it is, of somebody who may look."""
        # In a thread as FastAPI would: another auth manager than ours may ask a server.
        check = partial(asyncio.to_thread, look, request)
        await request.app.state.kept.get(("may look", user_id(request)), check)
        return ""


class PersonalRoute(CommonRoute):
    """A route whose answer depends on the rights of who asks, as Airflow's own do."""

    async def whose(self, request: Request) -> str:
        """Say who asks: the rights were looked at when the answer was made."""
        return user_id(request)
