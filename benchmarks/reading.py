"""Clients that read over REST at once, and how long each answer took."""

import itertools
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection

from benchmarks.process import BenchError

BASE = "/cloudmesh/api/v1/"
ROUTES = (
    "vms?limit=50",
    "vms?cloud=aws&state=running&name=7",
    "vms/aws/vm-0500",
    "clouds",
    "jobs?limit=10",
    "office-hours",
    "storage",
    "transfers?limit=10",
    "metrics",
)
# What an open page asks for every five seconds.
PAGE = ("office-hours", "vms?limit=50", "jobs?limit=10", "clouds", "transfers?limit=10")
PAGE_SECONDS = 5

Taken = list[tuple[str, float]]
# What one of the clients does until a moment.
Client = Callable[[int, HTTPConnection, float], Iterator[tuple[str, float]]]


@dataclass(frozen=True)
class Server:
    """Where to ask, and with whose login."""

    host: str
    port: int
    token: str

    def ask(self, connection: HTTPConnection, route: str) -> float:
        """Seconds until the whole answer is there."""
        began = time.monotonic()
        connection.request("GET", BASE + route, headers={"Authorization": f"Bearer {self.token}"})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise BenchError(f"GET {BASE}{route}: {answer.status}")
        return time.monotonic() - began


def busy(server: Server, clients: int, seconds: float) -> Taken:
    """Let clients ask for every route in turn, each as soon as it has its answer."""

    def client(
        number: int, connection: HTTPConnection, until: float
    ) -> Iterator[tuple[str, float]]:
        # Each begins elsewhere, so that they do not all ask for the same.
        for route in itertools.islice(itertools.cycle(ROUTES), number, None):
            if time.monotonic() > until:
                return
            yield route, server.ask(connection, route)

    return _all(server, client, clients, seconds)


def pages(server: Server, clients: int, seconds: float) -> Taken:
    """Let clients ask as open pages do."""

    def client(
        number: int, connection: HTTPConnection, until: float
    ) -> Iterator[tuple[str, float]]:
        # People do not open their pages in the same moment.
        turn = time.monotonic() + PAGE_SECONDS * number / clients
        while turn < until:
            time.sleep(max(0.0, turn - time.monotonic()))
            for route in PAGE:
                yield route, server.ask(connection, route)
            turn += PAGE_SECONDS

    return _all(server, client, clients, seconds)


def _all(server: Server, client: Client, clients: int, seconds: float) -> Taken:
    until = time.monotonic() + seconds

    def work(number: int) -> Taken:
        connection = HTTPConnection(server.host, server.port, timeout=60)
        try:
            return list(client(number, connection, until))
        finally:
            connection.close()

    with ThreadPoolExecutor(clients) as pool:
        return [one for taken in pool.map(work, range(clients)) for one in taken]


def percentile(seconds: list[float], share: float) -> float:
    """The time within which that share of the answers came."""
    return sorted(seconds)[max(0, math.ceil(len(seconds) * share) - 1)]
