"""Gives each command a private HOME, so that parallel commands share no writable file.

Upstream keeps its state in files below HOME and rewrites them even when it only reads them.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from cloudmesh_engine import variables
from cloudmesh_engine.config import Settings, dump
from cloudmesh_engine.state import state_dir as state_dir

_READY, _NEW = "cms-home-", "cms-new-"
_LOCK = ".lock"
# A command that is suspended between two steps gets that long; they take less than a millisecond.
_NEW_SECONDS = 3600
_FATAL = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextlib.contextmanager
def private_home(settings: Settings) -> Iterator[Path]:
    """Make the HOME, move in, and remove it at the end, also when the command is told to die."""
    os.umask(0o077)
    _remove_abandoned()
    with _locked_directory() as home, _removed_on_signal(home):
        _furnish(home, settings)
        os.environ["HOME"] = str(home)
        # Without this a `.cloudmesh` in the working directory wins (common/base.py:41).
        os.environ["CLOUDMESH_CONFIG_DIR"] = str(home / ".cloudmesh")
        yield home


def _furnish(home: Path, settings: Settings) -> None:
    config = home / ".cloudmesh"
    (config / "storage").mkdir(parents=True)
    (config / "tmp").mkdir()
    (config / "cloudmesh.yaml").write_text(dump(settings.data), encoding="utf-8")
    values = dump(variables.effective(settings))
    (config / "variables.dat").write_text(values, encoding="utf-8")
    ssh = home / ".ssh"
    ssh.mkdir()
    for name in ("id_rsa", "id_rsa.pub"):
        key = state_dir() / "ssh" / name
        if key.exists():
            (ssh / name).symlink_to(key)


@contextlib.contextmanager
def _locked_directory() -> Iterator[Path]:
    """Make a directory whose lock says that its command is alive.

    A lock works across containers that share a TMPDIR; a process id would not. The name that
    others clean up at once is given only when the lock is held.
    """
    fresh = Path(tempfile.mkdtemp(prefix=_NEW))
    lock = os.open(fresh / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    home = fresh.rename(fresh.with_name(_READY + fresh.name.removeprefix(_NEW)))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)
        os.close(lock)


@contextlib.contextmanager
def _removed_on_signal(home: Path) -> Iterator[None]:
    """Clean up in the handler: upstream's bare `except:` would swallow an exception."""
    owner = os.getpid()

    def die(number: int, _frame: FrameType | None) -> None:
        if os.getpid() == owner:
            shutil.rmtree(home, ignore_errors=True)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    # A signal that the caller ignores (nohup) stays ignored.
    wanted = [number for number in _FATAL if signal.getsignal(number) != signal.SIG_IGN]
    previous = {number: signal.signal(number, die) for number in wanted}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _remove_abandoned() -> None:
    _remove_unfinished()
    for home in Path(tempfile.gettempdir()).glob(_READY + "*"):
        with contextlib.suppress(OSError):
            lock = os.open(home / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(home, ignore_errors=True)
            finally:
                os.close(lock)


def _remove_unfinished() -> None:
    """Remove what a command left that was killed before it held its lock."""
    for fresh in Path(tempfile.gettempdir()).glob(_NEW + "*"):
        with contextlib.suppress(OSError):
            # Nothing but the empty lock file is in it: whatever else is there is not ours.
            if time.time() - fresh.lstat().st_mtime > _NEW_SECONDS:
                (fresh / _LOCK).unlink(missing_ok=True)
                fresh.rmdir()
