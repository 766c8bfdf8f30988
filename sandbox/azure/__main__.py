"""A fake of Azure's resource manager, ours: the calls that `cms` makes, and no others.

python sandbox/azure [--host H] [--port P] [--seconds S]; or SANDBOX_HOST, SANDBOX_AZURE_VM_PORT.

Beside Azure's own calls: GET /sandbox/health, GET /sandbox/launches, PUT /sandbox/settings, and
POST /sandbox/reset.
"""

import argparse
import http.server
import json
import os
import signal
import sys
import threading

import checks
import login
import resources
from state import SUBSCRIPTION, State
from wire import Answer, ArmError, Call, place

_MOST = 4 * 2**20
_BOOT_LOG = "[    0.000000] Linux version 6.11.0-sandbox\r\nThe fake Azure runs nothing.\r\n"
# What tests may set: its name in the state, and what it must be.
_SETTINGS = {
    "seconds": float,
    "cores": int,
    "addresses": int,
    "secret": str,
    "failures": list,
    "throttled": list,
    "restricted": list,
}


class Handler(http.server.BaseHTTPRequestHandler):
    """Reads a call and writes the answer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60
    state: State

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its name above
        """Keep quiet."""

    def serve(self) -> None:
        """Answer one call."""
        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal() or int(length) > _MOST:
            self.close_connection = True
            self.reply(ArmError(413, "RequestEntityTooLarge", "The request is too large.").answer())
            return
        host = self.headers.get("Host") or ""
        call = Call(self.command, self.path, self.headers, self.rfile.read(int(length)))
        call.address = f"http://{host}"
        with self.state.lock:
            self.state.settle()
            try:
                answer = respond(self.state, call)
            except ArmError as error:
                answer = error.answer()
            self.reply(_polled(answer, call))

    def reply(self, answer: Answer) -> None:
        """Write an answer."""
        text = answer.text if answer.body is None else json.dumps(answer.body)
        body = (text or "").encode()
        try:
            self.send_response_only(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            if answer.status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:  # the client is gone
            self.close_connection = True

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = do_HEAD = serve  # noqa: N815


def respond(state: State, call: Call) -> Answer:
    """Answer a call."""
    words = call.path.strip("/").split("/")
    if words[0] == "sandbox":
        return _control(state, call, words[1:])
    if words[0] == "console":
        return Answer(200, None, {"Content-Type": "text/plain"}, _BOOT_LOG)
    if call.method == "POST" and words[1:] == ["oauth2", "v2.0", "token"]:
        return login.answer(state, call, words[0])
    target = place(call.path)
    checks.login(state, call)
    checks.subscription(target)
    return resources.answer(state, call, target)


def _polled(answer: Answer, call: Call) -> Answer:
    """Write where the end of an operation is to be seen, which depends on how we were called."""
    operation = answer.headers.get("Azure-AsyncOperation")
    if operation:
        provider = "Microsoft.Network" if "/microsoft.network/" in call.path.lower() else "Microsoft.Compute"  # fmt: skip
        version = checks.VERSIONS[provider.lower()]
        answer.headers["Azure-AsyncOperation"] = f"{call.address}/subscriptions/{SUBSCRIPTION}/providers/{provider}/locations/eastus/operations/{operation}?api-version={version}"  # fmt: skip
    return answer


def _control(state: State, call: Call, words: list[str]) -> Answer:
    match call.method, words:
        case "GET", ["health"]:
            return Answer(200, {"fake": "azure"})
        case "GET", ["launches"]:
            return Answer(200, {"value": state.launches})
        case "POST", ["reset"]:
            state.reset()
            return Answer(200, {})
        case "PUT", ["settings"]:
            return _set(state, call)
    raise ArmError(404, "NotFound", "/sandbox/health, launches, reset or settings")


def _set(state: State, call: Call) -> Answer:
    for key, value in call.body.items():
        if key not in _SETTINGS or not isinstance(value, _SETTINGS[key]):
            raise ArmError(400, "BadSetting", f"{key}: one of {', '.join(_SETTINGS)}")
    for key, value in call.body.items():
        setattr(state, key, set(value) if key == "restricted" else value)
    return Answer(200, {})


def main() -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="azure", description=__doc__)
    host = os.environ.get("SANDBOX_HOST", "0.0.0.0")  # noqa: S104 - a container has no other
    port = os.environ.get("SANDBOX_AZURE_VM_PORT", "10010")
    parser.add_argument("--host", default=host, help="(%(default)s)")
    parser.add_argument("--port", type=int, default=port, help="0: a free one (%(default)s)")
    parser.add_argument("--seconds", type=float, default=1, help="of an operation (%(default)s)")
    given = parser.parse_args()
    Handler.state = State(given.seconds)
    try:
        server = http.server.ThreadingHTTPServer((given.host, given.port), Handler)
    except (OSError, OverflowError) as failure:
        print(f"azure: {failure}", file=sys.stderr)
        return 1
    stopped = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stopped.set())
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    print(f"azure: http://{given.host}:{server.server_address[1]}", flush=True)
    stopped.wait()
    server.shutdown()
    server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
