"""What the stores have in common that are reached by HTTP."""

import dataclasses
import functools
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

from cloudmesh_engine.stores import Item, signatures
from cloudmesh_engine.stores.answers import Reply, Rest
from cloudmesh_engine.stores.faults import Changed, Tampered, fail
from cloudmesh_engine.stores.piece import Piece
from cloudmesh_engine.stores.wire import Wire


@dataclass(frozen=True)
class Call:
    """A request, before it has an address and a signature.

    :param key: of the object; the bucket itself if it is empty
    :param asked: the query
    :param size: how long the body of a good answer must be, if that is known
    :param path: where the key does not say it
    :param payload: the SHA-256 of the body, if that is known
    :param later: leave the body of a good answer to be read in pieces
    """

    method: str
    key: str = ""
    asked: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: memoryview | bytes = b""
    size: int = -1
    path: str = ""
    payload: str = ""
    later: bool = False


class Remote(ABC):
    """A bucket or a container somewhere else."""

    kind: str

    def __init__(self, service: str, place: str, wire: Wire) -> None:
        self.service = service
        self.place = place
        self._wire = wire

    @abstractmethod
    def _path(self, call: Call) -> str:
        """Give the path of a request, encoded."""

    @abstractmethod
    def _signed(self, call: Call, target: str) -> Mapping[str, str]:
        """Give the headers of a request, signed."""

    def address(self, key: str) -> str:
        """Say where an object is, alike for all services of one place."""
        wire = self._wire
        return f"{self.kind}://{wire.host}:{wire.port}{wire.path}/{self.place}/{key}"

    def retries(self) -> int:
        """How many requests had to be repeated so far."""
        return self._wire.retries

    def ask(self, call: Call) -> Reply:
        """Send a request; its answer may be an error."""
        target = self._path(call)
        if call.asked:
            target += "?" + signatures.query(call.asked)
        return self.send(call, target)

    def send(self, call: Call, target: str) -> Reply:
        """Send a request to an address that the store gave."""
        sign = functools.partial(self._signed, call, target)
        return self._wire.ask(call.method, target, sign, call.body, call.size, call.later)

    def good(self, call: Call) -> Reply:
        """Send a request whose answer must not be an error."""
        return self.check(self.ask(call), call.key)

    def check(self, reply: Reply, key: str) -> Reply:
        """Raise what an answer deserves that is an error."""
        if not 200 <= reply.status < 300:
            fail(self.service, self.kind, self.place, key, reply)
        return reply

    def read(self, item: Item, offset: int, size: int) -> Piece:
        """Read a piece of an object as it was listed."""
        reply = self._begun(item, self._reading(item, offset, size))
        piece, md5 = Piece(reply.body), self._sum(item, reply)
        if md5 and len(piece) == item.size and piece.md5 != md5:
            raise Tampered(f"{self.service}: {item.key!r} does not match its own checksum")
        return piece

    def open(self, item: Item, offset: int) -> Rest | None:
        """Begin to read an object as it was listed; nothing if the answer hides its length."""
        call = self._reading(item, offset, item.size - offset)
        return self._begun(item, dataclasses.replace(call, later=True)).rest

    def count_break(self) -> None:
        """Count an answer that broke off, as what is missing is asked for anew."""
        self._wire.retries += 1

    def _begun(self, item: Item, call: Call) -> Reply:
        reply = self.good(call)
        asked = call.headers.get("Range") or call.headers.get("x-ms-range", "")
        told = reply.header("Content-Range").partition("/")[0]
        if asked and told not in ("", asked.replace("=", " ")):
            raise Tampered(f"{self.service}: {item.key!r}: {told} came where {asked} was asked for")
        if self._tag(item, reply) != item.etag:
            raise Changed(f"{self.service}: {item.key!r} was changed meanwhile: repeat the command")
        return reply

    @abstractmethod
    def _reading(self, item: Item, offset: int, size: int) -> Call:
        """Make the request for a piece of an object; it is refused if the tag is another."""

    def _tag(self, _item: Item, reply: Reply) -> str:
        """Give the tag of what is read."""
        return reply.header("ETag")

    def _sum(self, item: Item, _reply: Reply) -> str:
        """Give what the MD5 of all of an object has to be, if that is known."""
        return item.md5

    def stored(self, key: str, piece: Piece, md5: str, size: int = -1) -> None:
        """Compare what the store says it has taken, if it says something, with what was sent."""
        if (md5 and md5 != piece.md5) or size not in (-1, len(piece)):
            raise Tampered(f"{self.service}: {key!r} was stored with other bytes than sent")


def span(offset: int, size: int) -> str:
    """Give the range of a read."""
    return f"bytes={offset}-{offset + size - 1}"
