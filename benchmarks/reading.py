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
Headers = dict[str, str]
# What one of the clients does until a moment.
Client = Callable[[int, "Asking", float], Iterator[tuple[str, float]]]


@dataclass(frozen=True)
class Server:
    """Where to ask, and the tokens of those who do."""

    host: str
    port: int
    tokens: list[str]


@dataclass(frozen=True)
class Asking:
    """One client: its connection, and what it sends with each request."""

    connection: HTTPConnection
    headers: Headers

    def __call__(self, route: str) -> float:
        """Seconds until the whole answer is there."""
        began = time.monotonic()
        self.connection.request("GET", BASE + route, headers=self.headers)
        answer = self.connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise BenchError(f"GET {BASE}{route}: {answer.status}")
        return time.monotonic() - began


def busy(server: Server, seconds: float) -> Taken:
    """Let clients ask for every route in turn, each as soon as it has its answer."""

    def client(number: int, ask: Asking, until: float) -> Iterator[tuple[str, float]]:
        # Each begins elsewhere, so that they do not all ask for the same.
        for route in itertools.islice(itertools.cycle(ROUTES), number, None):
            if time.monotonic() > until:
                return
            yield route, ask(route)

    return _all(server, client, seconds, lambda token: {"Authorization": f"Bearer {token}"})


def pages(server: Server, seconds: float) -> Taken:
    """Let clients ask as open pages do."""

    def client(number: int, ask: Asking, until: float) -> Iterator[tuple[str, float]]:
        # People do not open their pages in the same moment.
        turn = time.monotonic() + PAGE_SECONDS * number / len(server.tokens)
        while turn < until:
            time.sleep(max(0.0, turn - time.monotonic()))
            for route in PAGE:
                yield route, ask(route)
            turn += PAGE_SECONDS

    # As a browser does.
    return _all(
        server,
        client,
        seconds,
        lambda token: {"Cookie": f"_token={token}", "Accept-Encoding": "gzip"},
    )


def _all(
    server: Server, client: Client, seconds: float, headers: Callable[[str], Headers]
) -> Taken:
    until = time.monotonic() + seconds

    def work(number: int) -> Taken:
        connection = HTTPConnection(server.host, server.port, timeout=60)
        try:
            asking = Asking(connection, headers(server.tokens[number]))
            return list(client(number, asking, until))
        finally:
            connection.close()

    clients = len(server.tokens)
    with ThreadPoolExecutor(clients) as pool:
        return [one for taken in pool.map(work, range(clients)) for one in taken]


def percentile(seconds: list[float], share: float) -> float:
    """The time within which that share of the answers came."""
    return sorted(seconds)[max(0, math.ceil(len(seconds) * share) - 1)]
