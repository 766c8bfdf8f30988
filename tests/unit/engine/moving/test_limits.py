"""How much a run takes, and what it shows meanwhile."""

import os
import pty
import subprocess
import sys

import pytest

from cloudmesh_engine.commands import transfer
from cloudmesh_engine.errors import ActionFailed, UsageError
from cloudmesh_engine.moving.assembly import LARGEST_PART, part_size
from cloudmesh_engine.moving.progress import Progress
from cloudmesh_engine.stores import Limits

from .conftest import PATIENCE, Lab

MIB = 1024 * 1024
LIMITS = Limits(parts=10_000)
PART = LIMITS.part


def test_the_bandwidth_limit_holds_over_all_requests(lab: Lab) -> None:
    lab.fill({f"in/{number}": bytes(512 * 1024) for number in range(4)})
    report = lab.move("aws:in", "local:out", "--bwlimit=1M")
    # The first goes at once, the other three wait half a second each.
    assert report["seconds"] >= 1.5


@pytest.mark.parametrize(
    ("text", "rate"), [("0", 0), ("1000", 1000), ("500K", 512_000), ("1.5MiB", 1.5 * MIB)]
)
def test_rates_are_read(text: str, rate: float) -> None:
    assert transfer.rate(text) == rate


@pytest.mark.parametrize("text", ["", "-1", "fast", "1T"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="give bytes a second"):
        transfer.rate(text)


@pytest.mark.parametrize(
    "size", [PART + 1, 10_000 * PART, 10_000 * PART + 1, 10_000 * LARGEST_PART]
)
def test_parts_are_as_many_as_the_target_takes(size: int) -> None:
    part = part_size(size, LIMITS)
    assert PART <= part <= LARGEST_PART
    assert -(-size // part) <= 10_000


def test_an_object_of_too_many_parts_is_told() -> None:
    with pytest.raises(ActionFailed, match="larger than 625 GiB"):
        part_size(10_000 * LARGEST_PART + 1, LIMITS)


def test_the_line_says_how_far_it_is() -> None:
    progress = Progress(shown=False)
    progress.expect(3 * MIB)
    progress.expect(MIB)
    progress.moved(2 * MIB)
    assert progress.line().startswith("0/2+ files, 2.0 MiB of 4.0 MiB+, ")
    progress.listed = True
    progress.arrived()
    assert progress.line().startswith("1/2 files, 2.0 MiB of 4.0 MiB, ")
    assert progress.line().endswith(" s left")


def test_a_terminal_gets_a_bar_and_a_log_gets_none_of_it(lab: Lab) -> None:
    lab.fill({f"in/{number}": bytes(512 * 1024) for number in range(4)})
    words = ["transfer", "aws:in", "local:out", "--bwlimit=1M"]
    shown = b""
    main = "from cloudmesh_engine.launcher import main; main()"
    terminal, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", main, *words],
        env=lab.cms.environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    while True:
        try:
            shown += os.read(terminal, 4096)
        except OSError:
            # Nobody holds the other end any more.
            break
    os.close(terminal)
    assert child.wait(PATIENCE) == 0
    assert b"[######" in shown
    done = lab.cms("transfer", "aws:in", "local:out2")
    assert "[" not in done.stderr
