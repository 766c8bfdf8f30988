"""How much memory and how much bandwidth a run may use."""

import threading
import time


class Budget:
    """Bytes that may be in memory at once. One thread takes, many give back.

    As only one thread takes, the oldest piece of work always has its memory: whoever waits for
    an older piece does not wait for ever.
    """

    def __init__(self, size: int) -> None:
        self._size = self._free = size
        self._changed = threading.Condition()

    def take(self, size: int) -> None:
        """Wait until there is room."""
        with self._changed:
            self._changed.wait_for(lambda: self._free >= size)
            self._free -= size

    def drained(self) -> None:
        """Wait until all of it is free."""
        with self._changed:
            self._changed.wait_for(lambda: self._free == self._size)

    def give_back(self, size: int) -> None:
        """Make room."""
        with self._changed:
            self._free += size
            self._changed.notify_all()


class Bandwidth:
    """Bytes a second, over all threads; 0 is no limit."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._lock = threading.Lock()
        self._free_at = 0.0

    def wait(self, size: int) -> None:
        """Wait until so many bytes may be read."""
        if not self._rate:
            return
        with self._lock:
            begin = max(time.monotonic(), self._free_at)
            self._free_at = begin + size / self._rate
        time.sleep(max(0.0, begin - time.monotonic()))
