"""Speaks HTTP with a store: kept connections, TLS that is always verified, patient repetition.

The standard library's client, one connection a thread: it needs 0.12 ms of CPU for a small
object where urllib3 needs 0.29 and obstore 0.20 (measured, docs/storage.md).
"""

import http.client
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from cloudmesh_engine.errors import ConfigError, DependencyDown
from cloudmesh_engine.stores.piece import room

_CONNECT_SECONDS, _READ_SECONDS = 3, 60
_ATTEMPTS = 7
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 8.0
_TOGETHER = 64 * 1024
_TEMPORARY = {408, 429, 500, 502, 503, 504}
# A dead peer, a cut connection, or an answer that ends too early: all may pass.
_BROKEN = (OSError, http.client.HTTPException)

# Gives the headers of a request, signed anew at each attempt.
Sign = Callable[[], Mapping[str, str]]


@dataclass(frozen=True)
class Reply:
    """An answer, read to its end."""

    status: int
    headers: http.client.HTTPMessage
    body: memoryview

    def header(self, name: str) -> str:
        """Give a header, or nothing."""
        return str(self.headers.get(name) or "")

    @property
    def text(self) -> str:
        """The body as text."""
        return bytes(self.body).decode("utf-8", "replace")


class Wire:
    """The connections to one address."""

    def __init__(self, address: str, service: str) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError(f"{service}: endpoint {address!r} is no http:// or https:// address")
        self.service = service
        self.secure = parts.scheme == "https"
        self.host = parts.hostname
        self.port = parts.port or (443 if self.secure else 80)
        self.path = parts.path.rstrip("/")
        self.netloc = parts.netloc.rpartition("@")[2]
        self.retries = 0
        self._own = threading.local()
        # The system's certificates, or those that SSL_CERT_FILE names.
        self._context = ssl.create_default_context() if self.secure else None

    def ask(
        self, method: str, target: str, sign: Sign, body: memoryview | bytes = b"", size: int = -1
    ) -> Reply:
        """Send a request until there is an answer that is not temporary.

        :param target: path and query, encoded
        :param size: how long the body of a good answer must be, if that is known
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                reply = self._once(method, target, sign(), body, size)
            except _BROKEN as error:
                self._close()
                if attempt >= _attempts(error):
                    raise self._down(error) from error
                self._pause(attempt)
                continue
            if reply.status not in _TEMPORARY or attempt >= _ATTEMPTS:
                return reply
            self._pause(attempt, reply.header("Retry-After"))

    def _once(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: memoryview | bytes,
        size: int,
    ) -> Reply:
        sock = self._connection().sock
        head = self._head(method, target, headers, len(body))
        if len(body) <= _TOGETHER:
            # One packet wakes the store up once.
            sock.sendall(b"".join([head, body]))
        else:
            sock.sendall(head)
            sock.sendall(body)
        # Not by the client's own methods, which send head and body apart.
        answer = http.client.HTTPResponse(sock, method=method)
        answer.begin()
        if 200 <= answer.status < 300 and size >= 0 and answer.length not in (None, size):
            # Before it is read: a store that ignores the range would fill the memory.
            raise http.client.IncompleteRead(b"", size - (answer.length or 0))
        reply = Reply(answer.status, answer.headers, _whole(answer))
        if 200 <= reply.status < 300 and size not in (-1, len(reply.body)):
            raise http.client.IncompleteRead(b"", size - len(reply.body))
        if answer.will_close:
            self._close()
        return reply

    def _head(self, method: str, target: str, headers: Mapping[str, str], length: int) -> bytes:
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self.netloc}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if length or method in ("PUT", "POST"):
            # A PUT without a body needs its length too.
            lines.append(f"Content-Length: {length}")
        if any("\n" in line or "\r" in line for line in lines):
            raise ConfigError(
                f"{self.service}: a key of cloudmesh.yaml holds a line break: remove it"
            )
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def _connection(self) -> http.client.HTTPConnection:
        kept: _Kept | None = getattr(self._own, "kept", None)
        if kept is None:
            kept = self._own.kept = _Kept(self._connect())
        return kept.connection

    def _connect(self) -> http.client.HTTPConnection:
        host, port, tunnel = self.host, self.port, None
        # Plain HTTP is for stores nearby: they are reached directly.
        proxy = getproxies().get("https") if self.secure else None
        if proxy and not proxy_bypass(f"{host}:{port}"):
            parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
            tunnel, host, port = (host, port), parts.hostname or host, parts.port or 3128
        connection = (
            http.client.HTTPSConnection(host, port, timeout=_CONNECT_SECONDS, context=self._context)
            if self.secure
            else http.client.HTTPConnection(host, port, timeout=_CONNECT_SECONDS)
        )
        if tunnel:
            connection.set_tunnel(*tunnel)
        connection.connect()
        connection.sock.settimeout(_READ_SECONDS)
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _close(self) -> None:
        self._own.kept = None

    def _pause(self, attempt: int, wanted: str = "") -> None:
        self.retries += 1
        pause = min(_FIRST_PAUSE * 2 ** (attempt - 1), _LONGEST_PAUSE)
        if wanted.isdecimal():
            pause = max(pause, min(float(wanted), _LONGEST_PAUSE))
        time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - no secret

    def _down(self, error: Exception) -> DependencyDown:
        where = f"{self.service} at {self.host}:{self.port}"
        if isinstance(error, ssl.SSLCertVerificationError):
            return DependencyDown(
                f"{where}: its certificate is not trusted ({error.verify_message}): "
                "name your own authority with SSL_CERT_FILE"
            )
        if isinstance(error, http.client.IncompleteRead):
            return DependencyDown(
                f"{where} sends another length than it promised, "
                f"again and again ({error.expected:+} bytes): do not trust it"
            )
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return DependencyDown(
            f"{where} does not answer ({reason}): check the endpoint and the network"
        )


class _Kept:
    """A connection that is closed when its thread or its wire is gone."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self.connection = connection

    def __del__(self) -> None:
        self.connection.close()


def _whole(answer: http.client.HTTPResponse) -> memoryview:
    """Read an answer into one buffer, without a second copy."""
    if answer.length is None:
        return memoryview(answer.read())
    buffer = room(answer.length)
    filled = 0
    while filled < len(buffer):
        count = answer.readinto(buffer[filled:])
        if not count:
            raise http.client.IncompleteRead(b"", len(buffer) - filled)
        filled += count
    answer.read()  # marks the connection as free for the next request
    return buffer


def _attempts(error: Exception) -> int:
    """Say how often to try: what is not there, or lies, will hardly change its mind."""
    if isinstance(error, TimeoutError | ssl.SSLCertVerificationError):
        return 2
    if isinstance(error, ConnectionRefusedError | socket.gaierror | http.client.IncompleteRead):
        return 4
    return _ATTEMPTS
