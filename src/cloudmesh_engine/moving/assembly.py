"""One large object: its parts are read and sent side by side, and hashed in their order."""

import functools
import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from cloudmesh_engine.errors import ActionFailed
from cloudmesh_engine.stores import MIB, Item, Limits, Put, Upload
from cloudmesh_engine.stores.piece import Piece

LARGEST_PART = 64 * MIB


def part_size(size: int, limits: Limits) -> int:
    """Give the size of the parts of an object for a store with these limits."""
    needed = -(-size // limits.parts)
    part = max(limits.part, -(-needed // MIB) * MIB)
    if part > LARGEST_PART:
        most = LARGEST_PART * limits.parts // 1024**3
        raise ActionFailed(
            f"is larger than {most} GiB: the target takes {limits.parts} parts at most"
        )
    return part


class Reader(Protocol):
    """A store, or a way to read one object of it."""

    def read(self, item: Item, offset: int, size: int) -> Piece:
        """Read a piece of an object as it was listed; it is all there or an error is raised."""


@dataclass
class Assembly:
    """An object in the making.

    The sums take the parts in their order. Nobody waits for his turn: a part that is early is
    laid aside, and whoever brings the next one takes those that follow it as well.

    :param part: the size of its parts
    :param ordered: parts have to be sent one after the other
    :param done: is called once, by whichever thread ends the last part, with the failure if any
    :param release: is called with the size of each part whose bytes are not needed any more
    """

    source: Reader
    item: Item
    upload: Upload
    part: int
    ordered: bool
    done: Callable[["Assembly", BaseException | None], None]
    release: Callable[[int], None]
    _early: dict[int, tuple[int, int, Piece]] = field(default_factory=dict)
    _half: set[int] = field(default_factory=set)
    _ended: int = 0
    _next: int = 0
    _busy: bool = False
    _failure: BaseException | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _sha256: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    _md5: "hashlib._Hash | None" = None

    def __post_init__(self) -> None:
        # Each byte is paid for: only where the source tells what it has to be.
        if self.item.md5:
            self._md5 = hashlib.md5(usedforsecurity=False)

    @functools.cached_property
    def parts(self) -> list[tuple[int, int, int]]:
        """Index, offset and size of each part."""
        size = self.item.size
        offsets = enumerate(range(0, size, self.part))
        return [(index, offset, min(self.part, size - offset)) for index, offset in offsets]

    @property
    def digest(self) -> str:
        """The SHA-256 of all parts."""
        return self._sha256.hexdigest()

    def differs(self, told: Item) -> bool:
        """Say whether the sums are others than the source tells of the object, if it does."""
        md5 = self._md5.hexdigest() if self._md5 else told.md5
        return told.sha256 not in ("", self.digest) or told.md5 not in ("", md5)

    def finish(self) -> Put:
        """Make the object visible."""
        return self.upload.finish(self.digest, self.item.size)

    def give_up(self, failure: BaseException) -> None:
        """Move no more: the parts that are left are not even read."""
        self._failure = self._failure or failure

    def move(self, index: int, offset: int, size: int) -> None:
        """Move one part."""
        piece = Piece(b"")
        try:
            if not self._failure:
                piece = self.source.read(self.item, offset, size)
        except BaseException as error:
            self.give_up(error)
        with self._lock:
            self._early[index] = offset, size, piece
        if self.ordered:
            # Whoever has its turn sends it. This thread may then be long at sending others.
            del piece
        # Before it is sent: those that follow it do not wait for a store that is slow with it.
        while self._take_next():
            pass
        if not self.ordered:
            self._send(index, offset, piece)
            del piece
            self._step(index, size)

    def _take_next(self) -> bool:
        """Take the next part, if it is here and nobody else is at it."""
        with self._lock:
            if self._busy or self._next not in self._early:
                return False
            self._busy = True
            index = self._next
            offset, size, piece = self._early.pop(index)
        if self.ordered:
            self._send(index, offset, piece)
        if not self._failure:
            self._sha256.update(piece.data)
            if self._md5:
                self._md5.update(piece.data)
        del piece
        with self._lock:
            self._next += 1
            self._busy = False
        self._step(index, size)
        return True

    def _send(self, index: int, offset: int, piece: Piece) -> None:
        try:
            if not self._failure:
                self.upload.part(index, offset, piece)
        except BaseException as error:
            self.give_up(error)

    def _step(self, index: int, size: int) -> None:
        """Note that a part was hashed, or sent; of an ordered one both at once."""
        with self._lock:
            if not self.ordered and index not in self._half:
                self._half.add(index)
                return
            self._half.discard(index)
            self._ended += 1
            last = self._ended == len(self.parts)
        try:
            if last:
                self.done(self, self._failure)
        finally:
            self.release(size)
