"""Measures how long it takes to move files between two stores, ours beside other tools.

The tools take turns, each round in another order. The result is printed and kept as a page and a
plot. Nothing here passes or fails, except that every file must have arrived with its size.
"""

import argparse
import os
import re
import shlex
import statistics
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import plot
from benchmarks.laboratory import LABS, Lab, laboratory, rclone
from benchmarks.movers import MOVERS, prepare
from benchmarks.process import ROOT, Cost, exit_code, keep, say
from benchmarks.report import commit, machine, table

SHAPES = "1000x10KB,100x1MB,4x256MB,1x1GB"
AGAIN = ", again"
_UNITS = {"KB": 1000, "MB": 1000**2, "GB": 1000**3}
_RUNS = 5

# Of a lab: of a shape: of a tool: what each run took.
Costs = dict[str, list[Cost]]


def measure(lab: Lab, tools: list[str], runs: int) -> Costs:
    """Let the tools take turns."""
    costs: Costs = {}
    for number in range(runs):
        # The one that begins meets colder caches: not always the same one.
        first = number % len(tools)
        for tool in tools[first:] + tools[:first]:
            mover = MOVERS[tool]
            lab.clear()
            costs.setdefault(tool, []).append(mover.move(lab))
            lab.check(tool)
            if mover.again:
                costs.setdefault(tool + AGAIN, []).append(mover.move(lab))
    return costs


def _median(costs: list[Cost]) -> float:
    return statistics.median(cost.seconds for cost in costs)


def _rows(costs: Costs, size: int) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for tool in sorted(costs, key=lambda name: (AGAIN in name, list(costs).index(name))):
        found, again = costs[tool], AGAIN if AGAIN in tool else ""
        seconds, base = _median(found), costs.get(f"rclone{again}")
        rows.append(
            (
                tool,
                f"{seconds:.2f}",
                ", ".join(f"{cost.seconds:.2f}" for cost in found),
                "" if again else f"{size / seconds / 1e6:.1f}",
                f"{statistics.median(cost.cpu for cost in found):.2f}",
                f"{max(cost.memory for cost in found):.0f}",
                f"{_median(base) / seconds:.2f}" if base else "",
            )
        )
    return rows


_HEADER = ("", "median, s", "each, s", "MB/s", "CPU, s", "memory, MiB", "times rclone's speed")


def _facts() -> str:
    """Say where and when; before anything is measured or kept."""
    facts = [
        f"Date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"Machine: {machine()}",
        f"Load average before: {os.getloadavg()[0]:.2f}",
        f"Commit: {commit()}; {rclone('version').splitlines()[0]}",
        f"Command: `{shlex.join(['benchmarks/transfer', *sys.argv[1:]])}`",
    ]
    return "\n".join(f"- {fact}" for fact in facts)


def _page(found: Mapping[str, Mapping[str, tuple[int, Costs]]], facts: str) -> str:
    tools = {tool for lab in found.values() for _, costs in lab.values() for tool in costs}
    about = [f"- {name}: {MOVERS[name].about}" for name in MOVERS if name in tools]
    parts = [
        "# What moving files costs",
        facts,
        "On one machine, stores and tools together; medians. `again` is a second run that has "
        "nothing to move. CPU is the tool's own, without the stores; memory is the most of all "
        "runs. `cms transfer` proves every byte by SHA-256 and keeps its manifest in the stand-in "
        "for MongoDB.",
        "\n".join(about),
        "Left out: upstream's `cms storage copy`, whose Azure class knows no endpoint but Azure's "
        "own; Airflow's operator between two S3, and its second run, which fails because the "
        "blobs are there.",
    ]
    for lab, shapes in found.items():
        for shape, (size, costs) in shapes.items():
            parts += [f"## {LABS[lab]}: {shape}", table(_HEADER, _rows(costs, size))]
    return "\n\n".join(parts) + "\n"


def _plot(found: Mapping[str, Mapping[str, tuple[int, Costs]]]) -> str:
    panels = {
        f"{LABS[lab]}: MB/s": {
            shape: {
                tool: size / _median(runs) / 1e6
                for tool, runs in costs.items()
                if AGAIN not in tool
            }
            for shape, (size, costs) in shapes.items()
        }
        for lab, shapes in found.items()
    }
    return plot.bars(panels, "")


def _shape(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)x(\d+)(KB|MB|GB)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text}: write COUNTxSIZE, as 100x1MB")
    return int(match[1]), int(match[2]) * _UNITS[match[3]]


def _list(text: str, known: Mapping[str, object]) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in known:
            raise argparse.ArgumentTypeError(f"{name}: use {', '.join(known)}")
    return names


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks/transfer", description=__doc__)
    parser.add_argument(
        "--runs", type=int, default=_RUNS, metavar="N", help=f"of each tool (default {_RUNS})"
    )
    parser.add_argument(
        "--shapes", default=SHAPES, metavar="LIST", help=f"COUNTxSIZE,… (default {SHAPES})"
    )
    parser.add_argument(
        "--tools", default=list(MOVERS), metavar="LIST", type=lambda text: _list(text, MOVERS),
        help=f"of {','.join(MOVERS)} (default all)",
    )  # fmt: skip
    parser.add_argument(
        "--labs", default=list(LABS), metavar="LIST", type=lambda text: _list(text, LABS),
        help=f"of {','.join(LABS)} (default both)",
    )  # fmt: skip
    page, picture = ROOT / "benchmarks/results/transfer.md", ROOT / "docs/transfer.svg"
    parser.add_argument("--output", type=Path, default=page, help="where to keep the page")
    parser.add_argument("--plot", type=Path, default=picture, help="where to keep the plot")
    options = parser.parse_args()
    try:
        options.shapes = {text: _shape(text) for text in options.shapes.split(",")}
    except argparse.ArgumentTypeError as error:
        parser.error(str(error))
    return options


def _measure(options: argparse.Namespace) -> str:
    """Measure, keep what is known after each shape, and give the page."""
    facts, page = _facts(), ""
    prepare(options.tools)
    found: dict[str, dict[str, tuple[int, Costs]]] = {}
    for name in options.labs:
        tools = [tool for tool in options.tools if name in MOVERS[tool].labs]
        for shape, (count, size) in options.shapes.items() if tools else ():
            say(f"{name}: {shape}")
            with laboratory(name) as lab:
                lab.fill(count, size)
                costs = measure(lab, tools, options.runs)
            found.setdefault(name, {})[shape] = (count * size, costs)
            page = _page(found, facts)
            options.output.write_text(page)
            options.plot.write_text(_plot(found))
    return page


def main() -> int:
    """Measure and keep the result; the exit code."""
    options = _options()

    def work() -> None:
        keep(_measure(options), options.output)
        say(f"The plot is in {options.plot}.")

    return exit_code("transfer", work)


if __name__ == "__main__":
    sys.exit(main())
