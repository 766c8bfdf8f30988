"""Google unpacks what was stored with `Content-Encoding: gzip`, unless it is told not to."""

import gzip
import hashlib
import random
import socket

from cloudmesh_engine.stores import Item, Section, google
from cloudmesh_engine.stores.reading import Reading

from .conftest import Serve
from .peer import Talk, answer, request

PLAIN = random.Random(5).randbytes(300) * 10
PACKED = gzip.compress(PLAIN)
LOG = Item("a.log", len(PACKED), "1", md5=hashlib.md5(PACKED, usedforsecurity=False).hexdigest())


def bucket(asked: list[bytes]) -> Talk:
    """Answer a read as Google documents it."""

    def talk(sock: socket.socket) -> None:
        while head := request(sock).lower():
            asked.append(head)
            if b"\r\naccept-encoding: gzip" not in head:
                chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(PLAIN), PLAIN)
                sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk)
            elif b"\r\nrange: bytes=10-19\r\n" in head + b"\r\n":
                sock.sendall(answer(PACKED[10:20], b"206 Partial Content"))
            else:
                sock.sendall(answer(PACKED))

    return talk


def test_what_is_stored_packed_is_read_as_it_is(serve: Serve) -> None:
    asked: list[bytes] = []
    peer = serve(bucket(asked))
    credentials = {"bucket": "b", "endpoint": f"http://{peer.place}"}
    store = google.connect(Section("google", "google", "here", credentials))
    assert bytes(store.read(LOG, 0, LOG.size).data) == PACKED
    assert bytes(store.read(LOG, 10, 10).data) == PACKED[10:20]
    stream = Reading(store)
    pieces = [bytes(stream.read(LOG, at, LOG.size // 2).data) for at in (0, LOG.size // 2)]
    assert b"".join(pieces) == PACKED[: LOG.size // 2 * 2]
    assert len(asked) == 3
    stream.close()
    store._wire._close()
