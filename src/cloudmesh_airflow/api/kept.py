"""What many ask for at once: it is made once for all of them, and kept for a moment.

On two cores that tasks keep busy, the same question asked by each open page by itself is what makes
all of them wait.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.types import Message, Send

# So long it is given as it is; as long again it is still given, but the first who asks has it made
# anew meanwhile.
SECONDS = 0.5

Make = Callable[[], Coroutine[Any, Any, Any]]


@dataclass(eq=False)
class _One:
    """What was made last, when, and what will follow it if that is being made."""

    made: Any = None
    at: float = float("-inf")
    making: asyncio.Task[Any] | None = None


class Kept:
    """What was made for each key within the last moment, or is being made."""

    def __init__(
        self, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._all: dict[Hashable, _One] = {}

    async def get(self, key: Hashable, make: Make) -> Any:
        """Give what is kept for a key, or make it; a failure reaches who waits, and is not kept."""
        one = self._all.setdefault(key, _One())
        age = self._clock() - one.at
        if age > self._seconds and not one.making:
            one.making = asyncio.create_task(make())
            one.making.add_done_callback(partial(self._ready, key, one))
        if one.making and age > 2 * self._seconds:
            # Who goes away must not end it for the others.
            return await asyncio.shield(one.making)
        return one.made

    def drop(self) -> None:
        """Forget everything; what is being made goes only to those who have asked for it by now."""
        self._all = {}

    def dropping(self, send: Send) -> Send:
        """Let who is told that something has changed find it changed."""

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.drop()
            await send(message)

        return sent

    def _ready(self, key: Hashable, one: _One, task: asyncio.Task[Any]) -> None:
        one.making = None
        if task.cancelled() or task.exception():
            one.at = float("-inf")
            self._forget(key, one)
        else:
            one.made, one.at = task.result(), self._clock()
            # Later than it must, as a timer may ring a little early.
            loop = asyncio.get_running_loop()
            loop.call_later(3 * self._seconds, self._forget, key, one)

    def _forget(self, key: Hashable, one: _One) -> None:
        """Keep no answer that nobody asks for any more."""
        unused = self._clock() - one.at >= 2 * self._seconds
        if unused and not one.making and self._all.get(key) is one:
            del self._all[key]
