"""Answers of HTTP are read as they are, and what is none is not taken for one."""

import socket

import pytest

from cloudmesh_engine.stores import answers
from cloudmesh_engine.stores.answers import Reply
from cloudmesh_engine.stores.piece import Piece, room
from cloudmesh_engine.stores.stream import Broken, WrongLength

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"


def answer(sent: bytes, method: str = "GET", size: int = -1) -> Reply:
    """Read what a store sends before it ends the connection."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            theirs.sendall(sent)
        return answers.read(ours, method, size)


def test_an_answer_of_known_length_leaves_the_connection_to_the_next() -> None:
    reply = answer(b'HTTP/1.1 200 OK\r\nETag: "a:b"\r\nContent-Length: 3\r\n\r\nabc', size=3)
    assert (reply.status, bytes(reply.body), reply.last) == (200, b"abc", False)
    assert (reply.header("etag"), reply.header("ETag"), reply.header("No")) == (
        '"a:b"',
        '"a:b"',
        "",
    )


@pytest.mark.parametrize(
    ("sent", "body"),
    [
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", b"a"),
        (b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 1\r\n\r\na", b"a"),
        (b"HTTP/1.1 200 OK\r\n\r\nall to the end", b"all to the end"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabc", b"a"),
        (CHUNKED + b"Content-Length: 9\r\n\r\n1\r\na\r\n0\r\n\r\n", b"a"),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na", b"a"),
    ],
    ids=["old", "closed", "endless", "more than promised", "of two framings", "old but kept"],
)
def test_a_connection_that_is_of_no_more_use(sent: bytes, body: bytes) -> None:
    reply = answer(sent)
    assert (bytes(reply.body), reply.last) == (body, True)


def test_an_answer_in_chunks() -> None:
    head = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    reply = answer(head + b"3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nLater: x\r\n\r\n")
    assert (bytes(reply.body), reply.last) == (b"abc0123456789", False)


@pytest.mark.parametrize(
    ("method", "first"), [("HEAD", b"200 OK"), ("DELETE", b"204 No"), ("GET", b"304 Same")]
)
def test_an_answer_without_a_body(method: str, first: bytes) -> None:
    reply = answer(b"HTTP/1.1 " + first + b"\r\nContent-Length: 9\r\n\r\n", method)
    assert (len(reply.body), reply.last, reply.header("Content-Length")) == (0, False, "9")


@pytest.mark.parametrize(
    "sent",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 020 OK\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 100 Wait\r\n\r\n" * 50,
        b"HTTP/1.1 200 OK\r\nnocolon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nX: folded\r\n Content-Length: 1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nX: y\nContent-Length: 1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\na",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nab",
        CHUNKED + b"Transfer-Encoding: gzip\r\n\r\n1\r\na\r\n0\r\n\r\n",
        CHUNKED + b"\r\n-5\r\nab",
        CHUNKED + b"\r\n" + b"1" * 5000 + b"\r\nab",
        CHUNKED + b"\r\n1\r\nabc\r\n0\r\n\r\n",
        CHUNKED + b"\r\n0\r\n" + (b"L: " + b"x" * 1000 + b"\r\n") * 270,
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000,
    ],
)
def test_what_is_no_answer(sent: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1_000_000)
        theirs.sendall(sent)
        with pytest.raises(Broken):
            answers.read(ours, "GET")


def test_a_head_without_a_body_must_tell_a_true_length() -> None:
    with pytest.raises(Broken):
        answer(b"HTTP/1.1 200 OK\r\nContent-Length: much\r\n\r\n", "HEAD")


@pytest.mark.parametrize("size", [-1, 9])
@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 17 + b"\r\n\r\nab",
        CHUNKED + b"\r\nffffffffffffff\r\nab",
        CHUNKED + b"\r\n" + b"8\r\n12345678\r\n" * 8 + b"fffffff\r\nab",
    ],
)
def test_memory_is_not_made_for_more_than_was_asked_for(sent: bytes, size: int) -> None:
    with pytest.raises(WrongLength):
        answer(sent, size=size)


def test_an_answer_up_to_the_end_is_not_read_beyond_what_was_asked_for() -> None:
    with pytest.raises(WrongLength) as caught:
        answer(b"HTTP/1.1 200 OK\r\n\r\n0123456789", size=9)
    assert caught.value.missing == -1


def test_who_sends_too_slowly_is_given_up() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"HTTP/1.1 200 OK\r\n")
        # The time is over before it begins: what has come counts a few milliseconds.
        with pytest.raises(TimeoutError, match="too slowly"):
            answers.read(ours, "GET", patience=-60)


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Le"])
def test_a_connection_that_ends_before_the_answer(sent: bytes) -> None:
    with pytest.raises(ConnectionResetError):
        answer(sent)


@pytest.mark.parametrize(
    ("length", "body", "missing"), [(b"9", b"abcd", 5), (b"3", b"abc", 6), (b"12", b"abc", -3)]
)
def test_a_body_of_another_length_than_was_asked_for(
    length: bytes, body: bytes, missing: int
) -> None:
    with pytest.raises(WrongLength) as caught:
        answer(b"HTTP/1.1 206 OK\r\nContent-Length: " + length + b"\r\n\r\n" + body, size=9)
    assert caught.value.missing == missing


def test_pages_are_used_again_only_when_nobody_looks_at_them() -> None:
    first = room(1_000_000)
    first[:3] = b"abc"
    kept = Piece(first).data[1:3]
    del first
    other = room(1_000_000)
    other[:3] = b"xyz"
    assert bytes(kept) == b"bc"
    del kept, other
    # The last ones that came back: no new pages were made.
    assert bytes(room(1_000_000)[:3]) == b"xyz"
