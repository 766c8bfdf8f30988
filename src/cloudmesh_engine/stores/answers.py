"""Reads the answers of HTTP/1.1 from a connection. Nothing is sent here.

The standard library's client makes a mail message of the headers of each answer, which takes 29 us
and the import of all that knows mail; and it reads a large body in pieces of what happens to be
there, where one call can wait for all of it.
"""

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from cloudmesh_engine.stores.piece import room

_AT_ONCE = 64 * 1024
_LONGEST_HEAD = 256 * 1024
_EMPTY = memoryview(b"")
_HEXADECIMAL = re.compile(rb"[0-9a-fA-F]{1,15}")


class Broken(Exception):
    """What came is no answer."""


class WrongLength(Broken):
    """The body has another length than was asked for, or than the headers say.

    :ivar missing: so many bytes, fewer than none if there are too many
    """

    def __init__(self, missing: int) -> None:
        super().__init__(f"{missing:+} bytes")
        self.missing = missing


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read to its end.

    :param headers: by their names in small letters
    :param last: whether the connection is of no more use
    """

    status: int
    headers: Mapping[str, str]
    body: memoryview
    last: bool

    def header(self, name: str) -> str:
        """Give a header, or nothing."""
        return self.headers.get(name.lower(), "")

    @property
    def text(self) -> str:
        """The body as text."""
        return bytes(self.body).decode("utf-8", "replace")


def read(sock: socket.socket, method: str, size: int = -1) -> Reply:
    """Read the answer to a request.

    :param size: how long the body of a good answer must be, if that is known
    """
    stream = _Stream(sock)
    status, version, headers = _head(stream)
    while 100 <= status < 200:
        status, version, headers = _head(stream)
    good = 200 <= status < 300
    length = _length(method, status, headers)
    if good and size >= 0 and length not in (None, size):
        # Before it is read: a store that ignores the range would fill the memory.
        raise WrongLength(size - (length or 0))
    body = _body(stream, length, headers)
    if good and size not in (-1, len(body)):
        raise WrongLength(size - len(body))
    kept = headers.get("connection", "" if version == b"HTTP/1.1" else "close").lower()
    ends = length is None and "transfer-encoding" not in headers
    return Reply(status, headers, body, "close" in kept or ends or stream.more)


class _Stream:
    """What comes from a connection."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._come = b""

    @property
    def more(self) -> bool:
        """Whether more has come than was taken."""
        return bool(self._come)

    def until(self, mark: bytes) -> bytes:
        """Take what is before a mark."""
        while (at := self._come.find(mark)) < 0:
            if len(self._come) > _LONGEST_HEAD:
                raise Broken("an answer without end")
            more = self._sock.recv(_AT_ONCE)
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
            # Not in pieces, where the connection knows how to wait for all.
            count = self._sock.recv_into(buffer[filled:], 0, _wait_for_all(self._sock))
            if not count:
                raise WrongLength(size - filled)
            filled += count
        return buffer

    def rest(self) -> memoryview:
        """Take everything up to the end of the connection."""
        pieces = [self._come]
        while more := self._sock.recv(_AT_ONCE):
            pieces.append(more)
        self._come = b""
        return memoryview(b"".join(pieces))


def _wait_for_all(sock: socket.socket) -> int:
    return socket.MSG_WAITALL if type(sock) is socket.socket else 0


def _head(stream: _Stream) -> tuple[int, bytes, dict[str, str]]:
    first, *lines = stream.until(b"\r\n\r\n").split(b"\r\n")
    version, _, rest = first.partition(b" ")
    if not version.startswith(b"HTTP/1.") or not rest[:3].isdigit():
        raise Broken("an answer that is not HTTP")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise Broken("an answer with a broken header")
        name, value = name.lower(), value.strip()
        # Who sends two lengths lets us choose where the next answer begins.
        if headers.setdefault(name, value) != value and name == "content-length":
            raise Broken("an answer of two lengths")
    return int(rest[:3]), version, headers


def _length(method: str, status: int, headers: Mapping[str, str]) -> int | None:
    """Give the length of the body, if the headers tell it."""
    if method == "HEAD" or status in (204, 304) or (method == "CONNECT" and status == 200):
        return 0
    if "transfer-encoding" in headers:
        return None
    text = headers.get("content-length")
    if text is not None and not (text.isascii() and text.isdigit()):
        raise Broken("an answer without a true length")
    return None if text is None else int(text)


def _body(stream: _Stream, length: int | None, headers: Mapping[str, str]) -> memoryview:
    if length is not None:
        return stream.take(length) if length else _EMPTY
    coding = headers.get("transfer-encoding", "").lower()
    if coding not in ("", "chunked"):
        raise Broken(f"an answer in a coding that is not known ({coding})")
    return _chunks(stream) if coding else stream.rest()


def _chunks(stream: _Stream) -> memoryview:
    pieces = []
    while size := _chunk(stream.until(b"\r\n")):
        pieces.append(stream.take(size))
        stream.until(b"\r\n")
    while stream.until(b"\r\n"):
        pass  # what follows the last one tells nothing that we ask for
    return memoryview(b"".join(pieces))


def _chunk(line: bytes) -> int:
    size = line.partition(b";")[0].strip()
    if not _HEXADECIMAL.fullmatch(size):
        raise Broken("an answer in broken chunks")
    return int(size, 16)
