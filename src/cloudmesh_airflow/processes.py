"""Finds and ends all that a command started, also what has left its process tree."""

import time
from collections.abc import Iterator

import psutil

# A killed task has 5 s until its supervisor kills what is left of it.
TERM_SECONDS = 2.5
KILL_SECONDS = 1


def end(pid: int, mark: tuple[str, str]) -> None:
    """End a command and its descendants: politely, then by force, within 3.5 s.

    :param mark: name and value of a variable in their environment; finds those that were
        given another parent
    """
    force = time.monotonic() + TERM_SECONDS
    told: set[psutil.Process] = set()
    while left := set(family(pid, mark)):
        now = time.monotonic()
        if now > force + KILL_SECONDS:
            return
        for process in left if now > force else left - told:
            _signal(process, force=now > force)
        told |= left
        # Not psutil's wait: it would take the exit code away from whoever started the command.
        time.sleep(0.05)


def family(pid: int, mark: tuple[str, str]) -> Iterator[psutil.Process]:
    """Give every living process of a command."""
    try:
        tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        tree = []
    found = {process.pid for process in tree}
    strangers = (process for process in psutil.process_iter() if process.pid not in found)
    yield from (process for process in tree if _lives(process))
    yield from (process for process in strangers if _is_marked(process, mark))


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _is_marked(process: psutil.Process, mark: tuple[str, str]) -> bool:
    try:
        return process.environ().get(mark[0]) == mark[1]
    except (psutil.Error, OSError):
        return False


def _signal(process: psutil.Process, *, force: bool) -> None:
    try:
        process.kill() if force else process.terminate()
    except psutil.NoSuchProcess:
        return
