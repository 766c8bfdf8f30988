"""`cloudmesh.common.Shell`: upstream's, with its calls of `cms` mended."""

import shlex
import sys
from types import ModuleType
from typing import Any

from cloudmesh_engine import processes

_LAUNCHER = "from cloudmesh_engine.launcher import main; main()"


def mend(module: ModuleType) -> None:
    """Let the calls of `cms` run ours, whatever PATH says, and raise when it fails."""

    def cms(command: str, encoding: str = "utf-8") -> str:
        return run_cms(shlex.split(command))

    def cms_exec(cls: Any, *words: str) -> str:
        return run_cms(list(words)).strip()

    module.Shell.cms = staticmethod(cms)
    module.Shell.cms_exec = module.Shell.cm = classmethod(cms_exec)


def run_cms(words: list[str]) -> str:
    """Run one command of `cms` and give what it prints.

    :raises RuntimeError: with exit code and message, as upstream's Shell.run does
    """
    done = processes.run([sys.executable, "-c", _LAUNCHER, *words])
    if done.exit_code:
        raise RuntimeError(f"{done.exit_code} {done.stdout}{done.stderr}")
    return done.stdout
