"""A store that misbehaves: no answer is taken for another, and no wait is endless."""

import signal
import socket
import ssl
import threading

import pytest

from cloudmesh_engine.errors import DependencyDown
from cloudmesh_engine.stores.wire import Wire

from .conftest import Serve
from .peer import PATIENCE, Talk, answer, request, says


def asked(wire: Wire, method: str = "GET", body: bytes = b"") -> str:
    return wire.ask(method, "/", dict, body).text


def test_a_connection_that_ended_meanwhile_is_not_asked(serve: Serve) -> None:
    peer = serve(says(answer(b"one")), says(answer(b"two")))
    wire = Wire(f"http://{peer.place}", "test")
    assert asked(wire) == "one"
    assert peer.ended.acquire(timeout=PATIENCE)
    assert (asked(wire), wire.retries) == ("two", 0)


def test_an_answer_that_nobody_asked_for_is_not_taken_for_the_next(serve: Serve) -> None:
    go_on, sent = threading.Event(), threading.Event()

    def forge(sock: socket.socket) -> None:
        says(answer(b"one"))(sock)
        go_on.wait(PATIENCE)
        sock.sendall(answer(b"forged"))
        sent.set()
        sock.recv(1)

    wire = Wire(f"http://{serve(forge, says(answer(b'two'))).place}", "test")
    assert asked(wire) == "one"
    go_on.set()
    assert sent.wait(PATIENCE)
    assert (asked(wire), wire.retries) == ("two", 0)


class Interrupted(BaseException):
    """What a signal raises."""


def test_what_is_left_of_an_answer_is_not_taken_for_the_next(serve: Serve) -> None:
    main = threading.main_thread().ident

    def interrupt(sock: socket.socket) -> None:
        request(sock)
        forged = answer(b"forged")
        sock.sendall(answer(b"one" + forged).removesuffix(forged))
        signal.pthread_kill(main or 0, signal.SIGUSR1)
        if sock.recv(1):
            sock.sendall(forged)

    def ended(*_: object) -> None:
        raise Interrupted

    wire = Wire(f"http://{serve(interrupt, says(answer(b'two'))).place}", "test")
    old = signal.signal(signal.SIGUSR1, ended)
    try:
        with pytest.raises(Interrupted):
            asked(wire)
    finally:
        signal.signal(signal.SIGUSR1, old)
    assert asked(wire) == "two"


def early(one: bytes) -> Talk:
    """Answer before the request has ended, and listen no more."""

    def talk(sock: socket.socket) -> None:
        sock.recv(1000)
        sock.sendall(one)

    return talk


LARGE = bytes(32_000_000)


def test_who_refuses_a_large_object_early_is_heard(serve: Serve) -> None:
    peer = serve(early(answer(b"no", b"403 Forbidden")), says(answer(b"next")))
    wire = Wire(f"http://{peer.place}", "test")
    reply = wire.ask("PUT", "/", dict, LARGE)
    assert (reply.status, reply.text, wire.retries) == (403, "no", 0)
    assert asked(wire) == "next"


def test_who_praises_half_an_object_is_not_believed(serve: Serve) -> None:
    peer = serve(early(answer(b"good")), says(answer(b"better", b"201 Created")))
    wire = Wire(f"http://{peer.place}", "test")
    reply = wire.ask("PUT", "/", dict, LARGE)
    assert (reply.status, reply.text, wire.retries) == (201, "better", 1)


def silent_after(sent: bytes) -> Talk:
    def talk(sock: socket.socket) -> None:
        request(sock)
        sock.sendall(sent)
        sock.recv(1)

    return talk


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\n", answer(b"much")[:-1]])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_store_that_says_nothing_more_is_given_up(
    serve: Serve, trusted: ssl.SSLContext, scheme: str, sent: bytes
) -> None:
    tls = trusted if scheme == "https" else None
    peer = serve(silent_after(sent), silent_after(sent), tls=tls)
    with pytest.raises(DependencyDown, match=r"does not answer \(.*timed out\)"):
        asked(Wire(f"{scheme}://{peer.place}", "test", silence=0.2))
