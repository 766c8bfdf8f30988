"""Reads the answers of HTTP/1.1 from a connection. Nothing is sent here.

The standard library's client makes a mail message of the headers of each answer, which takes 29 us
and the import of all that knows mail; and it reads a large body in pieces of what happens to be
there, where one call can wait for all of it.

What is not plain is not guessed at: where an answer ends must be beyond doubt, or the next one
would be taken for another.
"""

import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cloudmesh_engine.stores.stream import LONGEST_HEAD, Broken, Stream, WrongLength

# Of an answer of which nobody knows the length before: a page of a list, the log of a task.
_LONGEST_BODY = 256 * 1024 * 1024
_MOST_INTERIM = 10
# A store that joins many parts sends a space now and then, for minutes.
_PATIENCE_SECONDS = 600
_EMPTY = memoryview(b"")
_FIRST = re.compile(rb"HTTP/1\.([01]) ([1-9]\d\d)(?: .*)?")
_HEADER = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([^\r\n\0]*)")
_FRAMING = ("content-length", "transfer-encoding")
_DECIMAL = re.compile(r"[0-9]{1,18}")
_HEXADECIMAL = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;.*)?")


@dataclass(slots=True)
class Rest:
    """The body of an answer that is taken in pieces.

    :param left: so many bytes are still to come
    :param ended: is called when all of it was taken, and nothing else has come
    """

    stream: Stream
    left: int
    ended: Callable[[], None] = lambda: None

    def take(self, size: int) -> memoryview:
        """Take the next piece; all of it is there, or an error is raised."""
        piece = self.stream.take(size)
        self.left -= size
        if not self.left and not self.stream.more:
            self.ended()
        return piece


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read to its end but for the rest.

    :param headers: by their names in small letters
    :param last: whether the connection is of no more use
    :param rest: the body, if it was left to be read later
    """

    status: int
    headers: Mapping[str, str]
    body: memoryview
    last: bool
    rest: Rest | None = None

    def header(self, name: str) -> str:
        """Give a header, or nothing."""
        return self.headers.get(name.lower(), "")

    @property
    def text(self) -> str:
        """The body as text."""
        return bytes(self.body).decode("utf-8", "replace")


def read(
    sock: socket.socket,
    method: str,
    size: int = -1,
    later: bool = False,
    patience: float = _PATIENCE_SECONDS,
) -> Reply:
    """Read the answer to a request.

    :param size: how long the body of a good answer must be, if that is known
    :param later: leave the body of a good answer to be read in pieces, if it tells its length
    :param patience: so many seconds it may take, and one more for each KiB; the connection's own
        limit says how long nothing may come
    """
    stream = Stream(sock, patience)
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
    framed = sum(name in headers for name in _FRAMING)
    doubtful = framed > 1 or (length is None and not framed)
    last = old or doubtful or "close" in headers.get("connection", "").lower()
    if later and asked > 0:
        rest = Rest(stream, length) if length else None
        return Reply(status, headers, _EMPTY, last or not rest, rest)
    body = _body(stream, length, headers, asked if asked >= 0 else _LONGEST_BODY)
    if asked not in (-1, len(body)):
        raise WrongLength(asked - len(body))
    return Reply(status, headers, body, last or stream.more)


def _head(stream: Stream) -> tuple[int, bool, dict[str, str]]:
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


def _body(stream: Stream, length: int | None, headers: Mapping[str, str], most: int) -> memoryview:
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


def _chunks(stream: Stream, most: int) -> memoryview:
    body = bytearray()
    while size := _chunk(stream.until(b"\r\n")):
        if len(body) + size > most:
            raise WrongLength(most - len(body) - size)
        body += stream.take(size)
        if stream.until(b"\r\n"):
            raise Broken("an answer in broken chunks")
    # What follows the last one tells nothing that we ask for.
    left = LONGEST_HEAD
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
