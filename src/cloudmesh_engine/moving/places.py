"""What can be done with one place of a store: look, make, delete. Nothing is moved here."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cloudmesh_engine.errors import Refused
from cloudmesh_engine.moving import filters, plan
from cloudmesh_engine.moving.plan import Spot
from cloudmesh_engine.stores import Item, Store
from cloudmesh_engine.stores.faults import Lost, unreadable
from cloudmesh_engine.stores.local import Local
from cloudmesh_engine.stores.piece import Piece

Document = dict[str, Any]
# A glob that says nothing of what it means.
_ALL = re.compile(r"[*?/]+")


def here(text: str) -> Spot:
    """Give a place of this machine by its path."""
    path = Path(os.path.abspath(Path(text).expanduser()))
    if text.endswith("/") or path.is_dir():
        return Spot(Local("local", path), "")
    return Spot(Local("local", path.parent), path.name)


def present(spot: Spot) -> Spot:
    """Make sure that a place of this machine is there, before a cloud is asked for anything."""
    path = Path(spot.store.place)
    if not plan.wild(spot.path):
        path /= spot.path
    if not path.exists():
        raise Lost(f"{path}: no such file or folder: check the path")
    return spot


def search(spot: Spot, name: str, deep: bool) -> Iterator[Item]:
    """Give the objects below a folder whose name matches a glob."""
    folder, wanted = plan.folder(spot.path), filters.pattern(name)
    found = False
    for item in spot.store.list(folder, deep):
        if item.closed:
            raise unreadable(spot.store.service, item)
        if not item.folder and wanted.fullmatch(item.key.removeprefix(folder)):
            found = True
            yield item
    if not found:
        hint = "look elsewhere" if deep else "add --recursive to look below it as well"
        raise Lost(f"{spot.store.service}: no {name} in {folder or '/'}: {hint}")


def make_folder(spot: Spot) -> bool:
    """Make a folder, and the bucket if there is none; false if it was there."""
    store, path = spot.store, spot.path.rstrip("/")
    new = store.make_place()
    if not path:
        return new
    if isinstance(store, Local):
        return store.make_folder(path)
    if next(iter(store.list(f"{path}/")), None):
        return False
    # An empty object that ends with a slash: what the clouds' own consoles show as a folder.
    store.put(f"{path}/", Piece(b""))
    return True


def delete(spot: Spot, recursive: bool, dryrun: bool = False) -> list[Item]:
    """Delete an object, what matches a glob, or a folder; give what was deleted."""
    if not spot.path or (plan.wild(spot.path) and _ALL.fullmatch(spot.path)):
        raise Refused(f"{spot}: would delete all there is: name a folder or an object")
    items = list(plan.find(spot, deep=True))
    exact = any(item.key == spot.path for item in items)
    if not (exact or recursive or plan.wild(spot.path)):
        raise Refused(f"{spot} is a folder of {len(items)} objects: add --recursive")
    for item in items:
        if not dryrun:
            spot.store.delete(item.key)
    return items


def record(store: Store, item: Item, **more: Any) -> Document:
    """Describe an object."""
    kind = "folder" if item.folder else "file"
    about = {"storage": store.service, "name": item.shown, "kind": kind, "size": item.size}
    return {**more, **about, "modified": item.modified, "etag": item.etag.strip('"')}
