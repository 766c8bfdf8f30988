"""What is known of each object of a transfer, in MongoDB.

`transfers` has one document for each pair of source and target, which tells of its last run;
`transfer_pages` has a row for each object, many to a page, because a document for each object
would cost more than the move of a small one. Pages are only added while objects are moved; of an
object's rows the last one counts. When all is done they are packed anew.

    moving ── done      a row that is still `moving` was interrupted: its upload is removed
       ├───── failed    by the next run
       └───── gone      not there any more
"""

import fcntl
import functools
import hashlib
import importlib
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import ActionFailed, Refused
from cloudmesh_engine.state import state_dir
from cloudmesh_engine.stores import Item, Put, printable

Document = dict[str, Any]

MOVING, DONE, FAILED, GONE = "moving", "done", "failed", "gone"
RUNNING = "running"
_DRIVER = "cloudmesh_engine.mongo"
_ROWS_A_PAGE = 1000
# So many more than needed do no harm.
_LOOSE_PAGES = 10
_SECONDS_AT_MOST = 1.0


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of one object."""

    key: str
    size: int
    source_etag: str
    target_etag: str
    sha256: str
    state: str
    upload: str
    since: str

    def proves(self, item: Item, there: Item | None) -> bool:
        """Say whether source and target are still what they were after the last move."""
        return (
            self.state == DONE
            and there is not None
            and (self.source_etag, self.size) == (item.etag, item.size)
            and (self.target_etag, self.size) == (there.etag, there.size)
        )


class Manifest:
    """The rows of one transfer."""

    def __init__(self, settings: Settings, source: str, target: str) -> None:
        self._settings = settings
        self.id = hashlib.sha256(f"{source}\n{target}".encode()).hexdigest()[:32]
        # Which run of which DAG it belongs to, as Airflow's half says.
        run = os.environ.get("CLOUDMESH_RUN", "")
        about = {"source": source, "target": target, "run": run, "began": _now()}
        self._head = {"_id": self.id, **about}
        self._rows: dict[str, Document] = {}
        self._numbers: list[int] = []
        self._waiting: list[Document] = []
        self._read = False
        self._lock = threading.Lock()
        # Apart from the other: while one thread writes, the others go on noting.
        self._writing = threading.Lock()
        self._written = time.monotonic()
        # The driver takes as long to import as the stores take to give their first answers.
        self._importing = threading.Thread(target=_import_driver, daemon=True)
        self._importing.start()

    def imported(self) -> None:
        """Wait for the driver: of two threads that import it at once, one may see half of it."""
        self._importing.join()

    @functools.cached_property
    def _database(self) -> Any:
        self.imported()
        mongo = importlib.import_module(_DRIVER)
        server = mongo.server(self._settings)
        return mongo.client(server)[server.database]

    @functools.cached_property
    def _pages(self) -> Any:
        return self._database["transfer_pages"]

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other runs of the same transfer out; a run that is killed lets go."""
        file = state_dir() / "transfers.lock"
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(file, os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise ActionFailed(f"{file}: {error.strerror}: check CLOUDMESH_STATE_DIR") from error
        try:
            # One byte of one file for each transfer.
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, int(self.id[:12], 16))
        except OSError as error:
            os.close(handle)
            raise Refused(
                f"{self._head['source']} to {self._head['target']}: is being moved already: "
                "wait for that run"
            ) from error
        try:
            yield
        finally:
            os.close(handle)

    def rows(self) -> dict[str, Row]:
        """Read all rows, by their key at the target."""
        found = self._pages.find({"transfer": self.id})
        for page in sorted(found, key=lambda page: int(page["number"])):
            self._numbers.append(int(page["number"]))
            self._rows |= {row["key"]: row for row in page["rows"]}
        kept = {key: row for key, row in self._rows.items() if row["state"] != GONE}
        found_rows = {key: _row(row) for key, row in kept.items()}
        # From now on other threads add to them.
        self._read = True
        return found_rows

    def begin(self, key: str, item: Item, upload: str = "") -> None:
        """Note that a large object is being moved, before anything is left behind by it."""
        with self._lock:
            self._waiting.append(_document(key, item, MOVING) | {"upload": upload})
        self.flush()

    def done(self, key: str, item: Item, digest: str, put: Put) -> None:
        """Note that an object arrived."""
        row = _document(key, item, DONE)
        self._later(row | {"sha256": digest, "target_etag": put.etag})

    def failed(self, key: str, item: Item, error: str) -> None:
        """Note that an object did not arrive, and why."""
        self._later(_document(key, item, FAILED) | {"error": error})

    def gone(self, key: str) -> None:
        """Note that an object is not there any more, or its leftovers are not."""
        self._later(_document(key, Item(key, 0, ""), GONE))

    def flush(self) -> None:
        """Write what waits; before the rows were read, nobody knows the number of the page."""
        with self._writing:
            if self._read:
                self._flush()

    def tell(self, state: str, report: Document) -> None:
        """Note how far the run is, or how it ended."""
        document = {**self._head, "state": state, "updated": _now(), "report": report}
        self._database["transfers"].replace_one({"_id": self.id}, document, upsert=True)

    def close(self, report: Document) -> None:
        """Note how the run ended, and pack the pages."""
        self.flush()
        rows = [row for row in self._rows.values() if row["state"] != GONE]
        if len(self._numbers) > _LOOSE_PAGES + len(rows) // _ROWS_A_PAGE:
            old, self._numbers = self._numbers, [max(self._numbers)]
            # A kill in between leaves every row twice, which does no harm.
            for begin in range(0, len(rows), _ROWS_A_PAGE):
                self._add(rows[begin : begin + _ROWS_A_PAGE])
            self._pages.delete_many({"_id": {"$in": [self._name(number) for number in old]}})
        self.tell(FAILED if report["failed"] else DONE, report)

    def _later(self, row: Document) -> None:
        # Lost rows cost a second move of those objects, nothing else.
        with self._lock:
            self._waiting.append(row)
            late = time.monotonic() - self._written > _SECONDS_AT_MOST
            due = self._read and (late or len(self._waiting) >= _ROWS_A_PAGE)
        if due and self._writing.acquire(blocking=False):
            try:
                self._flush()
            finally:
                self._writing.release()

    def _flush(self) -> None:
        with self._lock:
            rows, self._waiting = self._waiting, []
            self._rows |= {row["key"]: row for row in rows}
        try:
            if rows:
                self._add(rows)
        except BaseException:
            # One of them may be all that tells of an upload that is about to begin.
            with self._lock:
                self._waiting[:0] = rows
            raise
        self._written = time.monotonic()

    def _add(self, rows: list[Document]) -> None:
        number = max(self._numbers, default=0) + 1
        page = {"_id": self._name(number), "transfer": self.id, "number": number, "rows": rows}
        if number == 1:
            self._pages.create_index("transfer")
        # Before it is sent: who loses the answer cannot know whether it is there.
        self._numbers.append(number)
        self._pages.insert_one(page)

    def _name(self, number: int) -> str:
        return f"{self.id}/{number}"


def _import_driver() -> None:
    # What is wrong with it is told where it is used.
    with suppress(ImportError):
        importlib.import_module(_DRIVER)


def _document(key: str, item: Item, state: str) -> Document:
    return {
        # BSON takes nothing but UTF-8, and one such name would cost all rows of its page.
        "key": printable(key),
        "source": item.shown,
        "size": item.size,
        "source_etag": item.etag,
        "target_etag": "",
        "sha256": "",
        "state": state,
        "upload": "",
        "updated": _now(),
    }


def _row(stored: Document) -> Row:
    return Row(
        key=stored["key"],
        size=stored["size"],
        source_etag=stored["source_etag"],
        target_etag=stored["target_etag"],
        sha256=stored["sha256"],
        state=stored["state"],
        upload=stored["upload"],
        since=stored["updated"],
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
