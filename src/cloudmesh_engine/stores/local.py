"""A directory of this machine as a store.

Keys are paths below the directory, and nothing outside it is read or written: a key with `..`
is refused, a symbolic link is followed only to a file inside. An object appears by a rename.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from cloudmesh_engine.errors import ActionFailed, Refused
from cloudmesh_engine.stores import Item, Limits, Put, Section
from cloudmesh_engine.stores.faults import Changed, unreadable
from cloudmesh_engine.stores.piece import Piece, room
from cloudmesh_engine.stores.writing import LocalUpload, etag_of, is_part, open_alone, part_of, told


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

    def address(self, key: str) -> str:
        """Say where a file is; a link in the path leads there, one of its own name stays one."""
        folder, _, name = key.rpartition("/")
        return os.path.join(os.path.realpath(self.root / folder), name)

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
        with self._told(folder):
            yield from (one for one in self._walk(folder, deep) if one.key.startswith(prefix))

    def head(self, key: str) -> Item | None:
        """Look one file up."""
        if _problem(key):
            return None
        return self._item(key)

    def read(self, item: Item, offset: int, size: int) -> Piece:
        """Read a piece of a file as it was listed."""
        if item.problem:
            raise unreadable(self.service, item)
        buffer = room(size)
        with self._told(item.key), open(self._inside(item.key), "rb", buffering=0) as file:
            filled = 0
            while filled < size:
                count = os.preadv(file.fileno(), [buffer[filled:]], offset + filled)
                if not count:
                    break
                filled += count
            same = etag_of(os.fstat(file.fileno())) == item.etag
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

    def begin(self, key: str, size: int) -> LocalUpload:
        """Begin a file beside its place."""
        with self._told(key):
            target = self._target(key)
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.is_dir():
                raise ActionFailed(f"{self.service}: {key!r} is a directory in {self.place}")
            return LocalUpload(self.service, key, target, size)

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
        try:
            part = part_of(self._target(key))
        except Refused:
            # What cannot be here has left nothing here.
            return 0
        if not part.exists():
            return 0
        with contextlib.suppress(OSError):
            # Another transfer may be writing the same file by now.
            file = open_alone(part)
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

    def _told(self, key: str) -> contextlib.AbstractContextManager[None]:
        return told(self.service, self.root / key)

    def _walk(self, folder: str, deep: bool = True, inner: bool = False) -> Iterator[Item]:
        try:
            entries = sorted(os.scandir(self.root / folder), key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            if not inner:
                raise
            yield Item(f"{folder}/", 0, "", problem=f"cannot be listed: {error.strerror}")
            return
        for entry in entries:
            key = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir(follow_symlinks=False) and not deep:
                yield Item(f"{key}/", 0, "")
            elif entry.is_dir(follow_symlinks=False):
                yield from self._walk(key, inner=True)
            elif not is_part(entry.name):
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
                    return _refused(key, "is a link that leads outside the directory")
                found = real.stat()
                if stat.S_ISDIR(found.st_mode):
                    return _refused(key, "is a link to a folder: links are not followed")
        except UnicodeEncodeError:
            return Item(key, 0, "", problem="has a name that is not UTF-8")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            return Item(key, 0, "", problem=f"cannot be read: {error.strerror}")
        if stat.S_ISDIR(found.st_mode):
            return None
        if not stat.S_ISREG(found.st_mode):
            return _refused(key, "is no regular file")
        modified = datetime.fromtimestamp(found.st_mtime, UTC).isoformat(timespec="seconds")
        return Item(key, found.st_size, etag_of(found), modified)

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


def _refused(key: str, problem: str) -> Item:
    return Item(key, 0, "", problem=problem, refused=True)


def _problem(key: str) -> str:
    """Say why a key cannot be a path below the directory."""
    parts = key.split("/")
    if "\0" in key:
        return "it holds a zero byte"
    if any(part in ("", ".", "..") for part in parts):
        return "a part of the path is empty, '.' or '..'"
    if any(len(os.fsencode(part)) > 255 for part in parts) or len(os.fsencode(key)) > 4000:
        return "it is too long"
    return ""
