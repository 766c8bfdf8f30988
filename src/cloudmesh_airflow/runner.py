"""Starts `cms`: the only place in Airflow's half that starts a process."""

import json
import logging
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from cloudmesh_airflow.errors import CmsError, CmsTimeout

log = logging.getLogger(__name__)

# Nothing else of the task's environment reaches `cms`: it holds Airflow's settings.
_PASSED_ON = ("LANG", "LC_ALL", "PATH", "TMPDIR", "TZ")
_PREFIX = "CLOUDMESH_"
# Where a person's shell keeps variables: a DAG must do the same whatever they are.
_KEPT_BACK = "CLOUDMESH_SHELL_DIR"


@dataclass(frozen=True)
class CmsResult:
    """What a successful `cms` command said."""

    stdout: str
    stderr: str

    def json(self) -> Any:
        """The single JSON document on stdout."""
        return json.loads(self.stdout)


def environment(source: dict[str, str]) -> dict[str, str]:
    """The variables of `source` that a `cms` command may see."""
    kept = {k: v for k, v in source.items() if k in _PASSED_ON or k.startswith(_PREFIX)}
    kept.pop(_KEPT_BACK, None)
    return kept | {"TERM": "dumb", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}


def run_cms(arguments: Sequence[str], *, timeout: float = 300) -> CmsResult:
    """Run one `cms` command to its end and log what it says.

    :param arguments: the words after `cms`, each passed on as it is
    :param timeout: seconds after which the command and all it started are ended
    """
    command = list(arguments)
    log.info("cms %s", " ".join(command))
    process = subprocess.Popen(
        [os.environ.get("CLOUDMESH_CMS", "cms"), *command],
        # A task's stdin is its supervisor's socket; a child that reads it breaks both.
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(dict(os.environ)),
        text=True,
        errors="backslashreplace",
    )
    try:
        stdout, stderr = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        _end_tree(process.pid)
        _, stderr = process.communicate()
        raise CmsTimeout(
            command, process.returncode, stderr, what=f"ended after {timeout:g} s without a result"
        ) from None
    except BaseException:
        _end_tree(process.pid)
        raise
    for line in (stdout + stderr).splitlines():
        log.info("%s", line)
    if process.returncode:
        raise CmsError(command, process.returncode, stderr)
    return CmsResult(stdout, stderr)


def _end_tree(pid: int, grace: float = 3) -> None:
    try:
        root = psutil.Process(pid)
        tree = [*root.children(recursive=True), root]
    except psutil.NoSuchProcess:
        return
    for process in tree:
        _signal(process.terminate)
    _, alive = psutil.wait_procs(tree, timeout=grace)
    for process in alive:
        _signal(process.kill)


def _signal(send: Any) -> None:
    try:
        send()
    except psutil.NoSuchProcess:
        return
