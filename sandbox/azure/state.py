"""What the fake Azure holds: resources by their id, and operations that take their time."""

import copy
import itertools
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from wire import ArmError, Document

TENANT = "a2d00000-0000-4000-8000-000000000001"
SUBSCRIPTION = "a2d00000-0000-4000-8000-000000000002"
APPLICATION = "a2d00000-0000-4000-8000-000000000003"
SECRET = "sandbox-secret-key"  # noqa: S105 - it opens nothing but this fake
LOCATION = "eastus"
CORES = 100


@dataclass
class Operation:
    """A change that ends later: then `finish` makes it, or it fails with `error`."""

    resource: str
    ends: float
    finish: Callable[[], None]
    error: Document | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "InProgress"


@dataclass
class Event:
    """A line of the activity log."""

    resource: str
    operation: str
    time: str
    status: str = "Succeeded"


class State:
    """Everything, behind one lock.

    :param seconds: how long an operation takes
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        """Begin anew, with an empty subscription."""
        self.resources: dict[str, Document] = {}
        self.groups: dict[str, Document] = {}
        self.operations: dict[str, Operation] = {}
        self.tokens: dict[str, float] = getattr(self, "tokens", {})
        self.events: list[Event] = []
        self.launches: list[str] = []
        self.cores = CORES
        self.addresses = 1000
        self.secret = SECRET
        self.failures: list[Document] = []
        self.throttled: list[int] = []
        self.restricted: set[str] = set()
        self.numbers = itertools.count(4)

    def settle(self) -> None:
        """Let end what is due."""
        for operation in [*self.operations.values()]:
            if operation.status == "InProgress" and operation.ends <= time.monotonic():
                operation.status = "Failed" if operation.error else "Succeeded"
                operation.finish()

    def begin(
        self, resource: str, finish: Callable[[], None], error: Document | None = None
    ) -> dict[str, str]:
        """Begin an operation, and give the headers by which its end is seen."""
        operation = Operation(resource.lower(), time.monotonic() + self.seconds, finish, error)
        self.operations[operation.id] = operation
        pause = {"Retry-After": str(round(self.seconds))} if self.seconds >= 1 else {}
        return {"Azure-AsyncOperation": operation.id, **pause}

    def busy(self, resource: str) -> bool:
        """Say whether an operation on a resource has not ended."""
        return any(
            one.resource == resource.lower() and one.status == "InProgress"
            for one in self.operations.values()
        )

    def find(self, identity: object) -> Document | None:
        """Look a resource up by its id."""
        return self.resources.get(str(identity or "").lower())

    def need(self, identity: str) -> Document:
        """Give a resource, or say as Azure that it is not there."""
        found = self.find(identity)
        if not found:
            words = identity.split("/")
            kind = "/".join(words[6:])
            raise ArmError(404, "ResourceNotFound", f"The Resource '{kind}' under resource group '{words[4]}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix")  # fmt: skip
        return found

    def group(self, name: str) -> Document:
        """Give a resource group, or say as Azure that it is not there."""
        if name.lower() not in self.groups:
            raise ArmError(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")  # fmt: skip
        return self.groups[name.lower()]

    def of(self, kind: str, group: str = "") -> Iterator[Document]:
        """Give the resources of a type, of one group or of all."""
        for identity, resource in self.resources.items():
            inside = not group or f"/resourcegroups/{group.lower()}/" in identity
            if inside and str(resource["type"]).lower() == kind:
                yield resource

    def put(self, identity: str, kind: str, body: Document) -> tuple[Document, bool]:
        """Store a resource; give it, and whether it is new."""
        old = self.find(identity)
        fresh: Document = {
            **copy.deepcopy(body),
            "id": old["id"] if old else identity,
            "name": old["name"] if old else identity.rpartition("/")[2],
            "type": kind,
            "etag": f'W/"{uuid.uuid4()}"',
        }
        self.resources[identity.lower()] = fresh
        return fresh, old is None

    def drop(self, identity: object) -> None:
        """Remove a resource, if it is there."""
        self.resources.pop(str(identity or "").lower(), None)

    def note(self, resource: str, operation: str) -> None:
        """Write a line of the activity log."""
        self.events.append(Event(resource, operation, now()))


def now() -> str:
    """Give the time as Azure writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
