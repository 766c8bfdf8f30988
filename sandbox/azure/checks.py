"""What Azure refuses before it does anything: logins, versions, unknown members, bad names."""

import json
import re
import time
from pathlib import Path
from typing import Any

from state import LOCATION, SUBSCRIPTION, State
from wire import ArmError, Call, Document, Place

# What each type answers to: the version that the driver was written for. Azure knows many.
VERSIONS = {
    "resourcegroups": "2021-04-01",
    "microsoft.resources": "2021-04-01",
    "microsoft.compute": "2024-07-01",
    "microsoft.compute/disks": "2024-03-02",
    "microsoft.compute/skus": "2021-07-01",
    "microsoft.network": "2024-05-01",
    "microsoft.insights": "2015-04-01",
}
# Of the SDK's own models: `python -m shapes` makes it anew.
_SHAPES = json.loads(Path(__file__).with_name("shapes.json").read_text(encoding="utf-8"))
_NAMES = {
    "resourcegroups": r"[\w().-]{0,89}[\w()-]",
    "microsoft.compute/virtualmachines": r"[^\W_]([\w.-]{0,62}\w)?",
    "microsoft.compute/sshpublickeys": r"[^\W_]([\w.-]{0,78}\w)?",
}
_OTHER_NAME = r"[^\W_]([\w.-]{0,78}\w)?"


def login(state: State, call: Call) -> None:
    """Refuse whoever has no token, or an old one."""
    scheme, _, token = (call.headers.get("Authorization") or "").partition(" ")
    challenge = {"WWW_Authenticate": 'Bearer authorization_uri="https://login.windows.net/", error="invalid_token"'}  # fmt: skip
    if scheme != "Bearer" or not token:
        raise ArmError(401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.", **challenge)  # fmt: skip
    if token not in state.tokens:
        raise ArmError(401, "InvalidAuthenticationToken", "The access token is invalid.", **challenge)  # fmt: skip
    if state.tokens[token] < time.time():
        raise ArmError(401, "ExpiredAuthenticationToken", "The access token expiry UTC time is earlier than current UTC time.", **challenge)  # fmt: skip


def subscription(place: Place) -> None:
    """Refuse a subscription that the login does not open."""
    if place.subscription != SUBSCRIPTION:
        raise ArmError(404, "SubscriptionNotFound", f"The subscription '{place.subscription}' could not be found.")  # fmt: skip


def version(call: Call, kind: str) -> None:
    """Refuse a version of the interface that this type does not have."""
    given = call.query.get("api-version", "")
    if not given:
        raise ArmError(400, "MissingApiVersionParameter", "The api-version query parameter (?api-version=) is required for all requests.")  # fmt: skip
    provider = kind.partition("/")[0]
    if provider not in VERSIONS:
        raise ArmError(404, "InvalidResourceNamespace", f"The resource namespace '{provider}' is invalid.")  # fmt: skip
    known = VERSIONS.get(kind, VERSIONS[provider])
    if given != known:
        raise ArmError(400, "NoRegisteredProviderFound", f"No registered resource provider found for API version '{given}' for type '{kind}'. The supported api-versions are '{known}'.")  # fmt: skip


def name(kind: str, text: str) -> None:
    """Refuse a name that Azure does not allow."""
    longest = 64 if kind == "microsoft.compute/virtualmachines" else 90
    if not re.fullmatch(_NAMES.get(kind, _OTHER_NAME), text) or len(text) > longest:
        raise ArmError(400, "InvalidParameter" if "compute" in kind else "InvalidResourceName", f"The entity name '{text}' is invalid according to its validation rule.")  # fmt: skip


def location(body: Document) -> None:
    """Refuse another place than ours."""
    given = body.get("location")
    if not given:
        raise ArmError(400, "LocationRequired", "The location property is required for this definition.")  # fmt: skip
    if str(given).replace(" ", "").lower() != LOCATION:
        raise ArmError(400, "LocationNotAvailableForResourceType", f"The provided location '{given}' is not available. List of available regions is '{LOCATION}'.")  # fmt: skip


def tags(given: Any) -> None:
    """Refuse tags beyond Azure's limits."""
    if not isinstance(given, dict) or len(given) > 50:
        raise ArmError(400, "InvalidTags", "At most 50 tags, as an object of names and values.")
    for key, value in given.items():
        if not 0 < len(key) <= 512 or re.search(r"[<>%&\\?/]", key):
            raise ArmError(400, "InvalidTagNameCharacters", f"The tag name '{key}' has reserved characters '<,>,%,&,\\,?,/'.")  # fmt: skip
        if not isinstance(value, str) or len(value) > 256:
            raise ArmError(400, "InvalidTagValueLength", f"Tag value of '{key}' is no text of at most 256 characters.")  # fmt: skip


def members(body: Document, model: str) -> None:
    """Refuse what the model of a resource does not have, in all of its depth."""
    _members(body, model, "")


def _members(node: Any, model: str, where: str) -> None:
    if isinstance(node, list):
        for number, one in enumerate(node):
            _members(one, model, f"{where}[{number}]")
        return
    shape = _SHAPES.get(model)
    if shape is None:
        return
    if not isinstance(node, dict):
        raise ArmError(400, "InvalidRequestFormat", f"Cannot parse the request: '{where}' must be an object of type '{model}'.")  # fmt: skip
    for key, value in node.items():
        if key not in shape:
            raise ArmError(400, "InvalidRequestContent", f"Could not find member '{key}' on object of type '{model}'. Path '{where}.{key}'.".replace("'.", "'"))  # fmt: skip
        if shape[key] and value is not None:
            _members(value, shape[key], f"{where}.{key}")
