"""Changes take a moment: a call gets an operation, which is to be polled until it is done.

A repeated request id gets the operation of the first call, whatever became of it.
"""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from answers import Document, Refusal, request_id
from store import ROOT, Store, now

DELAY = 0.05
_ids = itertools.count(int(time.time() * 1000))


@dataclass
class Change:
    """What a call asked for, and when it takes effect.

    :param effect: may still refuse
    """

    operation: Document
    due: float
    effect: Callable[[], None]


class Operations:
    """The operations of a project."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._changes: list[Change] = []
        self._asked: dict[str, Document] = {}

    def known(self, asked: str) -> Document | None:
        """Give the operation of an earlier call with a request id."""
        asked = request_id(asked)
        return self._asked.get(asked) if asked else None

    def begin(
        self, kind: str, place: str, target: Document, asked: str, effect: Callable[[], None]
    ) -> Document:
        """Accept a change.

        :param place: the collection of its target, or "" for the project
        """
        placed = place.startswith(("zones/", "regions/"))
        scope = "/".join(place.split("/")[:2]) if placed else "global"
        operation = self._store.add(
            f"{scope}/operations",
            {
                "kind": "compute#operation",
                "name": f"operation-{next(_ids)}-cloudmesh",
                "operationType": kind,
                "status": "RUNNING",
                "progress": 0,
                "user": "sandbox@sandbox.iam.gserviceaccount.com",
                "insertTime": now(),
                "startTime": now(),
                "targetId": target["id"],
                "targetLink": target.get("selfLink", ROOT),
                **({"clientOperationId": asked} if asked else {}),
            },
        )
        self._changes.append(Change(operation, time.monotonic() + DELAY, effect))
        if asked:
            self._asked[request_id(asked)] = operation
        return operation

    def settle(self) -> None:
        """Let the changes take effect that are due."""
        due = [change for change in self._changes if change.due <= time.monotonic()]
        self._changes = [change for change in self._changes if change not in due]
        for change in due:
            self._finish(change)

    def is_busy(self, target: Document) -> bool:
        """Say whether something is being done to a thing."""
        return any(one.operation["targetId"] == target["id"] for one in self._changes)

    def _finish(self, change: Change) -> None:
        ended: dict[str, Any] = {"status": "DONE", "progress": 100, "endTime": now()}
        try:
            change.effect()
        except Refusal as refusal:
            problem = {"code": refusal.reason, "message": refusal.message}
            ended |= {
                "error": {"errors": [problem]},
                "httpErrorStatusCode": refusal.status,
                "httpErrorMessage": refusal.reason,
            }
        change.operation.update(ended)
