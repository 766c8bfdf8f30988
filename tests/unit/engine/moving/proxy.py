"""A proxy in front of a store that writes down every request, and lies when told to."""

import http.client
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


@dataclass
class Call:
    """A request on its way, and its answer."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    number: int
    status: int = 0
    answer: dict[str, str] = field(default_factory=dict)
    reply: bytes = b""
    promised: int | None = None

    @property
    def name(self) -> str:
        """The path without its query, decoded."""
        return unquote(self.path.partition("?")[0])

    @property
    def content(self) -> bool:
        """Whether it reads the bytes of an object."""
        listing = any(mark in self.path for mark in ("list-type", "comp=list", "uploads"))
        listing |= "/storage/v1/" in self.path and "alt=media" not in self.path
        return self.method == "GET" and not listing and self.status in (200, 206)


Lie = Callable[[Call], None]


class Proxy:
    """Stands before one store.

    :ivar before: may change a request, or answer it by setting a status
    :ivar after: may change an answer
    """

    def __init__(self, upstream: str) -> None:
        self.before: Lie = lambda call: None
        self.after: Lie = lambda call: None
        self.calls: list[Call] = []
        self._lock = threading.Lock()
        self._upstream = urlsplit(upstream)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def sent(self) -> list[str]:
        """The requests that carried or fetched the bytes of objects."""
        writes = [call for call in self.calls if call.method in ("PUT", "POST")]
        return [
            f"{call.method} {call.path}" for call in self.calls if call.content or call in writes
        ]

    def _note(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Call:
        with self._lock:
            call = Call(method, path, headers, body, len(self.calls) + 1)
            self.calls.append(call)
            return call

    def _forward(self, call: Call) -> None:
        host, port = str(self._upstream.hostname), int(self._upstream.port or 80)
        with closing(http.client.HTTPConnection(host, port, timeout=60)) as connection:
            connection.putrequest(call.method, call.path, skip_host=True, skip_accept_encoding=True)
            for name, value in call.headers.items():
                connection.putheader(name, value)
            connection.endheaders()
            if call.body:
                connection.send(call.body)
            answer = connection.getresponse()
            call.reply, call.status = answer.read(), answer.status
        hop = ("connection", "transfer-encoding", "keep-alive")
        call.answer = {n: v for n, v in answer.getheaders() if n.lower() not in hop}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except OSError:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

            def _pass(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                call = proxy._note(self.command, self.path, dict(self.headers.items()), body)
                proxy.before(call)
                if not call.status:
                    proxy._forward(call)
                proxy.after(call)
                self.send_response_only(call.status)
                length = call.promised if call.promised is not None else len(call.reply)
                for name, value in call.answer.items():
                    if name.lower() != "content-length" or call.method == "HEAD":
                        self.send_header(name, value)
                if call.method != "HEAD" and call.status not in (204, 304):
                    self.send_header("Content-Length", str(length))
                self.end_headers()
                self.wfile.write(call.reply)
                if length != len(call.reply):
                    self.close_connection = True

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = _pass  # noqa: N815

        return Handler
