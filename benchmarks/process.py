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
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).parents[1]
# What ends a benchmark, which then cleans up.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class BenchError(Exception):
    """The measurement cannot go on."""


class CommandError(BenchError):
    """A command failed or took too long; `output` is what it said."""

    def __init__(self, command: Sequence[str], why: str, output: str = "") -> None:
        super().__init__(f"{shlex.join(command)}: {why}")
        self.output = output


def exit_code(name: str, work: Callable[[], None], *failures: type[Exception]) -> int:
    """Do a benchmark's work: 0 when done, 1 with one line when not, 130 when told to stop.

    :param failures: what else than a BenchError is told in one line
    """
    told: tuple[type[Exception], ...] = (BenchError, OSError, *failures)
    for number in SIGNALS:
        signal.signal(number, _stop)
    try:
        work()
    except KeyboardInterrupt:
        say(f"{name}: stopped; what it started is gone.")
        return 130
    except told as error:
        if isinstance(error, CommandError):
            say("\n".join(f"    {line}" for line in error.output.splitlines()[-15:]))
        say(f"{name}: {error}")
        return 1
    return 0


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


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
    child = _start(command, env, output=subprocess.PIPE, errors=subprocess.PIPE)
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


def _start(
    command: Sequence[str],
    env: Mapping[str, str] | None,
    output: int = subprocess.DEVNULL,
    errors: int = subprocess.DEVNULL,
) -> subprocess.Popen[str]:
    # A session of its own: Ctrl-C must reach us alone, or it would also stop the clean-up.
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        text=True,
        errors="replace",
        start_new_session=True,
    )


def _end(child: subprocess.Popen[str]) -> None:
    for number, seconds in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        try:
            os.killpg(child.pid, number)
            child.communicate(timeout=seconds)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def keep(page: str, place: Path) -> None:
    """Write a result where it is kept, and on stdout."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(page)
    print(page, end="")
    say(f"Kept in {place}.")


def free_port() -> int:
    """Give a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def served(
    command: Sequence[str], port: int, *, env: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Keep a server running as long as it is needed.

    :param port: where it listens on this machine once it is ready
    """
    child = _start(command, env)
    try:
        deadline = time.monotonic() + 60
        while True:
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if child.poll() is not None or time.monotonic() > deadline:
                raise CommandError(command, "did not start; run 'make setup'")
            time.sleep(0.05)
        yield
    finally:
        # Its data are thrown away, and moto would wait for connections that are kept.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


@dataclass(frozen=True)
class Cost:
    """What a command took: seconds, seconds of CPU, and MiB of memory at most."""

    seconds: float
    cpu: float
    memory: float
    said: str = ""

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.seconds + other.seconds, self.cpu + other.cpu, max(self.memory, other.memory)
        )


def measured(command: Sequence[str], *, env: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end and say what it took, and what it wrote to stdout."""
    began = time.monotonic()
    with tempfile.TemporaryFile("w+", errors="replace") as errors:
        child = _start(command, env, subprocess.PIPE, errors.fileno())
        assert child.stdout
        try:
            said = child.stdout.read()
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:
            _end(child)
            raise
        seconds = time.monotonic() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        child.stdout.close()
        if child.returncode:
            errors.seek(0)
            raise CommandError(command, f"exit code {child.returncode}", errors.read())
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, said)
