"""Bytes on their way from one store to another, with the checksums that both ask for."""

import base64
import contextlib
import functools
import hashlib
import mmap

_OWN_PAGES = 2 * 1024 * 1024


class Piece:
    """An object or a part of one; each checksum is computed once, by whoever needs it first."""

    def __init__(self, data: memoryview | bytes) -> None:
        self.data = memoryview(data)

    def __len__(self) -> int:
        return len(self.data)

    @functools.cached_property
    def sha256(self) -> str:
        """The digest that we promise, hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()

    @functools.cached_property
    def md5(self) -> str:
        """The checksum that clouds tell, hexadecimal."""
        return hashlib.md5(self.data, usedforsecurity=False).hexdigest()

    @property
    def content_md5(self) -> str:
        """The same as clouds want it in a request."""
        return base64.b64encode(bytes.fromhex(self.md5)).decode()


def from_base64(text: str) -> str:
    """Rewrite a checksum of an answer; of nothing it makes nothing."""
    return base64.b64decode(text).hex()


def room(size: int) -> memoryview:
    """Make room for so many bytes.

    A large one has pages of its own, which the system gets back at once; each thread would keep
    what it freed, and that was more than twice of what is in use. Huge pages, because making 2000
    small ones takes longer than all else that is done with 8 MiB.
    """
    if size < _OWN_PAGES:
        return memoryview(bytearray(size))
    pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with contextlib.suppress(OSError):  # a system without them
        pages.madvise(mmap.MADV_HUGEPAGE)
    return memoryview(pages)
