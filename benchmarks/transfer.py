"""Measures how long it takes to move files between two stores, ours beside rclone's.

Both ends are folders that `rclone serve s3` gives out, so that no emulator is what is measured.
The tools take turns. `two steps` is rclone to disk and rclone from there: what scripts do that
get and then put. The result is printed and kept in benchmarks/results/transfer.md. Nothing here
passes or fails, except that every file must have arrived with its size.
"""

import argparse
import os
import shutil
import socket
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.process import ROOT, BenchError, Cost, measured, run, say, served
from benchmarks.report import machine

VENVS = ROOT / ".run/venvs"
RCLONE = str(VENVS / "stores/bin/rclone")
MIB = 1024 * 1024
KEYS = ("benchmarkkey", "benchmarksecret")
PASSWORD = "benchmark"
SHAPES = {
    "1,000 x 10 KB": (1000, 10_000),
    "100 x 1 MB": (100, 1_000_000),
    "4 x 256 MB": (4, 256_000_000),
    "1 x 1 GB": (1, 1_000_000_000),
}
SMALL = {"200 x 10 KB": (200, 10_000), "20 x 1 MB": (20, 1_000_000), "2 x 64 MB": (2, 64_000_000)}
AGAIN = "again"
TOOLS = ("cms transfer", "rclone", "two steps")


@dataclass(frozen=True)
class Lab:
    """Two servers, the database, and how the tools reach them."""

    root: Path
    ports: tuple[int, int]
    env: Mapping[str, str]

    def folder(self, side: int) -> Path:
        """Where a server keeps its bucket."""
        return self.root / f"side-{side}" / "bucket"

    def remote(self, side: int) -> str:
        """Name a server's bucket in rclone's words."""
        access, secret = KEYS
        address = f"http://127.0.0.1:{self.ports[side]}"
        return (
            f":s3,provider=Rclone,access_key_id={access},secret_access_key={secret},"
            f"endpoint='{address}':bucket"
        )

    def cost(self, tool: str) -> Cost:
        """Move everything from one server to the other."""
        base = [RCLONE, "--config", "/dev/null", "copy"]
        if tool == "cms transfer":
            code = "from cloudmesh_engine.launcher import main; main()"
            python = str(VENVS / "cms-test/bin/python")
            return measured([python, "-c", code, "transfer", "from:", "to:"], env=self.env)
        if tool == "rclone":
            return measured([*base, self.remote(0), self.remote(1)])
        between = str(self.root / "between")
        one = measured([*base, self.remote(0), between])
        two = measured([*base, between, self.remote(1)])
        memory = max(one.memory, two.memory)
        return Cost(one.seconds + two.seconds, one.cpu + two.cpu, memory)

    def clear(self) -> None:
        """Empty the target."""
        shutil.rmtree(self.root / "between", ignore_errors=True)
        for path in self.folder(1).iterdir():
            path.unlink()

    def check(self) -> None:
        """Make sure that every file arrived with its size."""
        sizes = [
            {path.name: path.stat().st_size for path in self.folder(side).iterdir()}
            for side in (0, 1)
        ]
        if sizes[0] != sizes[1]:
            raise BenchError(f"{len(sizes[1])} of {len(sizes[0])} files arrived whole")


@contextmanager
def laboratory() -> Iterator[Lab]:
    """Start the two servers and the database."""
    with tempfile.TemporaryDirectory(prefix="transfer-bench-") as name:
        root = Path(name)
        ports = (_free_port(), _free_port())
        mongo = _free_port()
        lab = Lab(root, ports, _environment(root, ports, mongo))
        for side in (0, 1):
            lab.folder(side).mkdir(parents=True)
        with (
            served(_server(lab, 0), ports[0]),
            served(_server(lab, 1), ports[1]),
            served(_database(root, mongo), mongo, env=_database_environment(root)),
        ):
            yield lab


def _server(lab: Lab, side: int) -> list[str]:
    place, address = str(lab.folder(side).parent), f"127.0.0.1:{lab.ports[side]}"
    words = ["serve", "s3", "--addr", address, "--auth-key", ",".join(KEYS)]
    # We empty the folder behind the server's back.
    return [RCLONE, "--config", "/dev/null", *words, "--dir-cache-time", "0s", place]


def _database(root: Path, port: int) -> list[str]:
    python, script = str(VENVS / "mongo/bin/python"), str(ROOT / "offline/mongo-standin")
    return [python, script, "--host", "127.0.0.1", "--port", str(port), "--data", str(root / "db")]


def _database_environment(root: Path) -> dict[str, str]:
    file = str(root / "secrets/mongo_password")
    own = {"MONGO_INITDB_ROOT_USERNAME": "cloudmesh", "MONGO_INITDB_ROOT_PASSWORD_FILE": file}
    return {**os.environ, **own}


def _environment(root: Path, ports: tuple[int, int], mongo: int) -> dict[str, str]:
    for folder in ("secrets", "state", "db"):
        (root / folder).mkdir()
    (root / "secrets/mongo_password").write_text(PASSWORD)
    sections = "".join(
        f"    {name}:\n      cm: {{kind: awss3}}\n      credentials:\n"
        f"        {{bucket: bucket, endpoint: 'http://127.0.0.1:{port}',"
        f" access_key_id: {KEYS[0]}, secret_access_key: {KEYS[1]}}}\n"
        for name, port in zip(("from", "to"), ports, strict=True)
    )
    template = (ROOT / "config/cloudmesh.yaml").read_text()
    text = template.replace("\n  storage:\n", f"\n  storage:\n{sections}")
    (root / "cloudmesh.yaml").write_text(text)
    return {
        **os.environ,
        "CLOUDMESH_CONFIG": str(root / "cloudmesh.yaml"),
        "CLOUDMESH_SECRETS_DIR": str(root / "secrets"),
        "CLOUDMESH_STATE_DIR": str(root / "state"),
        "CLOUDMESH_MONGO_HOST": "127.0.0.1",
        "CLOUDMESH_MONGO_PORT": str(mongo),
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _fill(folder: Path, count: int, size: int) -> None:
    for path in folder.iterdir():
        path.unlink()
    for number in range(count):
        with (folder / f"file-{number:04}").open("wb") as file:
            for begin in range(0, size, MIB):
                file.write(os.urandom(min(MIB, size - begin)))


def _measure(lab: Lab, rounds: int) -> dict[str, list[Cost]]:
    costs: dict[str, list[Cost]] = {}
    for number in range(rounds):
        # The one that begins meets colder caches: not always the same one.
        for tool in TOOLS[number % len(TOOLS) :] + TOOLS[: number % len(TOOLS)]:
            lab.clear()
            costs.setdefault(tool, []).append(lab.cost(tool))
            lab.check()
            if tool != "two steps":
                costs.setdefault(f"{tool}, {AGAIN}", []).append(lab.cost(tool))
    return costs


def _row(tool: str, costs: list[Cost], size: int) -> str:
    seconds = statistics.median(cost.seconds for cost in costs)
    cpu = statistics.median(cost.cpu for cost in costs)
    memory = max(cost.memory for cost in costs)
    speed = "" if AGAIN in tool else f"{size / seconds / 1e6:.1f}"
    each = ", ".join(f"{cost.seconds:.2f}" for cost in costs)
    return f"| {tool} | {seconds:.2f} | {each} | {speed} | {cpu:.2f} | {memory:.0f} |"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks/transfer", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="times each tool runs (default 3)")
    parser.add_argument("--small", action="store_true", help="less of everything")
    return parser.parse_args()


def main() -> int:
    """Measure and write the page."""
    options = _options()
    commit = run(["git", "rev-parse", "--short=12", "HEAD"], timeout=30).stdout.strip()
    lines = [
        "# What moving files costs", "",
        f"- Date: {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"- Machine: {machine()}",
        f"- Load average before: {os.getloadavg()[0]:.2f}",
        f"- Commit: {commit}; {run([RCLONE, 'version'], timeout=30).stdout.splitlines()[0]}",
        f"- Command: `benchmarks/transfer {' '.join(sys.argv[1:])}`".rstrip(), "",
        "Between two folders given out by `rclone serve s3`, on one machine; medians. `again` is a",
        "second run that has nothing to move. CPU is the tool's own, without the servers; memory",
        "is the most of all rounds. `cms transfer` keeps its manifest in the stand-in for MongoDB.",
    ]  # fmt: skip
    try:
        with laboratory() as lab:
            for shape, (count, size) in (SMALL if options.small else SHAPES).items():
                say(shape)
                _fill(lab.folder(0), count, size)
                lines += ["", f"## {shape}", ""]
                lines += ["| | median, s | each, s | MB/s | CPU, s | memory, MiB |"]
                lines += ["| --- | ---: | ---: | ---: | ---: | ---: |"]
                costs = _measure(lab, options.rounds)
                lines += [_row(tool, costs[tool], count * size) for tool in sorted(costs)]
    except BenchError as error:
        print(f"transfer: {error} {getattr(error, 'output', '')}", file=sys.stderr)
        return 1
    text = "\n".join(lines) + "\n"
    print(text)
    (ROOT / "benchmarks/results/transfer.md").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
