"""One large object: its parts are read and sent side by side, and hashed in their order."""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from cloudmesh_engine.errors import ActionFailed
from cloudmesh_engine.stores import MIB, Item, Put, Store, Upload

PART = 16 * MIB
LARGEST_PART = 64 * MIB


def part_size(size: int, parts: int) -> int:
    """Give the size of the parts of an object of which a store takes so many."""
    needed = -(-size // parts)
    part = max(PART, -(-needed // MIB) * MIB)
    if part > LARGEST_PART:
        limit = LARGEST_PART * parts // 1024**3
        raise ActionFailed(f"is larger than {limit} GiB: the target takes {parts} parts at most")
    return part


@dataclass
class Assembly:
    """An object in the making.

    :param done: is called once, by whichever thread ends the last part, with the failure if any
    """

    source: Store
    target: Store
    item: Item
    upload: Upload
    parts: int
    done: Callable[["Assembly", BaseException | None], None]
    sum: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    _next: int = 0
    _left: int = 0
    _failure: BaseException | None = None
    _turn: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self._left = self.parts

    @property
    def digest(self) -> str:
        """The SHA-256 of all parts."""
        return self.sum.hexdigest()

    def finish(self) -> Put:
        """Make the object visible."""
        return self.upload.finish(self.digest, self.item.size)

    def move(self, index: int, offset: int, size: int) -> None:
        """Move one part."""
        try:
            if not self._failure:
                self._move(index, offset, size)
        except BaseException as error:
            self._failure = self._failure or error
        with self._turn:
            self._next = max(self._next, index + 1) if self._failure else self._next
            self._left -= 1
            last = not self._left
            self._turn.notify_all()
        if last:
            self.done(self, self._failure)

    def _move(self, index: int, offset: int, size: int) -> None:
        data = self.source.read(self.item, offset, size)
        if not self.target.limits.ordered:
            self.upload.part(index, offset, data)
        with self._turn:
            # Older parts were handed out before, so some thread is at work on them.
            self._turn.wait_for(lambda: self._next == index or self._failure)
            if self._failure:
                return
        if self.target.limits.ordered:
            self.upload.part(index, offset, data)
        self.sum.update(data)
        with self._turn:
            self._next = index + 1
            self._turn.notify_all()
