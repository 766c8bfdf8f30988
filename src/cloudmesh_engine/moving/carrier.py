"""Moves one object: a small one by one request, a large one by its parts or as a stream."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import cast

from cloudmesh_engine.errors import ActionFailed, DependencyDown, EngineError
from cloudmesh_engine.moving import checks, ending
from cloudmesh_engine.moving.assembly import Assembly, Reader, part_size
from cloudmesh_engine.moving.limits import Bandwidth, Budget
from cloudmesh_engine.moving.manifest import Manifest
from cloudmesh_engine.moving.plan import Plan, Step
from cloudmesh_engine.moving.progress import Progress
from cloudmesh_engine.moving.result import Options, Result
from cloudmesh_engine.stores import MIB, Item, Put, Upload, printable
from cloudmesh_engine.stores.faults import Changed, Tampered, unreadable
from cloudmesh_engine.stores.piece import Piece
from cloudmesh_engine.stores.reading import Reading
from cloudmesh_engine.stores.remote import Remote

_MEMORY = 128 * MIB
# Also an empty object costs memory while it waits for its turn.
_LEAST = 64 * 1024
# Up to this size an object is sent by one request.
WHOLE = 16 * MIB
# Up to this size an object may be left to one worker: with a larger one it could be alone at last.
_STREAMED = 256 * MIB


class Carrier:
    """Moves the objects of one run, and notes what became of each.

    :param explain: turns any exception into one of ours
    :ivar down: whether it is of no use to begin with another object
    """

    def __init__(
        self,
        plan: Plan,
        manifest: Manifest,
        options: Options,
        progress: Progress,
        explain: Callable[[BaseException], EngineError],
    ) -> None:
        self._source = plan.source.store
        self._target = plan.target.store
        self._manifest = manifest
        self._verify = options.verify
        self._progress = progress
        self._explain = explain
        self._budget = Budget(_MEMORY)
        self._bandwidth = Bandwidth(options.bandwidth)
        self._uploads = ending.Uploads()
        # Who limits the bandwidth makes the source wait, and it would hang up.
        streams = isinstance(self._source, Remote) and not options.bandwidth
        self._largest_stream = _STREAMED if streams else 0
        self._parallel = options.parallel
        self._streaming = 0
        self._waiting: list[Step] = []
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self.down = threading.Event()
        self.result = Result(prefix=plan.target_prefix[: plan.target_prefix.rfind("/") + 1])

    def drained(self) -> None:
        """Wait until every object that was begun has ended."""
        self._budget.drained()

    def stop(self) -> None:
        """Begin nothing more, and end what is large before its end."""
        self.down.set()
        self._stopped.set()

    def abandon(self) -> None:
        """Leave nothing behind, as this process is about to end."""
        self.stop()
        self._uploads.abandon()
        # Small objects are stored at once: those that are on their way may arrive.
        self.drained()
        self._manifest.flush()

    def submit(self, pool: ThreadPoolExecutor, step: Step) -> None:
        """Have one object moved, as soon as there is memory for it."""
        item = step.item
        if item.problem:
            self.fail(step.key, item, unreadable(self._source.service, item))
            return
        self._progress.expect(item.size)
        if item.size <= WHOLE:
            cost = max(item.size, _LEAST)
            self._budget.take(cost)
            pool.submit(self._move_small, step, cost)
        elif item.size > self._largest_stream:
            self._submit_parts(pool, step)
        else:
            self._waiting.append(step)
            # A stream is two requests at once: the store goes on sending while a part is stored.
            if 2 * (self._streaming + len(self._waiting)) >= self._parallel:
                self._begin_waiting(self._submit_stream, pool)

    def submit_waiting(self, pool: ThreadPoolExecutor) -> None:
        """Have those moved that waited for others; as there are few, all workers share each."""
        self._begin_waiting(self._submit_parts, pool)

    def close(self) -> None:
        """Throw away what was begun and will not end, as nobody is at work any more."""
        self._uploads.abandon()

    def _begin_waiting(
        self, submit: Callable[[ThreadPoolExecutor, Step], None], pool: ThreadPoolExecutor
    ) -> None:
        for step in self._waiting:
            # Whoever does not answer for one would be waited for again with each.
            if not self.down.is_set():
                submit(pool, step)
        self._waiting.clear()

    def _submit_parts(self, pool: ThreadPoolExecutor, step: Step) -> None:
        assembly = self._assembly(step, self._source, self._release)
        if assembly:
            for index, offset, size in assembly.parts:
                self._budget.take(size)
                pool.submit(self._move_part, assembly, index, offset, size)

    def _submit_stream(self, pool: ThreadPoolExecutor, step: Step) -> None:
        reading = Reading(cast(Remote, self._source))
        assembly = self._assembly(step, reading, self._progress.moved)
        if assembly:
            with self._lock:
                self._streaming += 1
            # For all of it: each part has gone before the next one comes.
            self._budget.take(assembly.part)
            pool.submit(self._move_stream, assembly, reading)

    def _assembly(
        self, step: Step, source: Reader, release: Callable[[int], None]
    ) -> Assembly | None:
        """Begin a large object; nothing if it failed."""
        item, limits = step.item, self._target.limits
        try:
            part = part_size(item.size, limits)
            upload = self._begin_large(step)
        except Exception as error:
            self.fail(step.key, item, error)
            return None
        return Assembly(
            source, item, upload, part, limits.ordered,
            lambda whole, error: self._end_large(step, whole, error), release,
        )  # fmt: skip

    def _begin_large(self, step: Step) -> Upload:
        """Begin an upload, and note it so that the next run finds what a kill leaves of it."""
        if not self._target.limits.named:
            # First of all, so that a kill between the two is noticed.
            self._manifest.begin(step.key, step.item)
        size = step.item.size
        upload = self._uploads.begin(step.key, lambda: self._target.begin(step.key, size))
        if self._target.limits.named:
            self._manifest.begin(step.key, step.item, upload.id)
        return upload

    def _move_small(self, step: Step, cost: int) -> None:
        item = step.item
        try:
            if self.down.is_set():
                return
            self._bandwidth.wait(item.size)
            piece = self._source.read(item, 0, item.size) if item.size else self._empty(item)
            put, digest = self._target.put(step.key, piece), piece.sha256
            self._progress.moved(item.size)
            del piece
            self._arrived(step, digest, put)
        except Exception as error:
            self.fail(step.key, item, error)
        finally:
            self._budget.give_back(cost)

    def _empty(self, item: Item) -> Piece:
        """There is nothing to read of an empty object, but it has to be there still."""
        if item.key.endswith("/"):
            return Piece(b"")
        now = self._source.head(item.key)
        if not now or now.etag != item.etag:
            raise Changed(f"{self._source.service}: {item.key!r} was changed meanwhile: repeat")
        return Piece(b"")

    def _move_part(self, assembly: Assembly, index: int, offset: int, size: int) -> None:
        self._bandwidth.wait(size)
        assembly.move(index, offset, size)

    def _move_stream(self, assembly: Assembly, reading: Reading) -> None:
        try:
            for index, offset, size in assembly.parts:
                if self._stopped.is_set():
                    assembly.give_up(ActionFailed("was interrupted: repeat the command"))
                elif not index and self.down.is_set():
                    why = "was not begun, as a store failed: repeat the command"
                    assembly.give_up(ActionFailed(why))
                assembly.move(index, offset, size)
        finally:
            reading.close()
            with self._lock:
                self._streaming -= 1
            self._budget.give_back(assembly.part)

    def _release(self, size: int) -> None:
        self._progress.moved(size)
        self._budget.give_back(size)

    def _end_large(self, step: Step, whole: Assembly, error: BaseException | None) -> None:
        try:
            if error:
                raise error
            now = self._source.head(step.item.key)
            if not now or now.etag != step.item.etag:
                raise Changed(
                    f"{self._source.service}: {step.item.key!r} was changed meanwhile: repeat"
                )
            if whole.differs(now):
                raise Tampered(f"{self._source.service}: {step.item.key!r} is not what was stored")
            self._arrived(step, whole.digest, whole.finish())
        except BaseException as failure:
            try:
                whole.upload.abort()
            except Exception:
                # Also a disk's own error: whatever hinders it must not hide the failure.
                # The row stays as it is, so the next run tries again.
                self._note(step.key, failure)
                return
            self.fail(step.key, step.item, failure)
        finally:
            self._uploads.ended(step.key)

    def _arrived(self, step: Step, digest: str, put: Put) -> None:
        if self._verify == "read":
            checks.reread(self._target, step.key, step.item.size, digest, put)
        self._manifest.done(step.key, step.item, digest, put)
        self._progress.arrived()
        with self._lock:
            self.result.moved[step.key] = put
            self.result.bytes += step.item.size
            self.result.digests[step.key] = (digest, step.item.size)

    def fail(self, key: str, item: Item, error: BaseException) -> None:
        """Note that an object did not arrive."""
        failure = self._note(key, error)
        self._manifest.failed(key, item, str(failure))

    def _note(self, key: str, error: BaseException) -> EngineError:
        failure = self._explain(error)
        _forget_frames(failure)
        if isinstance(failure, DependencyDown):
            # Nor will it answer for the others.
            self.down.set()
        with self._lock:
            self.result.failures[printable(key)] = failure
        return failure


def _forget_frames(failure: BaseException) -> None:
    """Keep what it says only: its frames hold the bytes that did not arrive, and connections."""
    failure.__traceback__ = failure.__cause__ = failure.__context__ = None
