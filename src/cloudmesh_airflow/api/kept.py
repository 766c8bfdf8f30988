"""What many ask for at once: it is made once for all of them, and kept for a moment.

On two cores that tasks keep busy, the same question asked by each open page by itself is what makes
all of them wait.
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from functools import partial
from typing import Any

from starlette.types import Message, Send

# An answer is kept so long, and so is what it is made of: all in all it is a second old at most.
SECONDS = 0.5


class Kept:
    """What was made for each key within the last moment, or is being made."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._made: dict[Hashable, asyncio.Task[Any]] = {}

    async def get[Made](self, key: Hashable, make: Callable[[], Coroutine[Any, Any, Made]]) -> Made:
        """Give what is kept for a key, or make it; a failure reaches who waits, and is not kept."""
        task: asyncio.Task[Made] | None = self._made.get(key)
        if task is None:
            task = self._made[key] = asyncio.create_task(make())
            task.add_done_callback(partial(self._keep, key))
        # Who goes away must not end it for the others.
        return await asyncio.shield(task)

    def drop(self) -> None:
        """Forget everything; what is being made goes only to those who have asked for it by now."""
        self._made = {}

    def dropping(self, send: Send) -> Send:
        """Let who is told that something has changed find it changed."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.drop()
            await send(message)

        return sent

    def _keep(self, key: Hashable, task: asyncio.Task[Any]) -> None:
        if task.cancelled() or task.exception():
            self._forget(key, task)
        else:
            asyncio.get_running_loop().call_later(self._seconds, self._forget, key, task)

    def _forget(self, key: Hashable, task: asyncio.Task[Any]) -> None:
        if self._made.get(key) is task:
            del self._made[key]
