"""The one place that starts a process.

BenchError
└── CommandError   a command failed or took too long
"""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]


class BenchError(Exception):
    """The measurement cannot go on."""


class CommandError(BenchError):
    """A command failed or took too long; `output` is what it said."""

    def __init__(self, command: Sequence[str], why: str, output: str = "") -> None:
        super().__init__(f"{shlex.join(command)}: {why}")
        self.output = output


def say(message: str) -> None:
    """Progress, apart from the result on stdout."""
    print(message, file=sys.stderr, flush=True)


def run(
    command: Sequence[str],
    *,
    timeout: float,
    env: Mapping[str, str] | None = None,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run a command in the repository's root; its whole tree ends when we are cancelled.

    :param timeout: seconds
    """
    # A session of its own: Ctrl-C must reach us alone, or it would also stop the clean-up.
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        output, errors = child.communicate(timeout=timeout)
    except subprocess.TimeoutExpired as error:
        _end(child)
        raise CommandError(command, f"not done after {timeout:g} s") from error
    except BaseException:
        _end(child)
        raise
    if check and child.returncode:
        why = f"exit code {child.returncode}"
        raise CommandError(command, why, output + errors)
    return subprocess.CompletedProcess(command, child.returncode, output, errors)


@contextlib.contextmanager
def running(command: Sequence[str], env: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Keep a server running meanwhile."""
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(command, env=env, stdin=quiet, stdout=quiet, stderr=quiet)
    try:
        yield server
    finally:
        server.kill()
        server.wait(10)


def _end(child: subprocess.Popen[str]) -> None:
    for number, seconds in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        try:
            os.killpg(child.pid, number)
            child.communicate(timeout=seconds)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
