"""Asks a target whether it holds what it was given."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cloudmesh_engine.stores import MIB, Put, Store
from cloudmesh_engine.stores.faults import Tampered

_REREAD = 4 * MIB
# Asking for so many objects takes no longer than a page of a listing, which has a thousand.
_ASK_EACH, _PAGE = 4, 1000


def absent(
    store: Store,
    prefix: str,
    told: Mapping[str, tuple[int, Put]],
    before: int,
    at_once: Callable[..., Iterable[Any]],
) -> list[str]:
    """Give the keys that are not there with the size and the tag that the store told.

    :param told: size and tag of each key; all begin with the prefix
    :param before: how many objects the store held below the prefix
    :param at_once: `map` of whoever has threads
    """
    moved = {key: one for key, one in told.items() if one[1].etag and not one[1].seen}
    pages = 1 + (before + len(moved)) // _PAGE
    if len(moved) <= _ASK_EACH * pages:
        found = dict(zip(moved, at_once(store.head, moved), strict=True))
    else:
        found = {item.key: item for item in store.list(prefix)}
    return [
        key
        for key, (size, put) in moved.items()
        if not (there := found.get(key)) or (there.size, there.etag) != (size, put.etag)
    ]


def reread(store: Store, key: str, size: int, digest: str, put: Put) -> None:
    """Read an object back and compare its digest."""
    there = store.head(key)
    if key.endswith("/") and not size:
        return
    if not there or (there.size, there.etag) != (size, put.etag):
        raise Tampered(f"{store.service}: {key!r} is not what was stored")
    total = hashlib.sha256()
    for offset in range(0, size, _REREAD):
        total.update(store.read(there, offset, min(_REREAD, size - offset)).data)
    if total.hexdigest() != digest or there.sha256 not in ("", digest):
        raise Tampered(f"{store.service}: {key!r} reads back with other bytes")
