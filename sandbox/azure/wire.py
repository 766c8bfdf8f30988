"""What comes in and what goes out: a call of Azure's resource manager, its answer, its errors."""

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Document = dict[str, Any]

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)


class ArmError(Exception):
    """An error in the form that Azure gives it."""

    def __init__(self, status: int, code: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def answer(self) -> "Answer":
        """Give it as an answer."""
        return Answer(
            self.status, {"error": {"code": self.code, "message": str(self)}}, self.headers
        )


@dataclass
class Answer:
    """What a client gets; `text` in place of a document is sent as it is."""

    status: int
    body: Document | None = None
    headers: dict[str, str] = field(default_factory=dict)
    text: str | None = None


@dataclass
class Call:
    """What a client sent."""

    method: str
    target: str
    headers: Any
    raw: bytes
    address: str = ""

    def __post_init__(self) -> None:
        parts = urlsplit(self.target)
        self.path = unquote(parts.path)
        self.query = {key.lower(): values[0] for key, values in parse_qs(parts.query).items()}

    @property
    def body(self) -> Document:
        """The JSON object that was sent; Azure refuses anything else."""
        try:
            body = json.loads(self.raw)
        except ValueError as error:
            raise ArmError(400, "InvalidRequestContent", f"The request content was invalid and could not be deserialized: '{error}'.") from error  # fmt: skip
        if not isinstance(body, dict):
            raise ArmError(400, "InvalidRequestContent", "The request content is no object.")
        return body


@dataclass
class Place:
    """What a path means: /subscriptions/S/resourceGroups/G/providers/N/TYPE/NAME[/MORE…]."""

    subscription: str = ""
    group: str = ""
    kind: str = ""
    names: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name of the resource itself."""
        return self.names[0] if self.names else ""


def place(path: str) -> Place:
    """Read a path; names keep their case, of which Azure takes no notice."""
    words = path.strip("/").split("/")
    if len(words) < 2 or words[0].lower() != "subscriptions" or not all(words):
        raise ArmError(404, "InvalidResource", f"The path '{path}' is not known here.")
    if not _GUID.fullmatch(words[1]):
        raise ArmError(400, "InvalidSubscriptionId", f"The provided subscription identifier '{words[1]}' is malformed or invalid.")  # fmt: skip
    found, rest = Place(words[1].lower()), words[2:]
    if rest[:1] and rest[0].lower() == "resourcegroups":
        if len(rest) < 2 or rest[2:3] == []:
            found.kind, found.names = "resourcegroups", rest[1:]
            return found
        found.group, rest = rest[1], rest[2:]
    if len(rest) < 3 or rest[0].lower() != "providers":
        raise ArmError(404, "InvalidResource", f"The path '{path}' is not known here.")
    found.kind, found.names = f"{rest[1]}/{rest[2]}".lower(), rest[3:]
    return found
