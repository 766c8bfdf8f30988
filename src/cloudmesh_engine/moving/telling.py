"""Tells of a run while it is at work, in MongoDB, where the REST API and the page look."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cloudmesh_engine.errors import EngineError
from cloudmesh_engine.moving.manifest import FAILED, RUNNING, Document, Manifest

# Who reads takes a run that has said nothing for a minute for interrupted.
_EVERY = 2.0


@contextmanager
def told(
    manifest: Manifest,
    report: Callable[[], Document],
    explain: Callable[[BaseException], str],
) -> Iterator[None]:
    """Keep others out, and tell how far the run is until it ends.

    :param report: describes the run as it is now
    :param explain: says what an exception means
    """
    ended, heard = threading.Event(), threading.Event()

    def work() -> None:
        # Also the first time from here: the stores can be asked before MongoDB answers.
        while True:
            if _tell(manifest, RUNNING, report()):
                heard.set()
            if ended.wait(_EVERY):
                return

    with manifest.held():
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            yield
        except BaseException as error:
            _end(thread, ended)
            # A MongoDB that never answered would only be waited for once more.
            if heard.is_set():
                _tell(manifest, FAILED, {**report(), "error": explain(error)})
            raise
        finally:
            _end(thread, ended)


def _tell(manifest: Manifest, state: str, report: Document) -> bool:
    """Say whether it was heard; a MongoDB that stays away ends the run by its own notes."""
    manifest.imported()
    from pymongo.errors import PyMongoError

    try:
        manifest.tell(state, report)
    except (EngineError, PyMongoError):
        return False
    return True


def _end(thread: threading.Thread, ended: threading.Event) -> None:
    ended.set()
    thread.join()
