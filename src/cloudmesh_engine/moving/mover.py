"""One run of a transfer: skips what is there, moves the rest, checks it, deletes if told."""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

from cloudmesh_engine.errors import ActionFailed, EngineError, Refused
from cloudmesh_engine.moving import checks, ending
from cloudmesh_engine.moving.carrier import WHOLE, Carrier
from cloudmesh_engine.moving.manifest import MOVING, Manifest, Row
from cloudmesh_engine.moving.plan import Plan, Step
from cloudmesh_engine.moving.progress import Progress
from cloudmesh_engine.moving.result import Options, Result
from cloudmesh_engine.stores import Item, printable
from cloudmesh_engine.stores.faults import Tampered, unreadable


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
        self._carrier = Carrier(plan, manifest, options, progress, explain)
        self._planned: set[str] = set()
        self.result = self._carrier.result

    def run(self) -> Result:
        """Do it; when a signal ends it, nothing is left behind."""
        dryrun = self._options.dryrun
        with nullcontext() if dryrun else ending.tidied(self._carrier.abandon):
            try:
                with ThreadPoolExecutor(self._options.parallel) as pool:
                    self._work(pool)
            finally:
                self._carrier.close()
                self._manifest.flush()
        self.result.retries = self._source.retries() + self._target.retries()
        self.result.seconds = self._progress.seconds
        return self.result

    def _work(self, pool: ThreadPoolExecutor) -> None:
        try:
            (self._look if self._options.dryrun else self._run)(pool)
        except Exception:
            raise
        except BaseException:
            # Of a program that handles its end itself: the pool waits for all that was begun.
            self._carrier.stop()
            raise

    def _look(self, pool: ThreadPoolExecutor) -> None:
        asked, there, steps = self._ask_all(pool)
        rows = asked.result()
        for step in steps:
            row = rows.get(step.key)
            if step.item.problem:
                problem = unreadable(self._source.service, step.item)
                self.result.failures[printable(step.key)] = problem
            elif row and row.proves(step.item, there.get(step.key)):
                self._keep(row)
            else:
                self.result.would_move.append(step.key)
                self.result.bytes += step.item.size
        self.result.deleted = self._surplus(there)

    def _run(self, pool: ThreadPoolExecutor) -> None:
        asked, there, steps = self._ask_all(pool)
        known = functools.cache(lambda: self._known(asked))
        for step in steps:
            if self._carrier.down.is_set():
                break
            # No row proves an object that is not there, and MongoDB is the last to answer. What
            # is left of an upload has to go before the next of that key begins.
            if there or asked.done() or step.item.size > WHOLE:
                row = known().get(step.key)
                if row and row.proves(step.item, there.get(step.key)):
                    self._keep(row)
                    continue
            self._carrier.submit(pool, step)
        self._carrier.submit_waiting(pool)
        self._progress.listed = True
        rows = known()
        self._carrier.drained()
        noted = pool.submit(self._manifest.flush)
        self._check_store(pool, len(there))
        noted.result()
        self._delete(there, rows)

    def _ask_all(
        self, pool: ThreadPoolExecutor
    ) -> tuple[Future[dict[str, Row]], dict[str, Item], Iterable[Step]]:
        """Ask database, target and source at the same time; do not wait for the database."""
        steps = self._steps()
        there = pool.submit(self._there)
        first = pool.submit(lambda: list(itertools.islice(steps, 1)))
        rows = pool.submit(self._manifest.rows)
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

    def _known(self, asked: Future[dict[str, Row]]) -> dict[str, Row]:
        """Wait for the rows, and remove what an interrupted run left."""
        try:
            rows = asked.result()
        except BaseException:
            # What waits for its turn is not begun: nobody could note it.
            self._carrier.down.set()
            raise
        left = [row for row in rows.values() if row.state == MOVING]
        for row in left:
            self._target.discard(row.key, row.upload, row.since)
            if row.key not in self._planned:
                # Of the others there will be another row, or is one already.
                self._manifest.gone(row.key)
        return rows

    def _keep(self, row: Row) -> None:
        self.result.unchanged += 1
        self.result.digests[row.key] = (row.sha256, row.size)

    def _check_store(self, pool: ThreadPoolExecutor, before: int) -> None:
        """Take back what the target does not hold as it was stored.

        :param before: how many objects it held
        """
        result, prefix = self.result, self._plan.target_prefix
        told = {key: (result.digests[key][1], put) for key, put in result.moved.items()}
        for key in checks.absent(self._target, prefix, told, before, pool.map):
            size = told[key][0]
            error = Tampered(f"{self._target.service}: {key!r} is not there as it was stored")
            self._carrier.fail(key, Item(key, size, ""), error)
            del result.moved[key], result.digests[key]
            result.bytes -= size

    def _delete(self, there: dict[str, Item], rows: dict[str, Row]) -> None:
        for key in self._surplus(there):
            self._target.delete(key)
            self.result.deleted.append(key)
            if key in rows:
                self._manifest.gone(key)

    def _surplus(self, there: dict[str, Item]) -> list[str]:
        if self.result.failures or not self._options.delete:
            return []
        if self._plan.single:
            raise Refused(f"--delete: {self._plan.source} is one object: name a folder")
        if not self._planned and there:
            raise Refused(f"--delete: {self._plan.source} is empty: nothing is deleted")
        prefix, wanted = self._plan.target_prefix, self._plan.wanted
        for key, item in there.items():
            if item.closed and wanted.reaches(key.removeprefix(prefix)):
                raise ActionFailed(f"{unreadable(self._target.service, item)}: nothing is deleted")
        return [
            key
            for key, item in there.items()
            if key not in self._planned and not item.closed and wanted(key.removeprefix(prefix))
        ]
