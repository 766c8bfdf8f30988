"""One run of a transfer: skips what is there, moves the rest, checks it, deletes if told."""

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

from cloudmesh_engine.errors import DependencyDown, EngineError, Refused
from cloudmesh_engine.moving import checks, ending
from cloudmesh_engine.moving.assembly import Assembly, part_size
from cloudmesh_engine.moving.limits import Bandwidth, Budget
from cloudmesh_engine.moving.manifest import MOVING, Manifest, Row
from cloudmesh_engine.moving.plan import Plan, Step
from cloudmesh_engine.moving.progress import Progress
from cloudmesh_engine.moving.result import Options, Result
from cloudmesh_engine.stores import MIB, Item, Put, Upload
from cloudmesh_engine.stores.faults import Changed, Tampered
from cloudmesh_engine.stores.piece import Piece

_MEMORY = 128 * MIB
# Also an empty object costs memory while it waits for its turn.
_LEAST = 64 * 1024
# Up to this size an object is sent by one request.
_WHOLE = 16 * MIB


class Mover:
    """Runs one plan.

    :param explain: turns any exception into one of ours
    """

    def __init__(
        self,
        plan: Plan,
        manifest: Manifest,
        options: Options,
        progress: Progress,
        explain: Callable[[BaseException], EngineError],
    ) -> None:
        self._plan = plan
        self._source = plan.source.store
        self._target = plan.target.store
        self._manifest = manifest
        self._options = options
        self._progress = progress
        self._explain = explain
        self._budget = Budget(_MEMORY)
        self._bandwidth = Bandwidth(options.bandwidth)
        self._down = threading.Event()
        self._uploads = ending.Uploads()
        self._lock = threading.Lock()
        self._planned: set[str] = set()
        self.result = Result(prefix=plan.target_prefix[: plan.target_prefix.rfind("/") + 1])

    def run(self) -> Result:
        """Do it; when a signal ends it, nothing is left behind."""
        dryrun = self._options.dryrun
        with nullcontext() if dryrun else ending.tidied(self._abandon):
            try:
                with ThreadPoolExecutor(self._options.parallel) as pool:
                    (self._look if dryrun else self._run)(pool)
            finally:
                self._manifest.flush()
        self.result.retries = self._source.retries() + self._target.retries()
        self.result.seconds = self._progress.seconds
        return self.result

    def _look(self, pool: ThreadPoolExecutor) -> None:
        rows, there, steps = self._ask_all(pool)
        for step in steps:
            row = rows.get(step.key)
            if row and row.proves(step.item, there.get(step.key)):
                self._keep(row)
            else:
                self.result.would_move.append(step.key)
                self.result.bytes += step.item.size
        self.result.deleted = self._surplus(there)

    def _run(self, pool: ThreadPoolExecutor) -> None:
        rows, there, steps = self._ask_all(pool)
        self._tidy(rows)
        for step in steps:
            if self._down.is_set():
                break
            row = rows.get(step.key)
            if row and row.proves(step.item, there.get(step.key)):
                self._keep(row)
            else:
                self._submit(pool, step)
        self._progress.listed = True
        self._budget.drained()
        self._check_store(pool, len(there))
        self._delete(there, rows)

    def _ask_all(
        self, pool: ThreadPoolExecutor
    ) -> tuple[dict[str, Row], dict[str, Item], Iterable[Step]]:
        """Ask database, target and source at the same time."""
        steps = self._steps()
        there = pool.submit(self._there)
        first = pool.submit(lambda: list(itertools.islice(steps, 1)))
        rows = self._manifest.rows()
        return rows, there.result(), itertools.chain(first.result(), steps)

    def _steps(self) -> Iterator[Step]:
        """Give the steps, and note their keys: what is not among them is surplus."""
        for step in self._plan.steps():
            self._planned.add(step.key)
            yield step

    def _there(self) -> dict[str, Item]:
        """Give what the target holds."""
        plan = self._plan
        if plan.single:
            item = self._target.head(plan.target_prefix)
            return {item.key: item} if item else {}
        if self._target.kind == "local":
            if self._options.dryrun and not Path(self._target.place).is_dir():
                return {}
            self._target.make_place()
        return {item.key: item for item in self._target.list(plan.target_prefix)}

    def _tidy(self, rows: dict[str, Row]) -> None:
        """Remove what an interrupted run left."""
        left = [row for row in rows.values() if row.state == MOVING]
        for row in left:
            self._target.discard(row.key, row.upload, row.since)
            self._manifest.gone(row.key)

    def _keep(self, row: Row) -> None:
        self.result.unchanged += 1
        self.result.digests[row.key] = (row.sha256, row.size)

    def _submit(self, pool: ThreadPoolExecutor, step: Step) -> None:
        item = step.item
        if item.problem:
            self._fail(step.key, item, Refused(f"{self._source.service}: {item.problem}"))
            return
        self._progress.expect(item.size)
        if item.size <= _WHOLE:
            cost = max(item.size, _LEAST)
            self._budget.take(cost)
            pool.submit(self._move_small, step, cost)
            return
        try:
            part = part_size(item.size, self._target.limits)
            upload = self._begin_large(step)
        except Exception as error:
            self._fail(step.key, item, error)
            return
        offsets = range(0, item.size, part)
        assembly = Assembly(
            self._source, self._target, item, upload, len(offsets),
            lambda whole, error: self._end_large(step, whole, error), self._release,
        )  # fmt: skip
        for index, offset in enumerate(offsets):
            size = min(part, item.size - offset)
            self._budget.take(size)
            pool.submit(self._move_part, assembly, index, offset, size)

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
            if self._down.is_set():
                return
            self._bandwidth.wait(item.size)
            piece = self._source.read(item, 0, item.size) if item.size else self._empty(item)
            put, digest = self._target.put(step.key, piece), piece.sha256
            self._progress.moved(item.size)
            del piece
            self._arrived(step, digest, put)
        except Exception as error:
            self._fail(step.key, item, error)
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
            if now.sha256 not in ("", whole.digest):
                raise Tampered(f"{self._source.service}: {step.item.key!r} is not what was stored")
            self._arrived(step, whole.digest, whole.finish())
        except BaseException as failure:
            try:
                whole.upload.abort()
            except EngineError:
                # The row stays as it is, so the next run tries again.
                self._note(step.key, failure)
                return
            self._fail(step.key, step.item, failure)
        finally:
            self._uploads.ended(step.key)

    def _abandon(self) -> None:
        """Leave nothing behind, as this process is about to end."""
        self._down.set()
        self._uploads.abandon()
        # Small objects are stored at once: those that are on their way may arrive.
        self._budget.drained()
        self._manifest.flush()

    def _arrived(self, step: Step, digest: str, put: Put) -> None:
        if self._options.verify == "read":
            checks.reread(self._target, step.key, step.item.size, digest, put)
        self._manifest.done(step.key, step.item, digest, put)
        self._progress.arrived()
        with self._lock:
            self.result.moved[step.key] = put
            self.result.bytes += step.item.size
            self.result.digests[step.key] = (digest, step.item.size)

    def _check_store(self, pool: ThreadPoolExecutor, before: int) -> None:
        """Take back what the target does not hold as it was stored.

        :param before: how many objects it held
        """
        result, prefix = self.result, self._plan.target_prefix
        told = {key: (result.digests[key][1], put) for key, put in result.moved.items()}
        for key in checks.absent(self._target, prefix, told, before, pool.map):
            size = told[key][0]
            error = Tampered(f"{self._target.service}: {key!r} is not there as it was stored")
            self._fail(key, Item(key, size, ""), error)
            del result.moved[key], result.digests[key]
            result.bytes -= size

    def _delete(self, there: dict[str, Item], rows: dict[str, Row]) -> None:
        if self.result.failures or not self._options.delete:
            return
        for key in self._surplus(there):
            self._target.delete(key)
            self.result.deleted.append(key)
            if key in rows:
                self._manifest.gone(key)

    def _surplus(self, there: dict[str, Item]) -> list[str]:
        if not self._options.delete:
            return []
        if self._plan.single:
            raise Refused(f"--delete: {self._plan.source} is one object: name a folder")
        if not self._planned and there:
            raise Refused(f"--delete: {self._plan.source} is empty: nothing is deleted")
        prefix = self._plan.target_prefix
        return [
            key
            for key in there
            if key not in self._planned and self._plan.wanted(key.removeprefix(prefix))
        ]

    def _fail(self, key: str, item: Item, error: BaseException) -> None:
        failure = self._note(key, error)
        self._manifest.failed(key, item, str(failure))

    def _note(self, key: str, error: BaseException) -> EngineError:
        failure = self._explain(error)
        if isinstance(failure, DependencyDown):
            # Nor will it answer for the others.
            self._down.set()
        with self._lock:
            self.result.failures[key] = failure
        return failure
