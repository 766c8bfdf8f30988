"""Servers between `cms airflow` and an Airflow, which go wrong as networks do."""

import contextlib
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Edge(BaseHTTPRequestHandler):
    """Takes every request, and gives one answer."""

    protocol_version = "HTTP/1.1"

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.answer(body)

    do_GET = do_POST = do_PATCH = handle_any  # noqa: N815 - http.server's names

    def answer(self, body: bytes) -> None:
        raise NotImplementedError

    def give(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def elsewhere() -> Iterator[str]:
    """A web server that sends everybody to another address."""

    class Sends(Edge):
        def answer(self, body: bytes) -> None:
            self.give(302, b"", Location="/elsewhere")

    with _serving(Sends) as url:
        yield url


@contextlib.contextmanager
def unreliable(url: str, method: str, path: str, times: int = 1) -> Iterator[tuple[str, list[str]]]:
    """A way to Airflow that loses the first answers to some requests; the answers it lost.

    :param path: how the path of such a request ends, or with a slash at its end, what is in it
    """
    lost: list[str] = []

    class Loses(Edge):
        def answer(self, body: bytes) -> None:
            upstream = HTTPConnection(urlsplit(url).netloc, timeout=240)
            upstream.request(self.command, self.path, body, dict(self.headers))
            reply = upstream.getresponse()
            content = reply.read()
            upstream.close()
            meant = path in self.path if path.endswith("/") else self.path.endswith(path)
            if self.command == method and meant and len(lost) < times:
                lost.append(content.decode())
                self.close_connection = True
                return
            self.give(reply.status, content)

    with _serving(Loses) as place:
        yield place, lost


@contextlib.contextmanager
def _serving(handler: type[Edge]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
