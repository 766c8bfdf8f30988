"""A cloud that needs no help to be strict: calls pass as they are."""

from typing import Any

from upstream import Answer, Request, Upstream


class Rest:
    """Any cloud but the emulated EC2."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    def call(self, request: Request, _hide: float) -> Answer:
        """Pass a call on."""
        return self._upstream.forward(request)

    def launched(self) -> list[dict[str, Any]]:
        """Return nothing: what was launched, the cloud itself knows."""
        return []

    def forget(self) -> None:
        """Have nothing to forget."""
