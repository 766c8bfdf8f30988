"""Says what an error of Google means: which exit code, and what to do."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from google.auth import exceptions as auth_errors
from requests import exceptions as http_errors

from cloudmesh_engine.errors import ActionFailed, ConfigError, DependencyDown, EngineError

_CREDENTIALS = (
    "check credentials in cloudmesh.yaml: access_token or path_to_json_file, and whether it was "
    "deleted or has expired"
)
_THROTTLED = {"rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED"}
_QUOTA = {"quotaExceeded", "limitExceeded", "QUOTA_EXCEEDED", "LIMIT_EXCEEDED"}
_NO_CAPACITY = ("ZONE_RESOURCE_POOL_EXHAUSTED", "resourcePoolExhausted", "STOCKOUT")
_THERE = {"alreadyExists", "RESOURCE_ALREADY_EXISTS"}
_BUSY = {"resourceNotReady", "RESOURCE_NOT_READY", "conditionNotMet", "CONDITION_NOT_MET"}
_HINTS = {
    "'projects/": "check credentials.project in cloudmesh.yaml",
    "machine type": "give a --flavor that the zone has",
    "machinetype": "give a --flavor that the zone has",
    "subnetwork": "give a --network that the region has",
    "image": "give an --image that exists",
    "zone": "check credentials.datacenter in cloudmesh.yaml",
}


class Problem(Exception):
    """What Compute Engine answered to a call, or what became of an operation."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"Google: {reason}: {message}".rstrip(": .") if message else "Google")
        self.status = status
        self.reason = reason
        self.message = message

    @property
    def passes(self) -> bool:
        """Whether the same call may do better in a moment."""
        return self.status >= 500 or self.is_throttle

    @property
    def is_throttle(self) -> bool:
        """Whether Google was asked too often."""
        return self.status == 429 or self.reason in _THROTTLED

    @property
    def is_there(self) -> bool:
        """Whether something has the name already."""
        return self.reason in _THERE

    @property
    def is_stale(self) -> bool:
        """Whether somebody else was faster with a change of the same thing."""
        return self.status == 412


def problem(status: int, content: Mapping[str, Any]) -> Problem:
    """Read an error, as an answer or as an operation tells it."""
    told = content.get("error")
    if not isinstance(told, Mapping):
        return Problem(status, f"HTTP {status}", "no reason is given")
    first: Mapping[str, Any] = next(iter(told.get("errors") or []), {})
    reason = str(first.get("reason") or first.get("code") or told.get("status") or "")
    message = str(first.get("message") or told.get("message") or "")
    return Problem(status, reason or f"HTTP {status}", " ".join(message.split()) or "no reason")


@contextlib.contextmanager
def translated(ignore: int = 0) -> Iterator[None]:
    """Turn what Google and its libraries raise into our errors.

    :param ignore: an HTTP status that is no failure here
    """
    try:
        yield
    except Problem as error:
        if error.status != ignore:
            raise _explain(error) from error
    except auth_errors.RefreshError as error:
        raise DependencyDown(f"Google: {_line(error)}: {_CREDENTIALS}") from error
    except auth_errors.TransportError as error:
        raise DependencyDown(f"Google's login does not answer: {_line(error)}") from error
    except auth_errors.GoogleAuthError as error:
        raise DependencyDown(f"Google: {_line(error)}: {_CREDENTIALS}") from error
    except (http_errors.InvalidURL, http_errors.MissingSchema, http_errors.InvalidSchema) as error:
        raise ConfigError(f"Google: {_line(error)}: check credentials.endpoint") from error
    except http_errors.RequestException as error:
        raise DependencyDown(f"Google does not answer: {_line(error)}") from error


def _explain(error: Problem) -> EngineError:
    line = str(error)
    if error.status == 401:
        return DependencyDown(f"{line}: {_CREDENTIALS}")
    if error.is_throttle:
        return DependencyDown(f"{line}: Google limits how often it is asked: try again later")
    if error.reason in _QUOTA:
        return ActionFailed(f"{line}: delete what you do not need, or ask Google for more quota")
    if error.reason.startswith(_NO_CAPACITY):
        return ActionFailed(f"{line}: try later, another --flavor, or another zone")
    if error.status == 403:
        return DependencyDown(
            f"{line}: give the account a role that allows it, and enable the Compute Engine API"
        )
    if error.status >= 500:
        return DependencyDown(f"{line}: Google has a problem: try again later")
    if error.reason in _BUSY:
        return ActionFailed(f"{line}: it is being changed: repeat the command")
    return ActionFailed(line + _hint(error.message))


def _hint(message: str) -> str:
    words = message.lower()
    if "'projects/" in words and words.split("'")[1].count("/") > 1:
        # The path of a thing begins with its project.
        words = words.split("'")[1].rsplit("/", 2)[1]
    return next((f": {advice}" for word, advice in _HINTS.items() if word in words), "")


def _line(error: Exception) -> str:
    # Some come with the answer that they read as a second argument.
    text = str(error.args[0]) if error.args else str(error)
    return " ".join(text.split()).rstrip(": .")
