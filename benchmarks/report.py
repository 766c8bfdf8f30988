"""The result as Markdown: what was measured, on which machine, and the tables."""

import os
import platform
import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.load import CHAIN, PARALLEL, Times, median
from benchmarks.process import run
from benchmarks.usage import Usage

OURS = "config/airflow.cfg"
DEFAULTS = "Airflow's defaults"


@dataclass(frozen=True)
class Start:
    """One start: seconds until healthy, and the load average just before."""

    seconds: float
    load: float


@dataclass(frozen=True)
class Work:
    """Everything that was measured of one configuration."""

    fresh: dict[str, Usage]
    used: dict[str, Usage]
    chain: list[Times]
    parallel: list[Times]
    source: str
    load: float


@dataclass
class Result:
    """Everything that was measured."""

    mode: str
    command: str
    settle: float
    idle: float
    build: dict[str, float] = field(default_factory=dict)
    starts: dict[str, list[Start]] = field(default_factory=dict)
    ours: Work | None = None
    defaults: Work | None = None
    dropped: dict[str, str] = field(default_factory=dict)


def _first_match(pattern: str, path: str) -> str:
    try:
        found = re.search(pattern, Path(path).read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else ""


def machine() -> str:
    """Cores, memory, processor and kernel in one line."""
    kib = int(_first_match(r"^MemTotal:\s+(\d+)", "/proc/meminfo") or 0)
    processor = _first_match(r"^model name\s*:\s*(.+)$", "/proc/cpuinfo") or platform.machine()
    memory = f"{kib / 2**20:.1f} GiB" if kib else "memory unknown"
    return (
        f"{os.cpu_count()} cores, {memory}, {processor}, {platform.system()} {platform.release()}"
    )


def _docker() -> str:
    engine = run(["docker", "version", "--format", "{{.Server.Version}}"], timeout=30).stdout
    compose = run(["docker", "compose", "version", "--short"], timeout=30).stdout
    return f"{engine.strip()}, Compose {compose.strip()}"


def commit() -> str:
    """The commit that is measured."""
    found = run(["git", "rev-parse", "--short=12", "HEAD"], timeout=30, check=False).stdout.strip()
    changes = run(["git", "status", "--porcelain"], timeout=30, check=False).stdout
    return (found or "unknown") + (" with uncommitted changes" if changes.strip() else "")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown that reads well as text."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        first = cells[0].ljust(widths[0])
        rest = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
        return f"| {' | '.join([first, *rest])} |"

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([line(header), line(rule), *map(line, rows)])


def _ratio(ours: float, defaults: float) -> str:
    return f"{ours / defaults:.2f}" if defaults else "-"


def _compared(label: str, ours: float, defaults: float | None, digits: int = 1) -> tuple[str, ...]:
    cells = (label, f"{ours:.{digits}f}")
    if defaults is None:
        return cells
    return (*cells, f"{defaults:.{digits}f}", _ratio(ours, defaults))


def _tasks(ours: Work, defaults: Work | None) -> str:
    def figures(work: Work) -> dict[str, float]:
        chain, parallel = median(work.chain), median(work.parallel)
        return {
            f"chain of {CHAIN[1]}: seconds": chain.wall,
            "chain: seconds a task": chain.wall / CHAIN[1],
            f"{PARALLEL[1]} parallel: seconds, trigger to end": parallel.wall,
            f"{PARALLEL[1]} parallel: seconds, first start to last end": parallel.span,
            f"{PARALLEL[1]} parallel: tasks a minute": PARALLEL[1] / parallel.span * 60,
            "load average before": work.load,
        }

    left, right = figures(ours), figures(defaults) if defaults else {}
    header = ["", OURS, *([DEFAULTS, "ours/defaults"] if defaults else [])]
    rows = [_compared(label, left[label], right.get(label), 2) for label in left]
    return table(header, rows)


def _services(ours: Work, defaults: Work | None, quantity: str, scale: float, digits: int) -> str:
    def values(usages: dict[str, Usage]) -> dict[str, float]:
        found = {name: getattr(usage, quantity) / scale for name, usage in sorted(usages.items())}
        return {**found, "total": sum(found.values())}

    works = [ours, *([defaults] if defaults else [])]
    columns = [values(usages) for work in works for usages in (work.fresh, work.used)]
    rows = []
    for name in columns[0]:
        cells = [f"{column.get(name, 0):.{digits}f}" for column in columns]
        if defaults:
            cells.append(_ratio(columns[1][name], columns[3].get(name, 0)))
        rows.append([name, *cells])
    header = ["service", "fresh", "after tasks"]
    if defaults:
        header += ["fresh, defaults", "after tasks, defaults", "after tasks, ours/defaults"]
    return table(header, rows)


def _starts(starts: dict[str, list[Start]]) -> str:
    rows = [
        (
            name,
            f"{statistics.median(start.seconds for start in runs):.1f}",
            ", ".join(f"{start.seconds:.1f}" for start in runs),
            ", ".join(f"{start.load:.2f}" for start in runs),
        )
        for name, runs in starts.items()
    ]
    return table(["", "median, s", "each, s", "load average before each"], rows)


def markdown(result: Result) -> str:
    """The whole report."""
    facts = [
        f"Date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"Machine: {machine()}",
        f"Docker: {_docker()}; mode: {result.mode}",
        f"Commit: {commit()}",
        f"Command: `{result.command}`",
    ]
    parts = ["# What the stack costs", "\n".join(f"- {fact}" for fact in facts)]
    if result.build:
        rows = [(name, f"{seconds:.1f}") for name, seconds in result.build.items()]
        parts += ["## Building both images", table(["", "s"], rows)]
    if result.starts:
        parts += ["## From `up` to all healthy", _starts(result.starts)]
    if result.ours:
        parts += _work(result, result.ours)
    return "\n\n".join(parts) + "\n"


def _work(result: Result, ours: Work) -> list[str]:
    both = result.defaults
    about = (
        f"Each DAG ran once before to warm up; medians of {len(ours.chain)} measured."
        if len(ours.chain) > 1
        else "Each DAG ran once before to warm up; its second run is measured."
    )
    parts = ["## Tasks", about]
    if result.dropped:
        dropped = "\n".join(
            f"- `{name}` instead of {value}" for name, value in result.dropped.items()
        )
        parts.append(
            f"Airflow's defaults stand for these, everything else is the same:\n\n{dropped}"
        )
    idle = f"{result.settle:g} s after the last work, over {result.idle:g} s, by {ours.source}"
    return [
        *parts,
        _tasks(ours, both),
        "## Memory when idle, MiB",
        f"Without the cache that the kernel may drop; {idle}.",
        _services(ours, both, "memory", 2**20, 0),
        "## CPU when idle, % of one core",
        f"Health checks included; {idle}.",
        _services(ours, both, "cpu", 1, 2),
    ]
