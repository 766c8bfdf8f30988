"""TLS is always verified; a proxy of the environment is used for it, and for nothing else."""

import socket
import ssl

import pytest

from cloudmesh_engine.errors import DependencyDown
from cloudmesh_engine.stores.wire import Wire

from .conftest import Serve
from .peer import Talk, answer, request, says


def asked(wire: Wire) -> str:
    return wire.ask("GET", "/", dict).text


def test_a_certificate_that_is_trusted(serve: Serve, trusted: ssl.SSLContext) -> None:
    body = bytes(range(256)) * 10_000
    peer = serve(says(answer(body), answer(b"two")), tls=trusted)
    wire = Wire(f"https://{peer.place}", "test")
    assert bytes(wire.ask("GET", "/", dict, size=len(body)).body) == body
    assert (asked(wire), wire.retries) == ("two", 0)


@pytest.mark.parametrize(("host", "why"), [("127.0.0.1", "self-signed"), ("localhost", "mismatch")])
def test_a_certificate_that_is_not_trusted(
    serve: Serve, trusted: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, host: str, why: str
) -> None:
    if why == "self-signed":
        monkeypatch.delenv("SSL_CERT_FILE")
    nothing = says()
    peer = serve(nothing, nothing, tls=trusted)
    wire = Wire(f"https://{peer.place.replace('127.0.0.1', host)}", "test")
    with pytest.raises(DependencyDown, match=f"certificate is not trusted .*{why}.*SSL_CERT_FILE"):
        asked(wire)


def through(context: ssl.SSLContext, heads: list[bytes]) -> Talk:
    """Be a proxy, and what is behind it."""

    def talk(sock: socket.socket) -> None:
        heads.append(request(sock))
        sock.sendall(b"HTTP/1.0 200 Connection established\r\n\r\n")
        with context.wrap_socket(sock, server_side=True) as inside:
            says(answer(b"through"))(inside)

    return talk


def test_the_proxy_of_the_environment_is_used_for_tls_alone(
    serve: Serve, trusted: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads: list[bytes] = []
    monkeypatch.setenv("https_proxy", f"http://{serve(through(trusted, heads)).place}")
    # Nothing listens there.
    assert asked(Wire("https://127.0.0.1:1", "test")) == "through"
    assert heads == [b"CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: 127.0.0.1:1"]
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert asked(Wire(f"http://{serve(says(answer(b'plain'))).place}", "test")) == "plain"
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    direct = serve(says(answer(b"direct")), tls=trusted)
    assert asked(Wire(f"https://{direct.place}", "test")) == "direct"


def test_a_proxy_that_refuses(
    serve: Serve, trusted: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    no = says(answer(b"who are you", b"407 Proxy Authentication Required"))
    monkeypatch.setenv("https_proxy", f"http://{serve(no, no, no, no).place}")
    with pytest.raises(DependencyDown, match=r"the proxy 127\.0\.0\.1 refuses with HTTP 407"):
        asked(Wire("https://127.0.0.1:1", "test"))
