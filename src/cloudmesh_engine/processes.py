"""Starts processes: the one place of cms's half that does. None of them outlives us."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

_GRACE_SECONDS = 3


@dataclass(frozen=True)
class Done:
    """How a process ended."""

    exit_code: int
    stdout: str = ""
    stderr: str = ""


def run(
    words: list[str],
    *,
    timeout: float | None = None,
    stdin: bytes = b"",
    show: bool = False,
    environ: Mapping[str, str] | None = None,
) -> Done:
    """Run a program to its end, and give what it said.

    :param timeout: seconds
    :param show: pass its output on as it comes, instead of giving it
    :param environ: its environment, if not ours
    :raises TimeoutError: when it had to be ended
    """
    output = None if show else subprocess.PIPE
    process = subprocess.Popen(
        [*_dies_with_us(), *words],
        stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=environ,
        start_new_session=True,
    )
    try:
        stdout, stderr = process.communicate(stdin or None, timeout=timeout)
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"{words[0]}: not done after {timeout:g} s") from error
    finally:
        _end(process)
    return Done(process.returncode, text(stdout), text(stderr))


def text(data: bytes | None) -> str:
    """Read what a program wrote."""
    return (data or b"").decode(errors="backslashreplace")


def _dies_with_us() -> list[str]:
    # Killed ourselves we could not end what we started, so the kernel does.
    return ["setpriv", "--pdeathsig=TERM"] if sys.platform == "linux" else []


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process with all that it started; nothing to do if it ended by itself."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.killpg(process.pid, number)
        try:
            process.communicate(timeout=_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            continue
