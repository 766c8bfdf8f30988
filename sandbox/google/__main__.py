"""A fake of Google's Compute Engine: the calls that `cms` makes, refused as Google refuses them.

google [--host 127.0.0.1] [--port 5100] [--cpus 200]; all of it is in memory.
"""

import argparse
import http.server
import json
import signal
import socketserver
import sys
import threading
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import login
from answers import Refusal
from routes import Service

MAX_BODY = 2**20
SECONDS = 60.0


class Handler(http.server.BaseHTTPRequestHandler):
    """Reads requests and writes answers, whole."""

    protocol_version = "HTTP/1.1"
    server_version = "cloudmesh-google"
    timeout = SECONDS
    disable_nagle_algorithm = True
    service: Service

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name above
        """Keep quiet: nobody reads it."""

    def serve(self) -> None:
        """Answer one request."""
        try:
            status, content = 200, self.respond()
        except Refusal as refusal:
            status, content = refusal.status, refusal.content()
        body = json.dumps(content).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=UTF-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:  # the client is gone
            self.close_connection = True

    def respond(self) -> dict[str, Any]:
        """Do what is asked."""
        address = urlsplit(self.path)
        body = self.body()
        if address.path == "/token":
            return login.exchange(self.command, body, self.origin)
        login.check(self.headers.get("Authorization", ""))
        query = dict(parse_qsl(address.query, keep_blank_values=True))
        return self.service.answer(self.command, address.path, query, _json(body), self.origin)

    @property
    def origin(self) -> str:
        """The address by which the client came."""
        return f"http://{self.headers.get('Host', 'localhost')}"

    def body(self) -> bytes:
        """Read the body."""
        try:
            size = int(self.headers.get("Content-Length", "0"))
        except ValueError:
            size = -1
        if not 0 <= size <= MAX_BODY:
            self.close_connection = True
            raise Refusal(400, "badRequest", "The request cannot be read.")
        return self.rfile.read(size)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve  # noqa: N815


def _json(body: bytes) -> dict[str, Any] | None:
    if not body:
        return None
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise Refusal(400, "parseError", "Parse Error")
    return content


class Server(socketserver.ThreadingTCPServer):
    """One thread a connection; none outlives the program."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def main() -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="google", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="(%(default)s)")
    parser.add_argument("--port", type=int, default=5100, help="(%(default)s); 0: a free one")
    parser.add_argument("--cpus", type=int, default=200, help="quota of a region (%(default)s)")
    given = parser.parse_args()
    Handler.service = Service(given.cpus)
    try:
        server = Server((given.host, given.port), Handler)
    except (OSError, OverflowError) as failure:
        print(f"google: {given.host}:{given.port}: {failure}", file=sys.stderr)
        return 1
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    print(f"google: http://{given.host}:{server.server_address[1]}", flush=True)
    stopped.wait()
    server.shutdown()
    server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
