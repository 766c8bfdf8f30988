"""Says what an error of a store means: which exit code, and what to do."""

import json
import re
from typing import NoReturn
from xml.etree import ElementTree

from cloudmesh_engine.errors import ActionFailed, DependencyDown, EngineError, Refused
from cloudmesh_engine.stores import Item
from cloudmesh_engine.stores.answers import Reply

_NO_PLACE = {"NoSuchBucket", "ContainerNotFound", "InvalidBucketName", "NoSuchContainer"}
_TOO_LONG = {"KeyTooLongError", "KeyTooLong", "OutOfRangeInput", "InvalidResourceName"}
_LONGEST = 1024
_EXPIRED = re.compile("expired|RequestTimeTooSkewed", re.IGNORECASE)
_CREDENTIALS = {
    "awss3": "access_key_id and secret_access_key",
    "azureblob": "account_name and account_key",
    "google": "client_email and private_key (or path_to_json_file)",
}


class Changed(ActionFailed):
    """The object is not the one that was listed."""


class Lost(ActionFailed):
    """The object is not there any more."""


class Tampered(ActionFailed):
    """What a store gave is not what it holds, or not what we gave it."""


def unreadable(service: str, item: Item) -> EngineError:
    """Say why an object cannot be read, or a folder."""
    said = f"{service}: {item.key!r} {item.problem}"
    return Refused(said) if item.refused else ActionFailed(said)


def check_length(service: str, key: str | bytes) -> None:
    """Refuse a name that no cloud takes, before anything is sent."""
    if len(key) > _LONGEST:
        unit = "bytes" if isinstance(key, bytes) else "characters"
        raise Refused(f"{service}: its name there is longer than {_LONGEST} {unit}")


def code(reply: Reply) -> tuple[str, str]:
    """Give a store's own error code and its message."""
    text = reply.text
    named = reply.header("x-ms-error-code")
    try:
        if text.lstrip().startswith("{"):
            error = json.loads(text)["error"]
            reason = (error.get("errors") or [{}])[0].get("reason") or error.get("status") or ""
            return str(reason), _line(error.get("message"))
        if text.lstrip().startswith("<"):
            # expat reads no external entity, and an error is short.
            root = ElementTree.fromstring(text)  # noqa: S314
            found = {child.tag.rpartition("}")[2]: child.text or "" for child in root}
            return found.get("Code") or named, _line(found.get("Message"))
    except (ValueError, KeyError, TypeError, AttributeError, ElementTree.ParseError):
        pass
    return named, ""


def fail(service: str, kind: str, place: str, key: str, reply: Reply) -> NoReturn:
    """Raise what an answer deserves."""
    raise explain(service, kind, place, key, reply)


def explain(service: str, kind: str, place: str, key: str, reply: Reply) -> EngineError:
    """Turn an answer that is an error into one of ours."""
    name, message = code(reply)
    said = f"{service}: HTTP {reply.status} {name}: {message}".rstrip(": .")
    whole = place in message and kind == "google" and "bucket" in message
    if name in _NO_PLACE or (reply.status == 404 and (not key or whole)):
        return ActionFailed(
            f"{service}: there is no {place!r}: make it with "
            f"cms storage --storage={service} create dir / or correct cloudmesh.yaml"
        )
    if _EXPIRED.search(f"{name} {message}") and reply.status in (400, 401, 403):
        return DependencyDown(f"{said}: get a new token, and check the clock of this machine")
    if reply.status in (401, 403):
        what = _CREDENTIALS.get(kind, "the credentials")
        return DependencyDown(f"{said}: check {what} of storage {service} in cloudmesh.yaml")
    if name in _TOO_LONG:
        return ActionFailed(f"{said}: the name {key[:60]!r} is too long or not allowed there")
    if reply.status == 404:
        return Lost(f"{service}: there is no {key!r}: see cms storage --storage={service} list")
    if reply.status in (409, 412) and name in ("", "ConditionNotMet", "PreconditionFailed",
                                               "conditionNotMet"):  # fmt: skip
        return Changed(f"{service}: {key!r} was changed meanwhile: repeat the command")
    if reply.status == 429 or name in ("SlowDown", "ServerBusy"):
        return DependencyDown(f"{said}: it limits how often it is asked: try again later")
    if reply.status >= 500:
        return DependencyDown(f"{said}: the store has a problem: try again later")
    return ActionFailed(f"{said} ({key!r})" if key else said)


def _line(text: object) -> str:
    # Azure adds its request id and the time on lines of their own.
    return " ".join(str(text or "").split("\nRequestId")[0].split())
