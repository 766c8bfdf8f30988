"""A server that misbehaves on its connections as a test tells it to, and its certificate."""

import re
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

Talk = Callable[[socket.socket], None]
# Nothing decides a test by this; it ends one that would never end.
PATIENCE = 120


class Peer:
    """A server that does with one connection after the other what a test tells it to."""

    def __init__(self, *talks: Talk, tls: ssl.SSLContext | None = None) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._tls = tls
        self.ended = threading.Semaphore(0)
        self.place = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, args=[talks], daemon=True)
        self._thread.start()

    def _serve(self, talks: tuple[Talk, ...]) -> None:
        for talk in talks:
            with suppress(OSError):
                sock, _ = self._listener.accept()
                sock.settimeout(PATIENCE)
                with self._tls.wrap_socket(sock, server_side=True) if self._tls else sock as peer:
                    talk(peer)
            self.ended.release()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(PATIENCE)
        self._listener.close()
        assert not self._thread.is_alive()


def request(sock: socket.socket) -> bytes:
    """Read a whole request."""
    come = b""
    while b"\r\n\r\n" not in come and (more := sock.recv(65536)):
        come += more
    head, _, body = come.partition(b"\r\n\r\n")
    length = re.search(rb"Content-Length: (\d+)", head)
    left = int(length[1]) - len(body) if length else 0
    while left > 0 and (more := sock.recv(65536)):
        left -= len(more)
    return head


def answer(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


def says(*answers: bytes) -> Talk:
    """Answer so many requests, and end the connection."""

    def talk(sock: socket.socket) -> None:
        for one in answers:
            request(sock)
            sock.sendall(one)

    return talk


def certificate(address: str) -> bytes:
    """Make a key and a certificate that it signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return secret + made.public_bytes(Encoding.PEM)
