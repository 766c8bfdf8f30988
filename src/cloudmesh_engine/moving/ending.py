"""What a run does that is told to end by a signal: leave nothing behind that costs money."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

from cloudmesh_engine.stores import Upload

_FATAL = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# Airflow's half kills after 2.5 s; what is left then is removed by the next run.
_SECONDS = 2.0


class Uploads:
    """The uploads that have begun and not ended."""

    def __init__(self) -> None:
        self._open: dict[str, Upload] = {}
        self._beginner = ThreadPoolExecutor(1)

    def begin(self, key: str, start: Callable[[], Upload]) -> Upload:
        """Begin an upload, and note it; not in this thread, which a signal may interrupt."""

        def work() -> Upload:
            upload = self._open[key] = start()
            return upload

        return self._beginner.submit(work).result()

    def ended(self, key: str) -> None:
        """Forget it: it is visible, or thrown away."""
        self._open.pop(key, None)

    def abandon(self) -> None:
        """Throw all of them away, side by side; also one that is only beginning."""
        self._abandon_open()
        self._beginner.shutdown()
        self._abandon_open()

    def _abandon_open(self) -> None:
        begun, self._open = self._open, {}
        every = [threading.Thread(target=_abandon, args=[one]) for one in begun.values()]
        for thread in every:
            thread.start()
        for thread in every:
            thread.join()


@contextlib.contextmanager
def tidied(tidy: Callable[[], None]) -> Iterator[None]:
    """Tidy up, for two seconds at most, before a signal ends this process in the block.

    Programs that have handlers of their own keep them.
    """

    def end(number: int, _frame: FrameType | None) -> None:
        # In a thread of its own: what the signal interrupts here may hold a lock.
        tidying = threading.Thread(target=tidy, daemon=True)
        tidying.start()
        tidying.join(_SECONDS)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    in_main = threading.current_thread() is threading.main_thread()
    ours = [one for one in _FATAL if in_main and signal.getsignal(one) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _abandon(upload: Upload) -> None:
    with contextlib.suppress(Exception):
        upload.abandon()
