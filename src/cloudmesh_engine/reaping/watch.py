"""The service: reaps again and again, whatever happens to clouds, MongoDB and the configuration.

Each look is a `cms fleet reap --yes` of its own. So one that hangs is ended after its time, what a
cloud's SDK keeps is gone after it, and a change of cloudmesh.yaml counts from the next one on.
"""

import json
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from cloudmesh_engine import config as settings_file
from cloudmesh_engine import processes
from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import ConfigError
from cloudmesh_engine.ledger import Document
from cloudmesh_engine.reaping import config, health
from cloudmesh_engine.reaping.sweep import DELETED, FAILED, LEFT

_REAP = ("fleet", "reap", "--yes", "--output=json")
_CMS = "from cloudmesh_engine.launcher import main; main()"
# The end of a VM may be waited for twice as long as the default of wait_seconds.
_LOOK_SECONDS = 900.0
# After a look that had to complain: what is down is often up again soon, as at the start of all.
_FIRST_RETRY_SECONDS = 15.0


def run(settings: Settings) -> None:
    """Reap until the process is ended."""
    pause, said, retry = config.pause(settings), set[str](), _FIRST_RETRY_SECONDS
    well = True
    _say([f"looks every {pause:g} s"])
    while True:
        began = time.monotonic()
        health.working(_LOOK_SECONDS)
        look = _look()
        # What goes on is said once.
        _say(line for line in look.lines if line not in said)
        said = set(look.lines)
        pause, broken = _pause(pause)
        if look.complete:
            if not well:
                _say(["all is well again"])
            wait, retry = pause, _FIRST_RETRY_SECONDS
        else:
            wait = min(retry, pause)
            retry = 2 * wait
        well = look.complete
        health.rests(wait, look.trouble or broken)
        time.sleep(max(began + wait - time.monotonic(), 1))


@dataclass(frozen=True)
class _Look:
    """What came of a look.

    :param lines: what there is to say
    :param complete: whether there was nothing to complain about
    :param trouble: why nothing could be done at all, if so
    """

    lines: list[str]
    complete: bool = False
    trouble: str = ""


def _look() -> _Look:
    try:
        done = processes.run([sys.executable, "-c", _CMS, *_REAP], timeout=_LOOK_SECONDS)
    except TimeoutError:
        return _Look([f"a look took more than {_LOOK_SECONDS:g} s and was ended"])
    except OSError as error:
        return _Look([f"cms cannot be started: {error}"], trouble=str(error))
    complaints = [line.removeprefix("cms: ") for line in done.stderr.splitlines()]
    try:
        records = json.loads(done.stdout)
    except ValueError:
        reason = complaints[-1] if complaints else f"a look ended with {done.exit_code}"
        return _Look(complaints or [reason], trouble=reason)
    lines = [*map(_line, filter(_is_news, records)), *complaints]
    return _Look(lines, complete=done.exit_code == 0)


def _pause(before: float) -> tuple[float, str]:
    """Give how long to wait, as it stands in cloudmesh.yaml now; or why nobody can read that."""
    try:
        return config.pause(settings_file.load()), ""
    except ConfigError as error:
        return before, str(error)


def _is_news(record: Document) -> bool:
    return record["action"] in (DELETED, FAILED) or (record["action"] == LEFT and not record["due"])


def _line(record: Document) -> str:
    return "{cloud}: {action} {kind} {name} ({id}): {why}".format_map(record)


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        print(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} reaper: {line}", file=sys.stderr, flush=True)
