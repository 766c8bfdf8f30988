"""Measures our cms beside upstream's, each with a MongoDB stand-in and a moto of its own.

Upstream is installed from PyPI into an environment of its own (benchmarks/upstream.py); ours runs
in the same one. The result is printed and kept in benchmarks/results/cms.md.
"""

import argparse
import contextlib
import os
import resource
import shlex
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import upstream
from benchmarks.process import ROOT, CommandError, Cost, exit_code, keep, measured, run, say
from benchmarks.report import commit, machine, table
from benchmarks.servers import Servers, servers
from cloudmesh_engine import config, keys

PARALLEL = 16
_MAIN = "from cloudmesh_engine.launcher import main; main()"
_TIMEOUT = 120
_IMAGE = "ami-b613a3561b66d8556"


@dataclass(frozen=True)
class Side:
    """One of the two, ready to run."""

    command: list[str]
    env: dict[str, str]

    def run(self, words: str, expect: str = "") -> float:
        """Run one command; give its seconds."""
        started = time.monotonic()
        done = run([*self.command, *words.split()], timeout=_TIMEOUT, env=self.env)
        seconds = time.monotonic() - started
        if expect not in done.stdout:
            # Upstream's exit code says nothing.
            raise CommandError([*self.command, *words.split()], "did not do it", done.stdout)
        return seconds


@contextlib.contextmanager
def ours(python: Path) -> Iterator[Side]:
    """Our cms."""
    with tempfile.TemporaryDirectory() as name, servers(Path(name)) as found:
        folder = Path(name)
        keys.ensure_key_pair(folder / "state/ssh")
        env = {**_base(python, found), **_settings(folder, found), "PYTHONPATH": str(ROOT / "src")}
        env["CLOUDMESH_STATE_DIR"] = str(folder / "state")
        side = Side([str(python), "-c", _MAIN], {**env, "HOME": name})
        side.run(f"key add cloudmesh --source={folder}/state/ssh/id_rsa.pub")
        yield side


@contextlib.contextmanager
def theirs(python: Path) -> Iterator[Side]:
    """Upstream's cms, with the HOME that it needs."""
    with tempfile.TemporaryDirectory() as name, servers(Path(name)) as found:
        home = Path(name)
        settings = config.load(_settings(home, found)).data
        # Upstream takes an id only.
        settings["cloudmesh"]["cloud"]["aws"]["default"]["image"] = _IMAGE
        (home / ".cloudmesh").mkdir()
        (home / ".cloudmesh/cloudmesh.yaml").write_text(config.dump(settings))
        keys.ensure_key_pair(home / ".ssh")
        place = {"AWS_ENDPOINT_URL": found.aws, "AWS_DEFAULT_REGION": "us-east-1", "HOME": name}
        side = Side([str(python.parent / "cms")], {**_base(python, found), **place})
        for words in ("set cloud=aws", "set key=cloudmesh", "key add"):
            side.run(words)
        side.run("key upload cloudmesh --cloud=aws")
        yield side


def _base(python: Path, found: Servers) -> dict[str, str]:
    return {"PATH": f"{python.parent}:/usr/bin:/bin", "TMPDIR": tempfile.gettempdir()}


def _settings(folder: Path, found: Servers) -> dict[str, str]:
    return {
        "CLOUDMESH_CONFIG": str(ROOT / "config/cloudmesh.yaml"),
        "CLOUDMESH_SECRETS_DIR": str(folder),
        "CLOUDMESH_MONGO_HOST": "127.0.0.1",
        "CLOUDMESH_MONGO_PORT": str(found.mongo_port),
        "CLOUDMESH_SANDBOX_AWS": found.aws,
    }


# What is measured: the command of each, and a word that its output must hold.
COMMANDS = {
    "cms help": ("help", "help", "vm"),
    "cms key list": ("key list", "key list", "cloudmesh"),
    "cms vm boot": ("vm boot --name=vm{n}", "vm boot --name=vm{n} --cloud=aws", "vm{n}"),
    "cms vm list": ("vm list", "vm list --cloud=aws", "vm0"),
}
Times = dict[str, tuple[list[float], list[float]]]


def compare(our: Side, their: Side, runs: int) -> Times:
    """Run both in turns, after one run each that only warms up."""
    times: Times = {}
    for name, (own, other, expect) in COMMANDS.items():
        say(name)
        times[name] = ([], [])
        for number in range(runs + 1):
            for side, words, kept in ((our, own, times[name][0]), (their, other, times[name][1])):
                kept.append(side.run(words.format(n=number), expect.format(n=number)))
        for kept in times[name]:
            del kept[0]
    return times


@dataclass(frozen=True)
class Together:
    """Commands that ran at once: seconds until the last had ended, and what each took."""

    seconds: float
    each: list[Cost]

    @property
    def cpu(self) -> float:
        """Seconds of processor time of all."""
        return sum(cost.cpu for cost in self.each)


def parallel(side: Side) -> Together:
    """Boot different names at once."""
    say(f"{PARALLEL} boots at once")
    words = [["vm", "boot", f"--name=many{number}"] for number in range(PARALLEL)]
    started = time.monotonic()
    with ThreadPoolExecutor(PARALLEL) as pool:
        each = list(pool.map(lambda one: measured([*side.command, *one], env=side.env), words))
    return Together(time.monotonic() - started, each)


def inside(side: Side, runs: int) -> dict[str, float]:
    """Processor time of our commands, and of what each pays before it can begin."""
    say("processor time")
    lists = "from cloudmesh_engine import launcher, lean, usage; lean.prepare(); "
    lists += "import cloudmesh_engine.commands.vm, cloudmesh_engine.commands.vm_views"
    boots = f"{lists}, cloudmesh_engine.commands.vm_boot, cloudmesh_engine.clouds.aws"
    end = "; import os; os._exit(0)"  # as cms does
    python = side.command[:2]
    pieces = {
        "Python itself": [*python, "pass"],
        "Python and the imports of `cms vm list`": [*python, lists + end],
        "`cms vm list`": [*side.command, "vm", "list"],
        "Python and the imports of `cms vm boot`": [*python, boots + end],
        "`cms vm boot`": [*side.command, "vm", "boot", "--name=vm0"],
    }
    return {name: _processor(side, command, runs) for name, command in pieces.items()}


def _processor(side: Side, command: list[str], runs: int) -> float:
    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run(command, timeout=_TIMEOUT, env=side.env)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return statistics.median(once() for _ in range(runs))


def at_once(alone: list[float], together: Together) -> list[tuple[str, str]]:
    """What many boots at once took, beside the slowest of them and one alone."""
    slowest, single = max(cost.seconds for cost in together.each), max(alone)
    cpu = statistics.median(cost.cpu for cost in together.each)
    cores = os.cpu_count() or 1
    return [
        (f"{PARALLEL} boots of different names at once", f"{together.seconds:.2f}"),
        ("the slowest of them", f"{slowest:.2f}"),
        ("all of them / the slowest of them", f"{together.seconds / slowest:.2f}"),
        ("the slowest alone", f"{single:.2f}"),
        ("all of them / the slowest alone", f"{together.seconds / single:.1f}"),
        ("processor time of one of them, median", f"{cpu:.2f}"),
        (f"processor time of all, over {cores} cores", f"{together.cpu / cores:.2f}"),
    ]


def markdown(times: Times, together: Together, pieces: dict[str, float], runs: int) -> str:
    """The whole report."""
    command = shlex.join(["benchmarks/cms", *sys.argv[1:]])
    facts = [
        f"Date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC; load average: {os.getloadavg()[0]:.2f}",
        f"Machine: {machine()}",
        f"Commit: {commit()}",
        f"Command: `{command}`",
    ]
    rows = []
    for name, (own, other) in times.items():
        mine, upstreams = statistics.median(own), statistics.median(other)
        rows.append((f"`{name}`", f"{mine:.2f}", f"{upstreams:.2f}", f"{upstreams / mine:.1f}"))
    parts = [
        "# What a cms command costs",
        "\n".join(f"- {fact}" for fact in facts),
        f"Medians of {runs} in turns, in seconds, after one to warm up. Upstream is "
        "cloudmesh-cloud 4.4.1 with the packages of locks/cms.txt, edited as "
        "benchmarks/upstream.py says.",
        table(["", "ours", "upstream", "upstream/ours"], rows),
        "## At once",
        f"The {PARALLEL} share the cores with MongoDB's stand-in and moto, whose processor time "
        "comes on top of their own.",
        table(["", "s"], at_once(times["cms vm boot"][0], together)),
        "## What a warm process could save",
        "Processor time, medians: what Python and the imports take of the whole command. "
        "The boot is one that finds its VM.",
        table(["", "s"], [(name, f"{seconds:.2f}") for name, seconds in pieces.items()]),
    ]
    return "\n\n".join(parts) + "\n"


def _measure(runs: int) -> str:
    say("installing upstream")
    python = upstream.install()
    with ours(python) as our, theirs(python) as their:
        times = compare(our, their, runs)
        together = parallel(our)
        return markdown(times, together, inside(our, runs), runs)


def main() -> int:
    """Measure and keep the result; the exit code."""
    parser = argparse.ArgumentParser(
        prog="benchmarks/cms",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--runs", type=int, default=10, metavar="N", help="of each (default 10)")
    result = ROOT / "benchmarks/results/cms.md"
    parser.add_argument("--output", type=Path, default=result, help="where to keep the result")
    options = parser.parse_args()
    return exit_code("cms", lambda: keep(_measure(options.runs), options.output))


if __name__ == "__main__":
    sys.exit(main())
