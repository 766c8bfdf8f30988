"""A directory of this machine as a store.

Keys are paths below the directory, and nothing outside it is read or written: a key with `..`
is refused, a symbolic link is followed only to a file inside. An object appears by a rename.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cloudmesh_engine.errors import ActionFailed, Refused
from cloudmesh_engine.stores import Item, Limits, Put, Section
from cloudmesh_engine.stores.faults import Changed
from cloudmesh_engine.stores.piece import Piece, room

_PART, _PART_END = ".cms-", ".part"


def connect(section: Section) -> "Local":
    """Open the directory of a service."""
    directory = section.value("directory") or str(section.default.get("directory") or "")
    return Local(section.service, Path(directory or section.need("directory")).expanduser())


class Local:
    """A directory."""

    kind = "local"
    limits = Limits(parts=1_000_000)

    def __init__(self, service: str, directory: Path) -> None:
        self.service = service
        self.place = str(directory)
        self.root = Path(os.path.realpath(directory))

    def retries(self) -> int:
        """How many requests had to be repeated so far: a disk is asked once."""
        return 0

    def list(self, prefix: str = "", deep: bool = True) -> Iterator[Item]:
        """Give every file whose path begins so."""
        if not self.root.is_dir():
            raise ActionFailed(
                f"{self.service}: there is no directory {self.place}: make it with "
                f"cms storage --storage={self.service} create dir /"
            )
        folder = prefix.rpartition("/")[0]
        if folder and _problem(folder):
            return
        if folder:
            self._inside(f"{folder}/any")
        for item in self._walk(folder, deep):
            if item.key.startswith(prefix):
                yield item

    def head(self, key: str) -> Item | None:
        """Look one file up."""
        if _problem(key):
            return None
        return self._item(key)

    def read(self, item: Item, offset: int, size: int) -> Piece:
        """Read a piece of a file as it was listed."""
        if item.problem:
            raise Refused(f"{self.service}: {item.key!r}: {item.problem}")
        buffer = room(size)
        with self._told(item.key), open(self._inside(item.key), "rb", buffering=0) as file:
            filled = 0
            while filled < size:
                count = os.preadv(file.fileno(), [buffer[filled:]], offset + filled)
                if not count:
                    break
                filled += count
            same = _etag(os.fstat(file.fileno())) == item.etag
        if filled < size or not same:
            raise Changed(f"{self.service}: {item.key!r} was changed meanwhile: repeat the command")
        return Piece(buffer)

    def put(self, key: str, piece: Piece) -> Put:
        """Write a file at once."""
        if key.endswith("/") and not len(piece):
            # What object stores keep to show an empty folder.
            with self._told(key):
                self._target(key.rstrip("/")).mkdir(parents=True, exist_ok=True)
            return Put("")
        upload = self.begin(key, len(piece))
        try:
            upload.part(0, 0, piece)
            return upload.finish(piece.sha256, len(piece))
        except BaseException:
            upload.abort()
            raise

    def begin(self, key: str, size: int) -> "LocalUpload":
        """Begin a file beside its place."""
        with self._told(key):
            target = self._target(key)
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.is_dir():
                raise ActionFailed(f"{self.service}: {key!r} is a directory in {self.place}")
            return LocalUpload(self, key, target, size)

    def delete(self, key: str) -> None:
        """Delete a file, and the folders that it leaves empty."""
        with self._told(key):
            path = self._target(key)
            path.unlink(missing_ok=True)
            for folder in path.parents:
                if folder == self.root or any(folder.iterdir()):
                    return
                folder.rmdir()

    def discard(self, key: str, upload: str, since: str) -> int:
        """Remove the part that an interrupted run left."""
        part = part_of(self._target(key))
        if not part.exists():
            return 0
        with contextlib.suppress(OSError):
            # Another transfer may be writing the same file by now.
            file = _open_alone(part)
            part.unlink(missing_ok=True)
            os.close(file)
            return 1
        return 0

    def make_place(self) -> bool:
        """Make the directory."""
        if self.root.is_dir():
            return False
        with self._told(""):
            self.root.mkdir(parents=True)
        return True

    def make_folder(self, key: str) -> bool:
        """Make a folder; false if it was there."""
        with self._told(key):
            path = self._target(key)
            new = not path.is_dir()
            path.mkdir(parents=True, exist_ok=True)
            return new

    @contextlib.contextmanager
    def _told(self, key: str) -> Iterator[None]:
        """Turn what the system refuses into one line."""
        try:
            yield
        except OSError as error:
            where = error.filename or self.root / key
            raise ActionFailed(
                f"{self.service}: {where}: {error.strerror}: {_hint(error)}"
            ) from error

    def _walk(self, folder: str, deep: bool = True) -> Iterator[Item]:
        try:
            entries = sorted(os.scandir(self.root / folder), key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            yield Item(folder, 0, "", problem=f"{error.strerror}")
            return
        for entry in entries:
            key = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir(follow_symlinks=False) and not deep:
                yield Item(f"{key}/", 0, "")
            elif entry.is_dir(follow_symlinks=False):
                yield from self._walk(key)
            elif not (entry.name.startswith(_PART) and entry.name.endswith(_PART_END)):
                item = self._item(key)
                if item:
                    yield item

    def _item(self, key: str) -> Item | None:
        path = self.root / key
        try:
            key.encode()
            found = path.lstat()
            if stat.S_ISLNK(found.st_mode):
                real = Path(os.path.realpath(path))
                if not real.is_relative_to(self.root):
                    return Item(key, 0, "", problem="is a link that leads outside the directory")
                found = real.stat()
                if stat.S_ISDIR(found.st_mode):
                    return Item(key, 0, "", problem="is a link to a folder: links are not followed")
        except UnicodeEncodeError:
            return Item(key, 0, "", problem="has a name that is not UTF-8")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            return Item(key, 0, "", problem=str(error.strerror))
        if stat.S_ISDIR(found.st_mode):
            return None
        if not stat.S_ISREG(found.st_mode):
            return Item(key, 0, "", problem="is no regular file")
        modified = datetime.fromtimestamp(found.st_mtime, UTC).isoformat(timespec="seconds")
        return Item(key, found.st_size, _etag(found), modified)

    def _target(self, key: str) -> Path:
        problem = _problem(key)
        if problem:
            raise Refused(f"{self.service}: cannot be a file name: {problem}")
        return self._inside(key)

    def _inside(self, key: str) -> Path:
        path = self.root / key
        if not Path(os.path.realpath(path.parent)).is_relative_to(self.root):
            raise Refused(f"{self.service}: {key!r} leads outside {self.place} by a link")
        return path


class LocalUpload:
    """A file in the making, beside its place and under a name that a later run finds again."""

    def __init__(self, store: Local, key: str, target: Path, size: int) -> None:
        self._store = store
        self._key = key
        self._target = target
        self._part = part_of(target)
        self.id = self._part.name
        self._file = _open_alone(self._part)
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
        with self._store._told(self._key):
            done = 0
            while done < len(piece):
                done += os.pwrite(self._file, piece.data[done:], offset + done)

    def finish(self, digest: str, size: int) -> Put:
        """Give the file its name."""
        with self._store._told(self._key):
            found = os.fstat(self._file)
            if found.st_size != size:
                raise ActionFailed(f"{self._store.service}: {self._key!r} is incomplete on disk")
            # A link at the target is replaced, not followed.
            self._part.replace(self._target)
            put = Put(_etag(os.fstat(self._file)))
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


def _open_alone(part: Path) -> int:
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


def _etag(found: os.stat_result) -> str:
    return f"{found.st_mtime_ns:x}-{found.st_size:x}-{found.st_ino:x}"


def _problem(key: str) -> str:
    """Say why a key cannot be a path below the directory."""
    parts = key.split("/")
    if "\0" in key:
        return "it holds a zero byte"
    if any(part in ("", ".", "..") for part in parts):
        return "a part of the path is empty, '.' or '..'"
    if any(len(part.encode()) > 255 for part in parts) or len(key.encode()) > 4000:
        return "it is too long"
    return ""


def _hint(error: OSError) -> str:
    hints = {
        "ENOSPC": "make room, then repeat the command",
        "EDQUOT": "make room, then repeat the command",
        "EBUSY": "wait for it",
        "EACCES": "make it writable for the user that runs cms",
        "EROFS": "set another directory in cloudmesh.yaml",
        "EEXIST": "a file is where a folder has to be",
        "ENOTDIR": "a file is where a folder has to be",
        "ENAMETOOLONG": "the name is too long for this disk",
    }
    return hints.get(errno.errorcode.get(error.errno or 0, ""), "look at that file")
