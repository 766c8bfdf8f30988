"""What there is: things by their collection and name, with what Google adds to each."""

import base64
import hashlib
import ipaddress
import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import catalogue
from answers import Document, Refusal, not_found

ROOT = f"projects/{catalogue.PROJECT}"
# Google's times are California's.
_CALIFORNIA = timezone(timedelta(hours=-8))
# Reserved for benchmarks (RFC 2544): nobody answers there, and nobody is reached by mistake.
_OUTSIDE = ipaddress.ip_network("198.18.0.0/15")
_PLAIN = {"metadata", "labels", "commonInstanceMetadata"}


class Store:
    """All things; `place` is the path of a collection below the project's."""

    def __init__(self) -> None:
        self._things: dict[str, dict[str, Document]] = {}
        self._outside = iter(_OUTSIDE.hosts())
        self._inside = {
            region: iter(list(ipaddress.ip_network(block).hosts())[1:])
            for region, block in catalogue.REGIONS.items()
        }

    def all(self, place: str) -> list[Document]:
        """Give the things of a collection by name."""
        return [thing for _, thing in sorted(self._things.get(place, {}).items())]

    def find(self, place: str, name: str) -> Document:
        """Give a thing by its name or id."""
        things = self._things.get(place, {})
        for thing in things.values():
            if name in (thing["name"], thing["id"]):
                return thing
        raise not_found(f"{ROOT}/{place}/{name}")

    def add(self, place: str, thing: Document) -> Document:
        """Add a thing, unless its name is taken."""
        things = self._things.setdefault(place, {})
        path = f"{ROOT}/{place}/{thing['name']}"
        if thing["name"] in things:
            raise Refusal(409, "alreadyExists", f"The resource '{path}' already exists")
        made = {
            "kind": kind_of(place),
            "id": str(10**18 + secrets.randbelow(8 * 10**18)),
            "creationTimestamp": now(),
            "selfLink": path,
            **thing,
        }
        for scope in ("zone", "region"):
            if place.startswith(f"{scope}s/"):
                made[scope] = f"{ROOT}/{scope}s/{place.split('/')[1]}"
        things[made["name"]] = made
        return made

    def rename(self, place: str, thing: Document, name: str) -> None:
        """Give a thing another name, unless that is taken."""
        things = self._things[place]
        if name in things:
            path = f"{ROOT}/{place}/{name}"
            raise Refusal(409, "alreadyExists", f"The resource '{path}' already exists")
        del things[thing["name"]]
        thing["name"] = name
        thing["selfLink"] = f"{ROOT}/{place}/{name}"
        things[name] = thing

    def remove(self, place: str, thing: Document) -> None:
        """Remove a thing, if it is still there."""
        things = self._things.get(place, {})
        if things.get(thing["name"]) is thing:
            del things[thing["name"]]

    def outside_address(self) -> str:
        """Give a public address."""
        return _next(self._outside)

    def inside_address(self, region: str) -> str:
        """Give an address of a region's subnet."""
        return _next(self._inside[region])


def kind_of(place: str) -> str:
    """Name the kind of the things in a collection."""
    plural = place.rpartition("/")[2]
    return "compute#" + ("address" if plural == "addresses" else plural.removesuffix("s"))


def now() -> str:
    """Give the time as Google writes it."""
    return datetime.now(UTC).astimezone(_CALIFORNIA).isoformat(timespec="milliseconds")


def fingerprint(content: object) -> str:
    """Mark a content, so that a change of another one is noticed."""
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).digest()
    return base64.urlsafe_b64encode(digest[:8]).decode()


def shown(value: Any, origin: str) -> Any:
    """Copy a thing with the service's address before each path."""
    if isinstance(value, dict):
        return {
            key: part if key in _PLAIN else shown(part, origin)
            for key, part in value.items()
            if not key.startswith("_")
        }
    if isinstance(value, list):
        return [shown(part, origin) for part in value]
    if isinstance(value, str) and value.startswith("projects/"):
        return f"{origin}/compute/v1/{value}"
    return value


def _next(addresses: Iterator[Any]) -> str:
    try:
        return str(next(addresses))
    except StopIteration:
        raise Refusal(403, "quotaExceeded", "Quota 'IN_USE_ADDRESSES' exceeded.") from None
