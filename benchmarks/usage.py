"""Memory and CPU time of containers, from the kernel's own accounts where they can be read."""

import json
import statistics
import string
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.process import run
from benchmarks.project import Container

CGROUPS = Path("/sys/fs/cgroup")
SAMPLES = 7
UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


@dataclass(frozen=True)
class Usage:
    """What one service took.

    :param memory: bytes, without the page cache that the kernel may drop (inactive file)
    :param cpu: percent of one core
    """

    memory: float
    cpu: float


class Cgroup:
    """One container's accounts, in either version of the kernel's interface."""

    def __init__(self, pid: int) -> None:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
        paths: dict[str, str] = {}
        for line in lines:
            _, controllers, path = line.split(":", 2)
            paths |= {controller: path.lstrip("/") for controller in controllers.split(",")}
        self.old = "memory" in paths
        if self.old:
            self.memory_folder = CGROUPS / "memory" / paths["memory"]
            self.cpu_folder = CGROUPS / "cpuacct" / paths["cpuacct"]
        else:
            self.memory_folder = self.cpu_folder = CGROUPS / paths[""]

    def memory(self) -> int:
        """Bytes, without inactive file cache."""
        used, inactive = (
            ("memory.usage_in_bytes", "total_inactive_file")
            if self.old
            else ("memory.current", "inactive_file")
        )
        total = int((self.memory_folder / used).read_text())
        return total - self._stat(self.memory_folder / "memory.stat", inactive)

    def cpu(self) -> float:
        """Seconds since the container's start."""
        if self.old:
            return int((self.cpu_folder / "cpuacct.usage").read_text()) / 1e9
        return self._stat(self.cpu_folder / "cpu.stat", "usage_usec") / 1e6

    @staticmethod
    def _stat(path: Path, key: str) -> int:
        return next(
            int(line.split()[1]) for line in path.read_text().splitlines() if line.split()[0] == key
        )


def measure(containers: list[Container], seconds: float) -> tuple[dict[str, Usage], str]:
    """What each service takes over some seconds, and where the figures come from."""
    try:
        groups = {container.service: Cgroup(container.pid) for container in containers}
        for group in groups.values():
            group.memory()
            group.cpu()
    except (OSError, KeyError, StopIteration, ValueError):
        # Docker in a virtual machine or elsewhere: its processes are not ours to see.
        return by_stats(containers, seconds), "docker stats"
    version = "v1" if next(iter(groups.values())).old else "v2"
    return by_cgroups(groups, seconds), f"cgroup {version}"


def by_cgroups(groups: dict[str, Cgroup], seconds: float) -> dict[str, Usage]:
    """CPU time as a difference; memory as a median, which a passing health check cannot move."""
    memory: dict[str, list[int]] = {service: [] for service in groups}
    started = time.monotonic()
    before = {service: group.cpu() for service, group in groups.items()}
    for _ in range(SAMPLES):
        time.sleep(seconds / SAMPLES)
        for service, group in groups.items():
            memory[service].append(group.memory())
    after = {service: group.cpu() for service, group in groups.items()}
    elapsed = time.monotonic() - started
    return {
        service: Usage(
            statistics.median(memory[service]),
            (after[service] - before[service]) / elapsed * 100,
        )
        for service in groups
    }


def by_stats(containers: list[Container], seconds: float) -> dict[str, Usage]:
    """The same by `docker stats`, which looks at a second or two at a time."""
    names = {container.id: container.service for container in containers}
    samples: dict[str, list[Usage]] = {service: [] for service in names.values()}
    command = ["docker", "stats", "--no-stream", "--no-trunc", "--format", "{{json .}}", *names]
    deadline = time.monotonic() + seconds
    while not all(samples.values()) or time.monotonic() < deadline:
        for line in run(command, timeout=60).stdout.splitlines():
            row = json.loads(line)
            usage = Usage(_bytes(row["MemUsage"].split("/")[0]), float(row["CPUPerc"].rstrip("%")))
            samples[names[row["ID"]]].append(usage)
    return {
        service: Usage(
            statistics.median(usage.memory for usage in usages),
            statistics.mean(usage.cpu for usage in usages),
        )
        for service, usages in samples.items()
    }


def _bytes(text: str) -> float:
    text = text.strip()
    number = text.rstrip(string.ascii_letters)
    return float(number) * UNITS[text[len(number) :]]
