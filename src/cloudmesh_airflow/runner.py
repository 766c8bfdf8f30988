"""Starts `cms`: the only place in Airflow's half that starts a process."""

import json
import logging
import os
import re
import secrets
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cloudmesh_airflow import processes
from cloudmesh_airflow.arguments import run_of
from cloudmesh_airflow.failures import CmsTimedOut, failure
from cloudmesh_airflow.lines import Kept, Lines

log = logging.getLogger(__name__)

# Nothing else of the task's environment reaches `cms`: it holds Airflow's settings.
_PASSED_ON = ("LANG", "LC_ALL", "PATH", "TMPDIR", "TZ")
_PREFIX = "CLOUDMESH_"
# Where a person's shell keeps variables: a DAG must do the same whatever they are.
_KEPT_BACK = "CLOUDMESH_SHELL_DIR"
# So that what a command notes in MongoDB says which run it belongs to.
_RUN = "CLOUDMESH_RUN"
_RUN_IDS = ("AIRFLOW_CTX_DAG_ID", "AIRFLOW_CTX_DAG_RUN_ID")
# All that the command starts inherits it, and is found by it.
MARK = "CLOUDMESH_COMMAND"
_STDOUT_KEPT = 8 << 20
_STDERR_KEPT = 64 << 10
# How long to read on after the command has ended, when something it started keeps the pipe.
_AFTERWARDS = 1.0
_SECRET_NAME = re.compile(r"(?i)(password|passwd|secret|token|credential|api.?key)")
_LOGIN = re.compile(r"://[^/\s:@]*:([^/\s@]+)@")


@dataclass(frozen=True)
class CmsResult:
    """What a successful `cms` command said.

    :param cut: stdout was longer than what is kept of it: these are its last 8 MB
    """

    stdout: str
    stderr: str
    cut: bool = False

    def json(self) -> Any:
        """The single JSON document on stdout."""
        if self.cut:
            raise ValueError(f"cms: stdout is longer than {_STDOUT_KEPT >> 20} MB: ask for less")
        return json.loads(self.stdout)


def environment(source: dict[str, str]) -> dict[str, str]:
    """The variables of `source` that a `cms` command may see."""
    kept = {k: v for k, v in source.items() if k in _PASSED_ON or k.startswith(_PREFIX)}
    kept.pop(_KEPT_BACK, None)
    if all(name in source for name in _RUN_IDS):
        kept[_RUN] = run_of(*(source[name] for name in _RUN_IDS))
    return kept | {"TERM": "dumb", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}


def run_cms(
    arguments: Sequence[str], *, timeout: float = 300, log_stdout: bool = True, cms: str = ""
) -> CmsResult:
    """Run one `cms` command to its end, and log each line as it comes.

    :param arguments: the words after `cms`, each passed on as it is
    :param timeout: seconds after which the command and all it started are ended
    :param log_stdout: False keeps data that is meant for a program out of the log
    :param cms: the program, if it is not the one that CLOUDMESH_CMS names
    """
    command = list(arguments)
    mark = secrets.token_hex(8)
    variables = environment(dict(os.environ)) | {MARK: mark}
    _mask_secrets(command, variables)
    log.info("cms %s", " ".join(command))
    process = subprocess.Popen(
        [cms or os.environ.get("CLOUDMESH_CMS", "cms"), *command],
        # A task's stdin is its supervisor's socket; a child that reads it breaks both.
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=variables,
    )
    stdout, stderr = Kept(_STDOUT_KEPT), Kept(_STDERR_KEPT)
    with process, _ended_at_last(process, mark):
        in_time = _read(process, {1: stdout, 2: stderr}, time.monotonic() + timeout, log_stdout)
    if not in_time:
        what = f"ended after {timeout:g} s without a result"
        raise CmsTimedOut(command, process.returncode, stderr.text(), what=what)
    if process.returncode:
        ended = f"ended by signal {-process.returncode}" if process.returncode < 0 else ""
        raise failure(process.returncode)(
            command, process.returncode, stderr.text(), stdout=stdout.text(), what=ended
        )
    return CmsResult(stdout.text(), stderr.text(), stdout.cut)


def _read(
    process: subprocess.Popen[bytes], kept: dict[int, Kept], deadline: float, log_stdout: bool
) -> bool:
    """Read both streams until the command has ended; False when its time was up first."""
    with selectors.DefaultSelector() as selector:
        for number, stream in ((1, process.stdout), (2, process.stderr)):
            selector.register(stream or 0, selectors.EVENT_READ, (number, Lines()))
        last = None
        while selector.get_map() and (last is None or time.monotonic() < last):
            for key, _ in selector.select(0.2):
                number, lines = key.data
                data = os.read(key.fd, 1 << 16)
                kept[number].feed(data)
                for line in lines.feed(data, final=not data):
                    if number == 2 or log_stdout:
                        log.info("%s", line)
                if not data:
                    selector.unregister(key.fileobj)
            if last is None and process.poll() is not None:
                last = time.monotonic() + _AFTERWARDS
            elif time.monotonic() > deadline:
                return False
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    return True


@contextmanager
def _ended_at_last(process: subprocess.Popen[bytes], mark: str) -> Iterator[None]:
    """Leave nothing of the command behind, however the block ends: also at a SIGTERM.

    Airflow's own handler only calls the operator's `on_kill`, and 5 s later comes SIGKILL.
    """

    def end() -> None:
        processes.end(process.pid, (MARK, mark))
        process.wait()

    def on_term(number: int, frame: Any) -> None:
        end()
        signal.signal(signal.SIGTERM, before)
        if callable(before):
            before(number, frame)
        else:
            signal.raise_signal(number)

    in_main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    if in_main:
        signal.signal(signal.SIGTERM, on_term)
    try:
        yield
    finally:
        end()
        if in_main:
            signal.signal(signal.SIGTERM, before)


def _mask_secrets(command: list[str], variables: dict[str, str]) -> None:
    """Mask in the task's log what looks like a secret in what the command is given.

    The credentials of the clouds are not known here; `cms` masks those in all it says.
    """
    from airflow.sdk.log import mask_secret

    named = [word.lstrip("-").partition("=") for word in command if "=" in word]
    named += [(name, "=", value) for name, value in variables.items()]
    for name, _, value in named:
        if value and _SECRET_NAME.search(name) and not os.path.exists(value):
            mask_secret(value)
    for found in _LOGIN.findall(" ".join(command)):
        mask_secret(found)
