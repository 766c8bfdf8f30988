"""Writes a file of a local store beside its place, and says what the system refuses."""

import contextlib
import errno
import fcntl
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from cloudmesh_engine.errors import ActionFailed
from cloudmesh_engine.stores import Put
from cloudmesh_engine.stores.piece import Piece

_PART, _PART_END = ".cms-", ".part"


class LocalUpload:
    """A file in the making, beside its place and under a name that a later run finds again."""

    def __init__(self, service: str, key: str, target: Path, size: int) -> None:
        self._service = service
        self._key = key
        self._target = target
        self._part = part_of(target)
        self.id = self._part.name
        self._file = open_alone(self._part)
        try:
            os.ftruncate(self._file, 0)
            if size:
                # Says at once if the disk is too small.
                self._check_room(size)
                os.posix_fallocate(self._file, 0, size)
        except OSError:
            self.abort()
            raise

    def _check_room(self, size: int) -> None:
        # Some disks are full for a moment while they find out that they are too small.
        room = os.fstatvfs(self._file)
        if room.f_bavail * room.f_frsize < size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def part(self, index: int, offset: int, piece: Piece) -> None:
        """Write one part at its place."""
        with told(self._service, self._target):
            done = 0
            while done < len(piece):
                done += os.pwrite(self._file, piece.data[done:], offset + done)

    def finish(self, digest: str, size: int) -> Put:
        """Give the file its name."""
        with told(self._service, self._target):
            found = os.fstat(self._file)
            if found.st_size != size:
                raise ActionFailed(f"{self._service}: {self._key!r} is incomplete on disk")
            # A link at the target is replaced, not followed.
            self._part.replace(self._target)
            put = Put(etag_of(os.fstat(self._file)))
            self._close()
            return put

    def abort(self) -> None:
        """Remove what was written."""
        if self._file >= 0:
            self._part.unlink(missing_ok=True)
            self._close()

    def abandon(self) -> None:
        """Remove what was written; another thread may still write to the open file."""
        self._part.unlink(missing_ok=True)

    def _close(self) -> None:
        # Last of all, because it opens the lock.
        os.close(self._file)
        self._file = -1


def part_of(target: Path) -> Path:
    """Give the name under which a file is written."""
    name = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:24]
    return target.with_name(f"{_PART}{name}{_PART_END}")


def open_alone(part: Path) -> int:
    """Open a part that nobody else is writing."""
    while True:
        file = os.open(part, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.stat(part).st_ino == os.fstat(file).st_ino:
                return file
        except BlockingIOError as error:
            os.close(file)
            raise OSError(errno.EBUSY, "is being written by another command", str(part)) from error
        except FileNotFoundError:
            pass
        # Whoever wrote it has just given it its name.
        os.close(file)


def etag_of(found: os.stat_result) -> str:
    """Give what changes whenever a file's content does."""
    return f"{found.st_mtime_ns:x}-{found.st_size:x}-{found.st_ino:x}"


@contextlib.contextmanager
def told(service: str, path: Path) -> Iterator[None]:
    """Turn what the system refuses into one line."""
    try:
        yield
    except OSError as error:
        where = error.filename or path
        raise ActionFailed(f"{service}: {where}: {error.strerror}: {_hint(error)}") from error


def is_part(name: str) -> bool:
    """Say whether a file is one in the making."""
    return name.startswith(_PART) and name.endswith(_PART_END)


def _hint(error: OSError) -> str:
    hints = {
        "ENOSPC": "make room, then repeat the command",
        "EDQUOT": "make room, then repeat the command",
        "EBUSY": "wait for it",
        "EACCES": "check the rights of the user that runs cms",
        "EROFS": "set another directory in cloudmesh.yaml",
        "EEXIST": "a file is where a folder has to be",
        "ENOTDIR": "a file is where a folder has to be",
        "ENAMETOOLONG": "the name is too long for this disk",
    }
    return hints.get(errno.errorcode.get(error.errno or 0, ""), "look at that file")
