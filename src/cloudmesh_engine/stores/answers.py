"""Reads the answers of HTTP/1.1 from a connection. Nothing is sent here.

The standard library's client makes a mail message of the headers of each answer, which takes 29 us
and the import of all that knows mail; and it reads a large body in pieces of what happens to be
there, where one call can wait for all of it.

What is not plain is not guessed at: where an answer ends must be beyond doubt, or the next one
would be taken for another.
"""

import re
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

from cloudmesh_engine.stores.piece import room

_AT_ONCE = 64 * 1024
_LONGEST_HEAD = 256 * 1024
# Of an answer of which nobody knows the length before: a page of a list, the log of a task.
_LONGEST_BODY = 256 * 1024 * 1024
_MOST_INTERIM = 10
# A store that joins many parts sends a space now and then, for minutes.
_PATIENCE_SECONDS, _SLOWEST = 600, 1024
_EMPTY = memoryview(b"")
_FIRST = re.compile(rb"HTTP/1\.([01]) ([1-9]\d\d)(?: .*)?")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\r\n\0]*)")
_FRAMING = ("content-length", "transfer-encoding")
_DECIMAL = re.compile(r"[0-9]{1,18}")
_HEXADECIMAL = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;.*)?")


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


def read(
    sock: socket.socket, method: str, size: int = -1, patience: float = _PATIENCE_SECONDS
) -> Reply:
    """Read the answer to a request.

    :param size: how long the body of a good answer must be, if that is known
    :param patience: so many seconds it may take, and one more for each KiB; the connection's own
        limit says how long nothing may come
    """
    stream = _Stream(sock, patience)
    for _ in range(_MOST_INTERIM):
        status, old, headers = _head(stream)
        if status >= 200:
            break
    else:
        raise Broken("interim answers without end")
    asked = size if 200 <= status < 300 else -1
    length = _length(method, status, headers)
    # Before it is read: a store that ignores the range would fill the memory.
    if asked >= 0 and length not in (None, asked):
        raise WrongLength(asked - (length or 0))
    body = _body(stream, length, headers, asked if asked >= 0 else _LONGEST_BODY)
    if asked not in (-1, len(body)):
        raise WrongLength(asked - len(body))
    framed = sum(name in headers for name in _FRAMING)
    doubtful = framed > 1 or stream.more or (length is None and not framed)
    return Reply(
        status, headers, body, old or doubtful or "close" in headers.get("connection", "").lower()
    )


class _Stream:
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
            if len(self._come) > _LONGEST_HEAD:
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


def _head(stream: _Stream) -> tuple[int, bool, dict[str, str]]:
    """Read a head: its status, whether it is of HTTP/1.0, and its headers."""
    first, *lines = stream.until(b"\r\n\r\n").split(b"\r\n")
    begin = _FIRST.fullmatch(first)
    if not begin:
        raise Broken("an answer that is not HTTP")
    headers: dict[str, str] = {}
    for line in lines:
        header = _HEADER.fullmatch(line)
        if not header:
            raise Broken("an answer with a broken header")
        name, value = header[1].decode("ascii").lower(), header[2].decode("latin-1").strip(" \t")
        # Who sends two lengths lets us choose where the next answer begins.
        if headers.setdefault(name, value) != value and name in _FRAMING:
            raise Broken("an answer of two lengths")
    return int(begin[2]), begin[1] == b"0", headers


def _length(method: str, status: int, headers: Mapping[str, str]) -> int | None:
    """Give the length of the body, if the headers tell it."""
    text = headers.get("content-length")
    if text is not None and not _DECIMAL.fullmatch(text):
        raise Broken("an answer without a true length")
    if method == "HEAD" or status in (204, 304) or (method == "CONNECT" and status == 200):
        return 0
    return None if text is None or "transfer-encoding" in headers else int(text)


def _body(stream: _Stream, length: int | None, headers: Mapping[str, str], most: int) -> memoryview:
    if length is not None:
        if length > most:
            raise WrongLength(most - length)
        return stream.take(length) if length else _EMPTY
    coding = headers.get("transfer-encoding")
    if coding is None:
        return stream.rest(most)
    if coding.lower() != "chunked":
        raise Broken(f"an answer in a coding that is not known ({coding})")
    return _chunks(stream, most)


def _chunks(stream: _Stream, most: int) -> memoryview:
    body = bytearray()
    while size := _chunk(stream.until(b"\r\n")):
        if len(body) + size > most:
            raise WrongLength(most - len(body) - size)
        body += stream.take(size)
        if stream.until(b"\r\n"):
            raise Broken("an answer in broken chunks")
    # What follows the last one tells nothing that we ask for.
    left = _LONGEST_HEAD
    while line := stream.until(b"\r\n"):
        left -= len(line)
        if left < 0:
            raise Broken("an answer without end")
    return memoryview(body)


def _chunk(line: bytes) -> int:
    found = _HEXADECIMAL.fullmatch(line)
    if not found:
        raise Broken("an answer in broken chunks")
    return int(found[1], 16)
