"""Says what an error of Azure means: which exit code, and what to do."""

import contextlib
import json
import re
from collections.abc import Iterator
from typing import Any

from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

from cloudmesh_engine.errors import ActionFailed, ConfigError, DependencyDown, EngineError

_CREDENTIALS = (
    "check AZURE_TENANT_ID, AZURE_SUBSCRIPTION_ID, AZURE_APPLICATION_ID and AZURE_SECRET_KEY in "
    "cloudmesh.yaml"
)
_NO_ENTRY = {
    "AuthenticationFailed",
    "ExpiredAuthenticationToken",
    "InvalidAuthenticationToken",
    "InvalidAuthenticationTokenTenant",
    "InvalidSubscriptionId",
    "ReadOnlyDisabledSubscription",
    "SubscriptionNotFound",
}
_NO_RIGHT = {"AuthorizationFailed", "LinkedAuthorizationFailed"}
_NO_CAPACITY = {
    "AllocationFailed",
    "OverconstrainedAllocationRequest",
    "OverconstrainedZonalAllocationRequest",
    "SkuNotAvailable",
    "ZonalAllocationFailed",
}
_BUSY = {"AnotherOperationInProgress", "Conflict", "OperationPreempted", "RetryableError"}
# What it says, in words that are in its code or text.
_HINTS = {
    "quota": "delete what you do not need, or ask Azure for a higher quota",
    "countlimitreached": "delete what you do not need, or ask Azure for a higher quota",
    "vm size": "give a --flavor that Azure has in this region, like Standard_B1s",
    "platformimage": "give an --image that exists in this region",
    "publickeys": "give a --key that Azure takes: RSA with 2048 bits or more, or Ed25519",
    "admin username": "give another --username",
    "disallowedbypolicy": "a policy of your organisation forbids it: ask who made that",
    "nicinuse": "it is used, or was a moment ago: repeat in a minute",
    "nicreserved": "it is used, or was a moment ago: repeat in a minute",
    "invalidresourcereference": "something that it needs is gone: repeat",
    "locationnotavailable": "check AZURE_REGION in cloudmesh.yaml",
    "inuse": "delete the VMs that use it first",
}
# The names of all sizes of a region fill a screen, and what follows them says nothing.
_NOISE = re.compile(
    r" (The valid sizes in the current region are|Find out more|For more details|Trace ID"
    r"|To resolve it|Please read more|Submit a request).*",
    re.S,
)


@contextlib.contextmanager
def translated(*ignore: str) -> Iterator[None]:
    """Turn what Azure's client raises into our errors.

    :param ignore: error codes that are no failure here
    """
    try:
        yield
    except HttpResponseError as error:
        if code(error) not in ignore:
            raise _explain(error) from error
    except (ServiceRequestError, ServiceResponseError) as error:
        raise DependencyDown(f"Azure does not answer: {_line(str(error))}") from error
    except AzureError as error:
        # As a reply that cannot be read: nobody knows whether it happened.
        raise DependencyDown(f"Azure: {_line(str(error))}") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DependencyDown(
            "Azure: an answer that is no JSON: repeat, or look for a proxy"
        ) from error
    except ValueError as error:
        raise ConfigError(f"Azure: {_line(str(error))}: {_CREDENTIALS}") from error


def code(error: HttpResponseError) -> str:
    """Give Azure's code of an error; its status where it has none."""
    return str(getattr(error.error, "code", None) or error.status_code or "unknown error")


def is_absent(error: HttpResponseError) -> bool:
    """Say whether what was asked for is not there; without its subscription nothing can be said."""
    what = code(error)
    return error.status_code == 404 and what.endswith("NotFound") and what not in _NO_ENTRY


def explained(code: str, message: str, status: int = 0, pause: str = "") -> EngineError:
    """Make our error of Azure's.

    :param status: of the HTTP answer; 0 if the error is of an operation that ended
    :param pause: seconds after which Azure wants to be asked again
    """
    line = f"Azure: {code}: {_line(message)}"
    if code in _NO_ENTRY or status == 401:
        return DependencyDown(f"{line}: {_CREDENTIALS}")
    if code in _NO_RIGHT:
        return DependencyDown(f"{line}: give the service principal the role Contributor")
    if status == 429:
        when = f"in {pause} s" if pause else "later"
        return DependencyDown(f"{line}: Azure limits how often it is asked: try again {when}")
    if status >= 500 or code == "InternalServerError":
        return DependencyDown(f"{line}: Azure has a problem: try again later")
    if code in _NO_CAPACITY:
        return ActionFailed(f"{line}: try later, or another --flavor")
    if code in _BUSY:
        return ActionFailed(f"{line}: Azure is still busy with it: repeat in a minute")
    return ActionFailed(line + hint(f"{code} {message}"))


def hint(text: str) -> str:
    """Say what to do about what Azure says."""
    words = text.lower()
    return next((f": {advice}" for word, advice in _HINTS.items() if word in words), "")


def refused_login(number: int, text: str) -> DependencyDown:
    """Make our error of what Azure's login says."""
    advice = _CREDENTIALS
    if number == 7000222:
        advice = "the secret has expired: make another, by az ad app credential reset"
    return DependencyDown(f"Azure: {_line(text)}: {advice}")


def no_login(error: Any) -> DependencyDown:
    """Say that no login was found at all."""
    first = str(error).strip().splitlines()[0]
    return DependencyDown(f"Azure: {_line(first)}: {_CREDENTIALS}, or log in by az login")


def _explain(error: HttpResponseError) -> EngineError:
    headers: Any = getattr(error.response, "headers", None) or {}
    message = str(getattr(error.error, "message", None) or error.reason or "")
    return explained(
        code(error), message, error.status_code or 0, str(headers.get("Retry-After") or "")
    )


def _line(text: str) -> str:
    return " ".join(_NOISE.sub("", text).split()).rstrip(": .")
