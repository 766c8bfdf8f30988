"""Says whether the reaper works: `python -m cloudmesh_engine.reaping.health`.

The service notes in a file until when it must have gone on. Exit code 0 is healthy; 1 comes with
one line that names the reason. A cloud or MongoDB that is down makes it no less healthy: it goes
on with the rest. A configuration that cannot be read does, because nothing is done then.
"""

import contextlib
import json
import os
import sys
import time
from pathlib import Path

from cloudmesh_engine import home

# For a busy machine.
_SLACK = 60.0
_FILE = "reaper.json"


def working(seconds: float) -> None:
    """Note that a look begins, which takes so long at most."""
    _write(seconds, "")


def rests(seconds: float, trouble: str) -> None:
    """Note that the next look begins in so many seconds.

    :param trouble: why the last one could do nothing at all
    """
    _write(seconds, trouble)


def problem() -> str:
    """Say what is wrong, nothing if all is well."""
    try:
        noted = json.loads(_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "the reaper has not begun"
    late = time.time() - noted["until"]
    return f"the reaper is {late:.0f} s late" if late > 0 else str(noted["trouble"])


def _write(seconds: float, trouble: str) -> None:
    noted = {"until": time.time() + seconds + _SLACK, "trouble": trouble}
    fresh = _file().with_suffix(f".{os.getpid()}")
    # A full disk ends no reaper; it shows as a lateness.
    with contextlib.suppress(OSError):
        fresh.write_text(json.dumps(noted), encoding="utf-8")
        fresh.rename(_file())


def _file() -> Path:
    return home.state_dir() / _FILE


if __name__ == "__main__":
    if reason := problem():
        print(f"reaper: {reason}", file=sys.stderr)
        raise SystemExit(1)
