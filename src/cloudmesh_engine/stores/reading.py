"""Reads an object from its begin to its end by one request."""

from cloudmesh_engine.stores import Item
from cloudmesh_engine.stores.answers import Rest
from cloudmesh_engine.stores.outages import BROKEN
from cloudmesh_engine.stores.piece import Piece
from cloudmesh_engine.stores.remote import Remote


class Reading:
    """An object whose pieces are read one after the other, by one thread.

    They come by one answer. Of one that breaks off, the piece that is missing is asked for with
    the patience of any request, and what follows it by another answer.
    """

    def __init__(self, store: Remote) -> None:
        self._store = store
        self._rest: Rest | None = None
        self._hidden = False

    def read(self, item: Item, offset: int, size: int) -> Piece:
        """Read the next piece of the object as it was listed."""
        if not self._rest and not self._hidden and offset + size < item.size:
            self._rest = self._store.open(item, offset)
            self._hidden = not self._rest
        return self._next(size) or self._store.read(item, offset, size)

    def close(self) -> None:
        """Read no more; a connection with something left on it is closed."""
        self._rest = None

    def _next(self, size: int) -> Piece | None:
        if not self._rest:
            return None
        try:
            return Piece(self._rest.take(size))
        except BROKEN:
            self._rest = None
            self._store.count_break()
            return None
