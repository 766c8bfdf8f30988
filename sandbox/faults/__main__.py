"""An HTTP proxy before a cloud that misbehaves on a script, and is stricter than an emulated EC2.

faults --port P --upstream http://127.0.0.1:5000 --control-port C [--host 127.0.0.1] [--api NAME]
"""

import argparse
import collections
import http.server
import json
import os
import signal
import socketserver
import sys
import threading
import time
from pathlib import Path
from typing import Any

from ec2 import Cloud
from rest import Rest
from script import BadScript, Rule, Script
from upstream import Answer, Request, Upstream, azure_error, error, rest_error

MAX_BODY = 64 * 2**20
MAX_CONTROL_BODY = 2**20
MAX_LOG = 10_000
SECONDS = 60.0
# What a user wrote into a machine, or a key, has no place in a log.
PRIVATE = {"Action", "Version", "ClientToken", "UserData", "PublicKeyMaterial"}


class Refused(Exception):
    """The request cannot be read; the connection ends after the answer."""


class KillFailed(Exception):
    """The process that a rule means is not there, or not to be killed."""


# How a request is read, an error written, and which one says that there were too many.
APIS: dict[str, tuple[Any, Any, tuple[int, str]]] = {
    "ec2": (Request.read, error, (503, "RequestLimitExceeded")),
    "rest": (Request.read_rest, rest_error, (429, "overLimit")),
    "azure": (Request.read_azure, azure_error, (429, "TooManyRequests")),
}


class Proxy:
    """What all connections share.

    :param api: any other cloud than EC2 is strict enough itself
    """

    def __init__(self, upstream: Upstream, api: str) -> None:
        self.upstream = upstream
        self.cloud: Cloud | Rest = Cloud(upstream) if api == "ec2" else Rest(upstream)
        self.read, self.error, self.throttled = APIS[api]
        self.script = Script()
        self.log: collections.deque[dict[str, Any]] = collections.deque(maxlen=MAX_LOG)
        self.stopped = threading.Event()

    def answer(self, request: Request) -> Answer | None:
        """Do what the script says; None: drop the connection."""
        rules = self.script.due(request.action) if request.action else []
        shown = [(k, v[:200]) for k, v in request.parameters.items() if k not in PRIVATE][:100]
        entry: dict[str, Any] = {
            "time": time.time(),
            "service": request.service,
            "method": request.method,
            "path": request.path.partition("?")[0][:200],
            "action": request.action or None,
            "token": request.parameters.get("ClientToken"),
            "parameters": dict(shown),
            "rules": [rule.given for rule in rules],
            "upstream_status": None,
            "answered": None,
            "problem": None,
        }
        self.log.append(entry)
        try:
            answer = self._answer(request, rules)
            entry["answered"] = answer.status if answer else None
        except KillFailed as failure:
            # A kill that hit nobody must not look like one that did.
            entry["problem"] = str(failure)
            print(f"faults: {failure}", file=sys.stderr, flush=True)
            answer = None
        entry["upstream_status"] = request.upstream_status
        return answer

    def _answer(self, request: Request, rules: list[Rule]) -> Answer | None:
        if not request.action:
            return self.upstream.forward(request)
        hide = max((rule.given["seconds"] for rule in rules if rule.fault == "hide"), default=0.0)
        rule = next((rule for rule in rules if rule.fault != "hide"), Rule({"fault": "none"}))
        given = rule.given
        message = given.get("message", "An error of the fault proxy's script.")
        if rule.fault == "refuse":
            return None
        if rule.fault == "throttle":
            return self.error(*self.throttled, "Request limit exceeded.")
        if rule.fault == "error":
            return self.error(given["status"], given["code"], message)
        if rule.fault == "kill" and given["when"] == "before":
            kill(given)
            return None
        if rule.fault == "delay" and self.stopped.wait(given["seconds"]):
            return None
        if rule.fault == "hold" and given["when"] == "before":
            rule.replaced.wait()
        answer = self.cloud.call(request, hide)
        if rule.fault == "repeat":
            return self.cloud.call(request, hide)
        if rule.fault == "delay-reply" and self.stopped.wait(given["seconds"]):
            return None
        if rule.fault == "hold" and given["when"] == "after":
            rule.replaced.wait()
        if rule.fault == "error-after":
            return self.error(given["status"], given["code"], message)
        if rule.fault == "kill":
            kill(given)
        return None if rule.fault in ("kill", "lose-reply") else answer


def kill(given: dict[str, Any]) -> None:
    """Send SIGKILL to the process that the rule means."""
    try:
        pid = given["pid"] if "pid" in given else int(Path(given["pid_file"]).read_text()[:20])
        if pid <= 1 or pid == os.getpid():
            raise KillFailed(f"refusing to kill process {pid}")
        os.kill(pid, signal.SIGKILL)
    except (OSError, OverflowError, ValueError) as failure:
        raise KillFailed(f"nobody was killed: {failure}") from failure


class Handler(http.server.BaseHTTPRequestHandler):
    """Reads requests and writes answers, whole."""

    protocol_version = "HTTP/1.1"
    timeout = SECONDS
    disable_nagle_algorithm = True
    max_body = MAX_BODY
    proxy: Proxy

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name above
        """Keep quiet: GET /log has it."""

    def body(self) -> bytes:
        """Read the body, in one piece or in chunks."""
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.piece(self.headers.get("Content-Length", "0"), 10, 0)
        body = b""
        while piece := self.piece(self.rfile.readline(100).split(b";")[0], 16, len(body)):
            body += piece
            self.rfile.readline(10)
        while self.rfile.readline(65536).strip():
            pass
        return body

    def piece(self, length: str | bytes, base: int, before: int) -> bytes:
        """Read that many bytes, or refuse."""
        try:
            size = int(length, base)
        except ValueError:
            raise Refused("400 the body's length is no number") from None
        if not 0 <= size <= self.max_body - before:
            raise Refused(f"413 at most {self.max_body} bytes")
        piece = self.rfile.read(size)
        if len(piece) != size:
            raise Refused("400 the body ends early")
        return piece

    def reply(self, answer: Answer) -> None:
        """Write the answer."""
        try:
            self.send_response_only(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            if self.command != "HEAD" and answer.status not in (204, 304):
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)
        except OSError:  # the client is gone, as after a kill
            self.close_connection = True

    def serve(self) -> None:
        """Answer one request, or end the connection without an answer."""
        try:
            answer = self.respond()
        except Refused as refused:
            status, _, message = str(refused).partition(" ")
            self.close_connection = True
            answer = self.proxy.error(int(status), "FaultProxyRefused", message)
        if answer:
            self.reply(answer)
        else:
            self.close_connection = True

    def respond(self) -> Answer | None:
        """Pass the request through the script and on."""
        # self.path has lost a doubled slash, which may be part of an S3 key.
        path = self.requestline.split()[1]
        try:
            request = self.proxy.read(self.command, path, self.headers.items(), self.body())
        except ValueError as failure:
            raise Refused(f"400 {failure}") from None
        return self.proxy.answer(request)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = serve  # noqa: N815


class Control(Handler):
    """The script, the log and the launches."""

    max_body = MAX_CONTROL_BODY

    def respond(self) -> Answer:
        """Do what is asked on the control port."""
        body, proxy = self.body(), self.proxy
        status = 200
        content: Any = []
        match self.command, self.path:
            case "GET", "/healthz":
                content = {"ok": True}
            case "GET", "/script":
                content = proxy.script.given()
            case "PUT", "/script":
                try:
                    content = {"rules": proxy.script.replace(json.loads(body))}
                except BadScript as bad:
                    status, content = 400, {"error": str(bad)}
                except (ValueError, RecursionError) as bad:
                    status, content = 400, {"error": f"no JSON: {bad}"}
            case "DELETE", "/script":
                content = {"rules": proxy.script.replace([])}
            case "GET", "/log":
                content = list(proxy.log)
            case "DELETE", "/log":
                proxy.log.clear()
            case "GET", "/instances":
                content = proxy.cloud.launched()
            case "DELETE", "/instances":
                proxy.cloud.forget()
            case _:
                status, content = 404, {"error": "/script, /log, /instances or /healthz"}
        text = json.dumps(content, indent=1) + "\n"
        return Answer(status, [("Content-Type", "application/json")], text.encode())


class Server(socketserver.ThreadingTCPServer):
    """One thread a connection; none outlives the program."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away: here they do."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def main() -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="where clients come; 0: a free one")
    parser.add_argument("--upstream", required=True, help="the emulator, http://HOST:PORT")
    parser.add_argument("--control-port", type=int, required=True, help="0: a free one")
    parser.add_argument("--host", default="127.0.0.1", help="address of both (%(default)s)")
    parser.add_argument("--api", choices=[*APIS], default="ec2", help="(%(default)s)")
    given = parser.parse_args()
    try:
        proxy = Proxy(Upstream(given.upstream, SECONDS, MAX_BODY), given.api)
        Handler.proxy = proxy
        servers = [
            Server((given.host, given.port), Handler),
            Server((given.host, given.control_port), Control),
        ]
    except (OSError, OverflowError, ValueError) as failure:
        print(f"faults: {failure}", file=sys.stderr)
        return 1
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: proxy.stopped.set())
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    places = [f"http://{given.host}:{server.server_address[1]}" for server in servers]
    print(f"faults: {given.api.upper()} at {places[0]}, control at {places[1]}", flush=True)
    proxy.stopped.wait()
    proxy.script.replace([])  # lets go what is held
    for server in servers:
        server.shutdown()
        server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
