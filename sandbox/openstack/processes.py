"""Starts the five services from a prepared state, and ends them."""

import contextlib
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from layout import LOOPBACK, SERVICES, TYPES, Layout

SERVE = Path(__file__).with_name("serve.py")
SECONDS_TO_START = 180
SECONDS_TO_STOP = 5
# Below those that the kernel gives away, so that nobody takes one while the services start.
FREE_PORTS = range(20_000, 32_000, 10)
# What a prepared state consists of, beside the databases.
KEPT = ("images", "nova-state")


class Failed(Exception):
    """The sandbox cannot start, or one of its services ended."""


def free_ports() -> int:
    """Give the first of as many free ports in a row as there are services."""
    for first in random.sample(FREE_PORTS, 100):
        with contextlib.ExitStack() as probes, contextlib.suppress(OSError):
            for number in range(len(SERVICES)):
                probes.enter_context(socket.socket()).bind((LOOPBACK, first + number))
            return first
    raise Failed("no row of free ports")


def unpack(prepared: Path, layout: Layout) -> None:
    """Make a sandbox of a prepared state; what an earlier one left there is lost."""
    if not (prepared / "keystone.db").exists():
        raise Failed(f"{prepared}: holds no prepared state: make it with sandbox/openstack/prepare")
    shutil.rmtree(layout.data, ignore_errors=True)
    layout.data.mkdir(parents=True)
    for database in prepared.glob("*.db"):
        # Not copy(): the prepared files may be read-only.
        shutil.copyfile(database, layout.data / database.name)
    for folder in KEPT:
        shutil.copytree(prepared / folder, layout.data / folder, copy_function=shutil.copyfile)
    layout.write()
    relocate(layout)


def relocate(layout: Layout) -> None:
    """Tell the databases where they and the services are now."""
    with _database(layout, "keystone") as keystone:
        for service, (kind, path) in TYPES.items():
            for interface, address in (("public", layout.address), ("internal", LOOPBACK)):
                keystone.execute(
                    "UPDATE endpoint SET url = ? WHERE interface = ? "
                    "AND service_id = (SELECT id FROM service WHERE type = ?)",
                    (layout.url(service, address) + path, interface, kind),
                )
    with _database(layout, "nova_api") as nova:
        for name, database in (("cell0", "nova_cell0"), ("cell1", "nova")):
            nova.execute(
                "UPDATE cell_mappings SET database_connection = ? WHERE name = ?",
                (layout.database(database), name),
            )
    with _database(layout, "glance") as glance:
        glance.execute(
            "UPDATE image_locations SET value = 'file://' || ? || '/' || image_id",
            (str(layout.data / "images"),),
        )


@contextlib.contextmanager
def _database(layout: Layout, name: str) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(layout.data / f"{name}.db")
    try:
        with connection:
            yield connection
    finally:
        connection.close()


class Processes:
    """The running services."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Start all services and wait until each listens."""
        environment = self._layout.environment()
        neighbours = [str(self._layout.port_of(one)) for one in SERVICES if one != "nova"]
        for service in SERVICES:
            words = [service, self._layout.host, str(self._layout.port_of(service))]
            self._running[service] = subprocess.Popen(
                [sys.executable, SERVE, *words, *(neighbours if service == "nova" else [])],
                env=environment,
                cwd=self._layout.data,
                stdin=subprocess.DEVNULL,
                # stdout is for the one line that says where we are.
                stdout=sys.stderr,
            )
        deadline = time.monotonic() + SECONDS_TO_START
        while silent := [one for one in SERVICES if not self._listens(one)]:
            self.check()
            if time.monotonic() > deadline:
                raise Failed(f"{', '.join(silent)}: silent after {SECONDS_TO_START} s")
            time.sleep(0.1)

    def check(self) -> None:
        """Raise when a service has ended."""
        for service, process in self._running.items():
            if process.poll() is not None:
                raise Failed(f"{service} ended with status {process.returncode}: its log is above")

    def stop(self) -> None:
        """End all services."""
        for process in self._running.values():
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + SECONDS_TO_STOP
        for process in self._running.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _listens(self, service: str) -> bool:
        with socket.socket() as client:
            return client.connect_ex((LOOPBACK, self._layout.port_of(service))) == 0
