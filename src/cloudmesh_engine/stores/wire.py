"""Speaks HTTP with a store: kept connections, TLS that is always verified, patient repetition.

One connection a thread, over plain sockets: docs/storage.md says what a library would cost.
"""

import dataclasses
import os
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cloudmesh_engine.errors import ConfigError
from cloudmesh_engine.stores import answers, outages
from cloudmesh_engine.stores.answers import Reply, Rest
from cloudmesh_engine.stores.outages import ATTEMPTS, BROKEN

if TYPE_CHECKING:
    import ssl

_CONNECT_SECONDS, _READ_SECONDS = 3, 60
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 8.0
_TOGETHER = 64 * 1024
_TEMPORARY = {408, 429, 500, 502, 503, 504}

# Gives the headers of a request, signed anew at each attempt.
Sign = Callable[[], Mapping[str, str]]


class Wire:
    """The connections to one address.

    :param silence: for so many seconds at most nothing may come
    """

    def __init__(self, address: str, service: str, silence: float = _READ_SECONDS) -> None:
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
        self._silence = silence
        self._own = threading.local()
        # The system's certificates, or those that SSL_CERT_FILE names.
        self._context = _context() if self.secure else None

    def ask(
        self,
        method: str,
        target: str,
        sign: Sign,
        body: memoryview | bytes = b"",
        size: int = -1,
        later: bool = False,
    ) -> Reply:
        """Send a request until there is an answer that is not temporary.

        :param target: path and query, encoded
        :param size: how long the body of a good answer must be, if that is known
        :param later: leave that body to be read in pieces, if the answer tells its length
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                reply = self._once(method, target, sign(), body, size, later)
            except BROKEN as error:
                if attempt >= outages.attempts(error):
                    where = f"{self.service} at {self.host}:{self.port}"
                    raise outages.explain(where, error, size >= 0) from error
                self._pause(attempt)
                continue
            if reply.status not in _TEMPORARY or attempt >= ATTEMPTS:
                return reply
            self._pause(attempt, reply.header("Retry-After"))

    def _once(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: memoryview | bytes,
        size: int,
        later: bool,
    ) -> Reply:
        head = self._head(method, target, headers, len(body))
        # One packet wakes the store up once.
        parts = [b"".join([head, body])] if len(body) <= _TOGETHER else [head, body]
        try:
            reply = _exchange(self._connection(), method, parts, size, later)
        except BaseException:
            # What is left of an answer must not be taken for the next one.
            self._close()
            raise
        if reply.rest:
            self._lend(reply.rest, reply.last)
        elif reply.last:
            self._close()
        return reply

    def _lend(self, rest: Rest, last: bool) -> None:
        """Leave the connection to an answer, which gives it back at its end.

        With an answer that is not read to its end it is closed.
        """
        own, kept = self._own, self._own.kept

        def ended() -> None:
            own.kept = None if last else kept

        rest.ended = ended
        self._close()

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

    def _connection(self) -> socket.socket:
        kept: _Kept | None = getattr(self._own, "kept", None)
        if kept is None or not _silent(kept.connection):
            kept = self._own.kept = _Kept(self._connect())
        return kept.connection

    def _connect(self) -> socket.socket:
        if self._context:
            sock: socket.socket = self._secured(self._context)
            sock.settimeout(self._silence)
        else:
            # Plain HTTP is for stores nearby: they are reached directly.
            sock = socket.create_connection((self.host, self.port), _CONNECT_SECONDS)
            _let_system_wait(sock, self._silence)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def _secured(self, context: "ssl.SSLContext") -> "ssl.SSLSocket":
        from urllib.request import getproxies, proxy_bypass

        proxy = getproxies().get("https")
        if proxy and not proxy_bypass(f"{self.host}:{self.port}"):
            parts = urlsplit(proxy if "//" in proxy else f"//{proxy}")
            sock = self._tunnel(parts.hostname or self.host, parts.port or 3128)
        else:
            sock = socket.create_connection((self.host, self.port), _CONNECT_SECONDS)
        return context.wrap_socket(sock, server_hostname=self.host)

    def _tunnel(self, proxy: str, port: int) -> socket.socket:
        host = f"[{self.host}]" if ":" in self.host else self.host
        place = f"{host}:{self.port}"
        sock = socket.create_connection((proxy, port), _CONNECT_SECONDS)
        try:
            sock.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
            status = answers.read(sock, "CONNECT").status
            if status != 200:
                raise ConnectionRefusedError(f"the proxy {proxy} refuses with HTTP {status}")
        except BaseException:
            sock.close()
            raise
        return sock

    def _close(self) -> None:
        self._own.kept = None

    def _pause(self, attempt: int, wanted: str = "") -> None:
        self.retries += 1
        pause = min(_FIRST_PAUSE * 2 ** (attempt - 1), _LONGEST_PAUSE)
        if wanted.isdecimal():
            pause = max(pause, min(float(wanted), _LONGEST_PAUSE))
        # Not all threads together again.
        time.sleep(pause * (0.5 + os.urandom(1)[0] / 512))


class _Kept:
    """A connection that is closed when its thread or its wire is gone."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection

    def __del__(self) -> None:
        self.connection.close()


def _exchange(
    sock: socket.socket, method: str, parts: Sequence[memoryview | bytes], size: int, later: bool
) -> Reply:
    """Send a request and read its answer."""
    try:
        for part in parts:
            sock.sendall(part)
    except ConnectionError:
        # Who refuses a large object does not wait for its end, and has said why.
        reply = answers.read(sock, method)
        if reply.status < 300:
            raise
        return dataclasses.replace(reply, last=True)
    return answers.read(sock, method, size, later)


def _silent(sock: socket.socket) -> bool:
    """Say whether nothing came since the last answer: its end, or what nobody asked for."""
    if getattr(sock, "pending", int)():  # TLS has read more than was taken
        return False
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return not poll.poll(0)


def _context() -> "ssl.SSLContext":
    # Here and not above: who reaches a store nearby by plain HTTP waits for nothing of this.
    import ssl

    return ssl.create_default_context()


def _let_system_wait(sock: socket.socket, seconds: float) -> None:
    """Have the system wait in each call: Python's own way takes two calls for each piece."""
    sock.settimeout(None)
    limit = struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
