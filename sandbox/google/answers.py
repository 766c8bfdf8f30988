"""How Google says no, and the checks that more than one kind of thing has."""

import re
from collections.abc import Callable, Mapping
from typing import Any

Document = dict[str, Any]
Check = Callable[[str, Any], None]

NAME = r"(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)"
NOT_A_UUID = "Invalid value for field 'requestId': '{}'. Must be a valid UUID."
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
_METADATA_KEY = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_MOST_LABELS, _MOST_VALUE, _MOST_METADATA = 64, 256 * 1024, 512 * 1024


class Refusal(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message

    def content(self) -> Document:
        """Write it in the form of Google's REST interfaces."""
        entry = {"message": self.message, "domain": "global", "reason": self.reason}
        error = {"code": self.status, "message": self.message, "errors": [entry]}
        return {"error": error}


def invalid(field: str, value: object, why: str) -> Refusal:
    """Refuse a value of a request."""
    return Refusal(400, "invalid", f"Invalid value for field '{field}': '{value}'. {why}")


def not_found(path: str) -> Refusal:
    """Refuse a path that stands for nothing."""
    return Refusal(404, "notFound", f"The resource '{path}' was not found")


def not_ready(path: str) -> Refusal:
    """Refuse what cannot be done to a thing as it is now."""
    return Refusal(400, "resourceNotReady", f"The resource '{path}' is not ready")


def stale() -> Refusal:
    """Refuse a change of what was changed since it was read."""
    return Refusal(
        412, "conditionNotMet", "Supplied fingerprint does not match current fingerprint."
    )


def only(body: Mapping[str, Any], fields: Mapping[str, type], where: str) -> None:
    """Refuse a body with a field that the interface does not have, or of another type."""
    for key, value in body.items():
        if key not in fields:
            raise Refusal(
                400,
                "invalid",
                f"Invalid JSON payload received. Unknown name \"{key}\" at '{where}'",
            )
        # JSON's true is an int to Python.
        if not isinstance(value, fields[key]) or isinstance(value, bool) != (fields[key] is bool):
            raise invalid(f"{where}.{key}", value, "It has another type.")


def name(value: object, field: str = "resource.name") -> str:
    """Check a name as RFC 1035 wants it."""
    if not isinstance(value, str) or not re.fullmatch(NAME, value):
        raise invalid(field, value, f"Must be a match of regex '{NAME}'")
    return value


def request_id(value: str) -> str:
    """Check the id by which a repeated request is known; without one it is always new."""
    if value and (not _UUID.fullmatch(value.lower()) or not value.strip("0-")):
        raise Refusal(400, "invalid", NOT_A_UUID.format(value))
    return value.lower()


def labels(value: Mapping[str, Any], field: str = "resource.labels") -> dict[str, str]:
    """Check labels."""
    for key, text in value.items():
        if not _LABEL_KEY.fullmatch(key):
            raise invalid(field, key, "Label keys must match '[a-z][a-z0-9_-]{0,62}'.")
        if not isinstance(text, str) or not _LABEL_VALUE.fullmatch(text):
            raise invalid(field, text, "Label values must match '[a-z0-9_-]{0,63}'.")
    if len(value) > _MOST_LABELS:
        raise invalid(field, len(value), f"At most {_MOST_LABELS} labels.")
    return dict(value)


def metadata(value: Mapping[str, Any], field: str = "resource.metadata") -> list[Document]:
    """Check items of metadata."""
    only(value, {"items": list, "fingerprint": str, "kind": str}, field)
    items: list[Document] = []
    for number, item in enumerate(value.get("items", [])):
        only(item, {"key": str, "value": str}, f"{field}.items[{number}]")
        key = item.get("key", "")
        if not _METADATA_KEY.fullmatch(key) or key in [one["key"] for one in items]:
            raise invalid(f"{field}.items[{number}].key", key, "It is invalid, or there twice.")
        if len(item.get("value", "").encode()) > _MOST_VALUE:
            raise invalid(f"{field}.items[{number}].value", key, "It is too long.")
        items.append(dict(item))
    if sum(len(str(item)) for item in items) > _MOST_METADATA:
        raise invalid(field, "...", "It is too long.")
    return items
