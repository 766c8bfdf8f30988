"""The parts of one object, in whatever order they come."""

import hashlib
import random
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from cloudmesh_engine.moving.assembly import Assembly
from cloudmesh_engine.stores import Item, Put
from cloudmesh_engine.stores.piece import Piece

PART = 10
WAIT_SECONDS = 120
CONTENT = random.Random(5).randbytes(20 * PART - 3)
SUM = hashlib.sha256(CONTENT).hexdigest()


class Memory:
    """A source and an upload.

    :ivar slow: the part that is sent only when it is let go
    :ivar bad: the part that the target refuses
    :ivar alive: of each part, which earlier ones were still in memory when it was sent
    """

    id = ""

    def __init__(self, slow: int = -1, bad: int = -1) -> None:
        self.slow, self.bad = slow, bad
        self.begun, self.go = threading.Event(), threading.Event()
        self.sent: dict[int, bytes] = {}
        self.released: list[int] = []
        self.ends: list[BaseException | None] = []
        self.read_so_far: dict[int, weakref.ref[Piece]] = {}
        self.alive: dict[int, list[int]] = {}

    def read(self, _item: Item, offset: int, size: int) -> Piece:
        piece = Piece(CONTENT[offset : offset + size])
        self.read_so_far[offset // PART] = weakref.ref(piece)
        return piece

    def part(self, index: int, _offset: int, piece: Piece) -> None:
        earlier = [one for one in self.read_so_far if one < index]
        self.alive[index] = [one for one in earlier if self.read_so_far[one]()]
        if index == self.slow:
            self.begun.set()
            assert self.go.wait(WAIT_SECONDS)
        if index == self.bad:
            raise OSError("the target is full")
        self.sent[index] = bytes(piece.data)

    def finish(self, _digest: str, _size: int) -> Put:
        return Put("made")

    def abort(self) -> None:
        """Nothing is left."""

    abandon = abort

    def assembly(self, ordered: bool = False) -> Assembly:
        return Assembly(
            self, Item("key", len(CONTENT), "tag"), self, PART, ordered,
            lambda _whole, error: self.ends.append(error), self.released.append,
        )  # fmt: skip


@pytest.mark.parametrize("ordered", [False, True])
def test_parts_may_come_in_any_order(ordered: bool) -> None:
    memory = Memory()
    whole = memory.assembly(ordered)
    parts = list(whole.parts)
    random.Random(7).shuffle(parts)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda part: whole.move(*part), parts))
    assert memory.ends == [None]
    assert whole.digest == SUM
    assert b"".join(memory.sent[index] for index in sorted(memory.sent)) == CONTENT
    assert list(memory.sent) == sorted(memory.sent) or not ordered
    assert sum(memory.released) == len(CONTENT)


@contextmanager
def first_held(memory: Memory, whole: Assembly) -> Iterator[None]:
    """Move all parts; in the block, the first one is still on its way to the target."""
    first, *others = whole.parts
    with ThreadPoolExecutor(1) as pool:
        moving = pool.submit(whole.move, *first)
        assert memory.begun.wait(WAIT_SECONDS)
        for part in others:
            whole.move(*part)
        try:
            yield
        finally:
            memory.go.set()
        moving.result()


def test_a_part_that_the_target_is_slow_with_keeps_no_other_in_memory() -> None:
    memory = Memory(slow=0)
    whole = memory.assembly()
    with first_held(memory, whole):
        # Its own place is all that is still taken; the object is not said to be there.
        assert sum(memory.released) == len(CONTENT) - PART
        assert not memory.ends
    assert memory.ends == [None]
    assert whole.digest == SUM
    assert sum(memory.released) == len(CONTENT)


def test_who_sends_the_parts_of_others_does_not_keep_his_own() -> None:
    memory = Memory(slow=0)
    whole = memory.assembly(ordered=True)
    with first_held(memory, whole):
        assert not memory.sent
    assert list(memory.sent) == list(range(20))
    assert not any(memory.alive.values())


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("bad", [0, 7, 19])
def test_a_part_that_fails_ends_the_object_once_and_gives_all_memory_back(
    ordered: bool, bad: int
) -> None:
    memory = Memory(bad=bad)
    whole = memory.assembly(ordered)
    for part in whole.parts:
        whole.move(*part)
    (error,) = memory.ends
    assert str(error) == "the target is full"
    # What comes after it is neither read nor sent.
    assert sorted(memory.sent) == list(range(bad))
    assert sum(memory.released) == len(CONTENT)
