"""Decides which object goes where: paths, folders, globs and filters. Nothing is moved here."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cloudmesh_engine.errors import ActionFailed, Refused, UsageError
from cloudmesh_engine.moving.filters import Filter, mask, reaches
from cloudmesh_engine.stores import Item, Store
from cloudmesh_engine.stores.faults import Lost, unreadable

_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Spot:
    """A store and a path in it: `SERVICE:PATH`."""

    store: Store
    path: str

    def __str__(self) -> str:
        if self.store.kind == "local":
            return f"{self.store.service}:{Path(self.store.place) / self.path}"
        return f"{self.store.service}:{self.path}"

    @property
    def name(self) -> str:
        """What the manifest knows it by: another bucket is another spot."""
        return f"{self.store.service}:{self.store.place}:{self.path}"


@dataclass(frozen=True)
class Step:
    """One object and its key at the target."""

    item: Item
    key: str


def split(text: str) -> tuple[str, str]:
    """Take `SERVICE:PATH` apart."""
    service, colon, path = text.partition(":")
    if not colon or not service:
        raise UsageError(f"{text!r}: write SERVICE:PATH, as in aws:folder/file or local:folder/")
    return service, path


def spot(store: Store, path: str) -> Spot:
    """Make a spot of a path as people write it."""
    if store.kind == "local" and path.strip("/") and path.startswith("/"):
        path = _in_directory(store, path)
    path = "" if path == "." else path.removeprefix("./")
    return Spot(store, path.removeprefix("/"))


@dataclass(frozen=True)
class Plan:
    """What a source means, and where its objects go.

    :param prefix: what the keys of all objects have in common
    :param base: what is cut off their keys
    :param single: the one object, if the source names one
    """

    source: Spot
    target: Spot
    wanted: Filter
    prefix: str
    base: str
    single: Item | None = None
    wild: re.Pattern[str] | None = None

    @property
    def target_prefix(self) -> str:
        """Below what the target's objects are."""
        path = self.target.path
        if self.single:
            return self.target_key(self.single)
        return path if not path or path.endswith("/") else f"{path}/"

    def target_key(self, item: Item) -> str:
        """Give the key of an object at the target."""
        path = self.target.path
        if not self.single:
            return self.target_prefix + item.key.removeprefix(self.base)
        name = item.key.rpartition("/")[2]
        return f"{path}{name}" if not path or path.endswith("/") else path

    def steps(self) -> Iterator[Step]:
        """Give every object that is meant, while the source is being listed."""
        if self.single:
            yield Step(self.single, self.target_key(self.single))
            return
        found = False
        for item in self.source.store.list(self.prefix):
            relative = item.key.removeprefix(self.base)
            if not (self._hides(item) if item.closed else self._names(item)):
                continue
            found = True
            if item.closed or (relative and self.wanted(relative)):
                yield Step(item, self.target_key(item))
        if not found and self.source.path:
            store = self.source.store.service
            raise Lost(
                f"{store}: there is no {self.source.path!r}: see cms storage --storage={store} list"
            )

    def _names(self, item: Item) -> bool:
        return not self.wild or bool(self.wild.fullmatch(item.key))

    def _hides(self, item: Item) -> bool:
        """Say whether a folder that nobody can look into may hold what is meant."""
        named = not self.wild or reaches(self.source.path, item.key)
        return named and self.wanted.reaches(item.key.removeprefix(self.base))


def make(source: Spot, target: Spot, wanted: Filter, recursive: bool = True) -> Plan:
    """Find out what the source names: an object, a folder or a glob."""
    path = source.path
    single = source.store.head(path) if path and not path.endswith("/") else None
    if single:
        plan = Plan(source, _into_folder(target), wanted, path, path, single)
        key = plan.target_key(single)
        if _rest(target.store, key, source.store, path) == "":
            raise Refused(f"{source} and {target} are the same object")
        return plan
    match = wild(path)
    if match:
        literal = path[: match.start()]
        return _apart(Plan(source, target, wanted, literal, base(path), wild=mask(path)))
    if not recursive:
        if path and not next(iter(source.store.list(folder(path))), None):
            service = source.store.service
            raise Lost(f"{service}: there is no {path!r}: see cms storage --storage={service} list")
        raise ActionFailed(f"{source} is a folder: add --recursive")
    return _apart(Plan(source, target, wanted, folder(path), folder(path)))


def spare_source(plan: Plan) -> None:
    """Refuse to delete at the target where the source would be deleted with it."""
    target = plan.target
    if _rest(plan.source.store, plan.base, target.store, plan.target_prefix) is not None:
        raise Refused(f"--delete: {plan.source} lies inside {target} and would be deleted")


def find(spot: Spot, deep: bool) -> Iterator[Item]:
    """Give the object that a path names, or what is in a folder, or what matches a glob."""
    path, store = spot.path, spot.store
    single = store.head(path) if path and not path.endswith("/") else None
    if single:
        yield single
        return
    match = wild(path)
    prefix = path[: match.start()] if match else folder(path)
    wanted = mask(path) if match else None
    found = False
    for item in store.list(prefix, deep or bool(match)):
        if item.closed and (not wanted or reaches(path, item.key)):
            raise unreadable(store.service, item)
        if not wanted or wanted.fullmatch(item.key):
            found = True
            yield item
    if path and not found:
        service = store.service
        raise Lost(f"{service}: there is no {path!r}: see cms storage --storage={service} list")


def wild(path: str) -> re.Match[str] | None:
    """Find the first wildcard of a path; what ends with a slash is a folder of just that name."""
    return None if path.endswith("/") else _WILD.search(path)


def folder(path: str) -> str:
    """Give the prefix of all that is in a folder."""
    return path if not path or path.endswith("/") else f"{path}/"


def base(path: str) -> str:
    """Give the folder that a path means: itself, or what comes before its first wildcard."""
    match = wild(path)
    return path[: path.rfind("/", 0, match.start()) + 1] if match else folder(path)


def _in_directory(store: Store, path: str) -> str:
    """Give what an absolute path names in the directory of a local service."""
    absolute, root = Path(path), Path(store.place)
    if not absolute.is_relative_to(root):
        raise Refused(
            f"{path} is not below {store.place}, the directory of {store.service}: "
            "use cms storage put or get for other places"
        )
    relative = absolute.relative_to(root)
    if ".." in relative.parts:
        raise Refused(
            f"{path}: '..' may lead outside {store.place}, the directory of {store.service}: "
            "write the path without it"
        )
    tail = "/" if path.endswith("/") else ""
    return f"{relative}{tail}" if relative.parts else ""


def _into_folder(target: Spot) -> Spot:
    """A file that is put where a directory is goes into it, as with cp."""
    named = target.path and not target.path.endswith("/")
    if target.store.kind == "local" and named and (Path(target.store.place) / target.path).is_dir():
        return Spot(target.store, f"{target.path}/")
    return target


def _rest(inner: Store, key: str, outer: Store, prefix: str) -> str | None:
    """Give what follows a prefix in a key, by whatever services; nothing if it begins otherwise."""
    if inner.kind != outer.kind:
        return None
    here, there = inner.address(key), outer.address(prefix)
    return here.removeprefix(there) if here.startswith(there) else None


def _apart(plan: Plan) -> Plan:
    source, target = plan.source, plan.target
    rest = _rest(target.store, plan.target_prefix, source.store, plan.base)
    if rest is not None and (not plan.wild or reaches(source.path, plan.base + rest)):
        raise Refused(f"{target} lies inside {source}: choose another target")
    return plan
