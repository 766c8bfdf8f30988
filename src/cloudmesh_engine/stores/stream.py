"""What comes from a connection, as long as somebody wants it and it comes at all."""

import socket
import time

from cloudmesh_engine.stores.piece import room

_AT_ONCE = 64 * 1024
LONGEST_HEAD = 256 * 1024
_SLOWEST = 1024


class Broken(Exception):
    """What came is no answer."""


class WrongLength(Broken):
    """The body has another length than was asked for, or than the headers say.

    :ivar missing: so many bytes, fewer than none if there are too many
    """

    def __init__(self, missing: int) -> None:
        super().__init__(f"{missing:+} bytes")
        self.missing = missing


class Stream:
    """What comes from a connection."""

    def __init__(self, sock: socket.socket, patience: float) -> None:
        self._sock = sock
        self._come = b""
        self._count = 0
        self._late = time.monotonic() + patience

    @property
    def more(self) -> bool:
        """Whether more has come than was taken."""
        return bool(self._come)

    def until(self, mark: bytes) -> bytes:
        """Take what is before a mark."""
        while (at := self._come.find(mark)) < 0:
            if len(self._come) > LONGEST_HEAD:
                raise Broken("an answer without end")
            more = self._some()
            if not more:
                raise ConnectionResetError("it ended the connection instead of an answer")
            self._come += more
        found, self._come = self._come[:at], self._come[at + len(mark) :]
        return found

    def take(self, size: int) -> memoryview:
        """Take so many bytes."""
        come, self._come = self._come, b""
        if len(come) >= size:
            self._come = come[size:]
            return memoryview(come)[:size]
        buffer = room(size)
        buffer[: len(come)] = come
        filled = len(come)
        while filled < size:
            self._check()
            # Not in pieces, where the connection knows how to wait for all.
            count = self._sock.recv_into(buffer[filled:], 0, _wait_for_all(self._sock))
            if not count:
                raise WrongLength(size - filled)
            filled += count
            self._count += count
        return buffer

    def rest(self, most: int) -> memoryview:
        """Take everything up to the end of the connection."""
        found, self._come = bytearray(self._come), b""
        while more := self._some():
            found += more
            if len(found) > most:
                raise WrongLength(most - len(found))
        return memoryview(found)

    def _some(self) -> bytes:
        self._check()
        more = self._sock.recv(_AT_ONCE)
        self._count += len(more)
        return more

    def _check(self) -> None:
        """Give up who answers, but so slowly that it would never end."""
        if self._count and time.monotonic() > self._late + self._count / _SLOWEST:
            raise TimeoutError("it answers too slowly")


def _wait_for_all(sock: socket.socket) -> int:
    return socket.MSG_WAITALL if type(sock) is socket.socket else 0
