"""The one place that starts a process.

BenchError
└── CommandError   a command failed or took too long
"""

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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


@contextlib.contextmanager
def served(
    command: Sequence[str], port: int, *, env: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Keep a server running as long as it is needed.

    :param port: where it listens on this machine once it is ready
    """
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if child.poll() is not None or time.monotonic() > deadline:
                raise CommandError(command, "did not start")
            time.sleep(0.05)
        yield
    finally:
        _end(child)


@dataclass(frozen=True)
class Cost:
    """What a command took: seconds, seconds of CPU, and MiB of memory at most."""

    seconds: float
    cpu: float
    memory: float


def measured(command: Sequence[str], *, env: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end and say what it took."""
    began = time.monotonic()
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert child.stderr
    try:
        said = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
    except BaseException:
        _end(child)
        raise
    child.returncode = os.waitstatus_to_exitcode(status)
    child.stderr.close()
    if child.returncode:
        raise CommandError(command, f"exit code {child.returncode}", said)
    cpu = usage.ru_utime + usage.ru_stime
    return Cost(time.monotonic() - began, cpu, usage.ru_maxrss / 1024)
