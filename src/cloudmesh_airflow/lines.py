"""Cuts what a command writes into lines, and keeps no more of it than was agreed."""

import codecs
import io
from collections import deque
from collections.abc import Iterator

# A longer line is logged in pieces, so that one without an end needs no memory.
PIECE = 8192


class Lines:
    """Bytes in, lines out: a progress bar's `\\r` ends a line too, bad bytes become escapes."""

    def __init__(self) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._decoder = io.IncrementalNewlineDecoder(decoder, translate=True)
        self._rest = ""

    def feed(self, data: bytes, *, final: bool = False) -> Iterator[str]:
        """Give the lines that are complete; with `final`, also the last one."""
        *lines, self._rest = (self._rest + self._decoder.decode(data, final)).split("\n")
        for line in lines:
            yield from _pieces(line)
        if (final and self._rest) or len(self._rest) > PIECE:
            yield from _pieces(self._rest)
            self._rest = ""


class Kept:
    """The text of a stream: all of it up to a size, beyond that its last part.

    :param size: how many bytes to keep
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._chunks: deque[bytes] = deque()
        self._length = 0
        self.cut = False

    def feed(self, data: bytes) -> None:
        """Take what was written next."""
        self._chunks.append(data)
        self._length += len(data)
        while self._length - len(self._chunks[0]) >= self._size:
            self._length -= len(self._chunks.popleft())
            self.cut = True

    def text(self) -> str:
        """Give what was kept."""
        return b"".join(self._chunks).decode(errors="backslashreplace")


def _pieces(line: str) -> Iterator[str]:
    for start in range(0, len(line) or 1, PIECE):
        yield line[start : start + PIECE]
