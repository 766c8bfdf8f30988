"""What a person sees while objects are moved: a bar on a terminal, a line now and then in a log."""

import sys
import threading
import time
from types import TracebackType

_ON_TERMINAL, _IN_LOG = 0.2, 5.0
_WIDTH = 24


class Progress:
    """Counts what was moved, and shows it on stderr."""

    def __init__(self, shown: bool = True) -> None:
        self.files = self.bytes = self.files_known = self.bytes_known = 0
        self.listed = False
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._terminal = sys.stderr.isatty()
        self._shown = shown
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._show, daemon=True)

    def __enter__(self) -> "Progress":
        if self._shown:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._end.set()
        if self._shown:
            self._thread.join()
            if self._terminal:
                print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    @property
    def seconds(self) -> float:
        """Since the begin."""
        return time.monotonic() - self._began

    def expect(self, size: int) -> None:
        """Note that one more object has to be moved."""
        with self._lock:
            self.files_known += 1
            self.bytes_known += size

    def moved(self, size: int) -> None:
        """Note that some bytes were moved."""
        with self._lock:
            self.bytes += size

    def arrived(self) -> None:
        """Note that an object arrived."""
        with self._lock:
            self.files += 1

    def line(self) -> str:
        """Describe the state in one line."""
        speed = self.bytes / max(self.seconds, 0.001)
        more = "" if self.listed else "+"
        left = (self.bytes_known - self.bytes) / speed if speed and self.listed else None
        end = f", {left:.0f} s left" if left is not None else ""
        return (
            f"{self.files}/{self.files_known}{more} files, {_size(self.bytes)} of "
            f"{_size(self.bytes_known)}{more}, {_size(speed)}/s{end}"
        )

    def _show(self) -> None:
        while not self._end.wait(_ON_TERMINAL if self._terminal else _IN_LOG):
            if self._terminal:
                share = self.bytes / self.bytes_known if self.bytes_known else 0.0
                bar = "#" * int(share * _WIDTH)
                text = f"\r\x1b[K[{bar:<{_WIDTH}}] {self.line()}"
                print(text, end="", file=sys.stderr, flush=True)
            else:
                print(f"cms: {self.line()}", file=sys.stderr, flush=True)


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
