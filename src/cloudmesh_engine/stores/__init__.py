"""Object stores: what each of them can do, and how one is opened from cloudmesh.yaml.

    awss3      S3, and what speaks its protocol (an `endpoint` setting)
    azureblob  Azure Blob Storage
    google     Google Cloud Storage
    local      a directory of this machine

The protocols are spoken here and not by a library, because none keeps the promises of the
mover (docs/storage.md says which were tried): keys exactly as they are, a digest that is set
when the object is finished, and unfinished uploads that can be found and removed.
"""

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from cloudmesh_engine.config import Settings, is_placeholder
from cloudmesh_engine.errors import ConfigError, NotSupported
from cloudmesh_engine.stores.piece import Piece

KINDS = {
    "awss3": "cloudmesh_engine.stores.s3",
    "parallelawss3": "cloudmesh_engine.stores.s3",
    "azureblob": "cloudmesh_engine.stores.azure",
    "google": "cloudmesh_engine.stores.google",
    "local": "cloudmesh_engine.stores.local",
}
DIGEST = "sha256"
MIB = 1024 * 1024


@dataclass(frozen=True)
class Item:
    """One object of a store.

    :param etag: changes whenever the content does
    :param md5: hexadecimal, if the store tells it
    :param sha256: hexadecimal, if we stored it; a listing does not tell it
    :param problem: why it cannot be read
    :param refused: whether that is a rule of ours, and nothing that failed
    """

    key: str
    size: int
    etag: str
    modified: str = ""
    md5: str = ""
    sha256: str = ""
    problem: str = ""
    refused: bool = False

    @property
    def shown(self) -> str:
        """Its key as text: what a disk calls it may be none."""
        return printable(self.key)

    @property
    def folder(self) -> bool:
        """Whether this stands for objects whose keys begin with its own."""
        return self.key.endswith("/") and not self.etag

    @property
    def closed(self) -> bool:
        """Whether it is a folder that nobody can look into."""
        return self.folder and bool(self.problem)


def printable(key: str) -> str:
    """Make text of a key; what is no UTF-8 is written as its code."""
    return key.encode(errors="backslashreplace").decode()


@dataclass(frozen=True)
class Put:
    """What a store says about an object that it has taken.

    :param seen: whether it was asked again once the object was there
    """

    etag: str
    seen: bool = False


@dataclass(frozen=True)
class Limits:
    """What a store can hold.

    :param part: bytes of a part, unless that makes too many of them
    :param ordered: parts have to be sent one after the other
    :param named: what an interrupted upload leaves is found by its id only
    """

    parts: int
    part: int = 8 * MIB
    ordered: bool = False
    named: bool = False


class Upload(Protocol):
    """An object in the making; nobody sees it before `finish`."""

    id: str

    def part(self, index: int, offset: int, piece: Piece) -> None:
        """Send one part."""

    def finish(self, digest: str, size: int) -> Put:
        """Make the object visible, with its digest."""

    def abort(self) -> None:
        """Throw away what was sent; no part is on its way any more."""

    def abandon(self) -> None:
        """Throw away what was sent while parts are on their way: this process ends."""


class Store(Protocol):
    """A bucket, a container or a directory."""

    service: str
    kind: str
    place: str
    limits: Limits

    def address(self, key: str) -> str:
        """Say where an object is, alike for all services of one place."""

    def list(self, prefix: str = "", deep: bool = True) -> Iterator[Item]:
        """Give every object whose key begins so.

        :param deep: otherwise folders stand for what is in them
        """

    def head(self, key: str) -> Item | None:
        """Look one object up, with its digest."""

    def read(self, item: Item, offset: int, size: int) -> Piece:
        """Read a piece of an object as it was listed; it is all there or an error is raised."""

    def put(self, key: str, piece: Piece) -> Put:
        """Store a small object at once, with its digest."""

    def begin(self, key: str, size: int) -> Upload:
        """Begin an object of many parts."""

    def delete(self, key: str) -> None:
        """Delete an object; one that is not there is no error."""

    def discard(self, key: str, upload: str, since: str) -> int:
        """Remove the unfinished uploads of a key that an interrupted run left; give their number.

        :param since: when that run began, in ISO 8601
        """

    def make_place(self) -> bool:
        """Make the bucket, container or directory; false if it was there."""

    def retries(self) -> int:
        """How many requests had to be repeated so far."""


@dataclass(frozen=True)
class Section:
    """A service of cloudmesh.yaml's `storage:` section."""

    service: str
    kind: str
    path: str
    credentials: Mapping[str, Any] = field(repr=False)
    default: Mapping[str, Any] = field(default_factory=dict)

    def value(self, *keys: str) -> str:
        """Give the first of these settings that is filled in, or nothing."""
        for key in keys:
            text = str(self.credentials.get(key) or "")
            if not is_placeholder(text):
                return text
        return ""

    def need(self, *keys: str) -> str:
        """Give a setting that has to be there."""
        text = self.value(*keys)
        if not text:
            where = f"cloudmesh.storage.{self.service}.credentials.{keys[0]}"
            raise ConfigError(f"{self.path}: {where} is not filled in: give it a value")
        return text


def services(settings: Settings) -> dict[str, Section]:
    """Give every storage service of the configuration."""
    sections = settings.get("storage")
    if not isinstance(sections, Mapping):
        raise ConfigError(f"{settings.path}: cloudmesh.storage is not a list of services")
    return {str(name): _section(settings, str(name), sections[name]) for name in sections}


def section(settings: Settings, service: str) -> Section:
    """Look a service up, by its name or, as in upstream's examples, by its kind."""
    known = services(settings)
    if service in known:
        return known[service]
    of_kind = [entry for entry in known.values() if entry.kind == service]
    if len(of_kind) == 1:
        return of_kind[0]
    raise ConfigError(
        f"{service}: no such storage service in {settings.path}: use one of {', '.join(known)}"
    )


def open_store(settings: Settings, service: str) -> Store:
    """Open a service's store."""
    entry = section(settings, service)
    if entry.kind not in KINDS:
        kinds = ", ".join(sorted(KINDS))
        raise NotSupported(
            f"{service}: storage of kind {entry.kind!r} is not supported: use one of {kinds}"
        )
    store: Store = importlib.import_module(KINDS[entry.kind]).connect(entry)
    return store


def _section(settings: Settings, name: str, found: Any) -> Section:
    where = f"{settings.path}: cloudmesh.storage.{name}"
    if not isinstance(found, Mapping) or not isinstance(found.get("cm"), Mapping):
        raise ConfigError(f"{where} has no cm section: start from the template")
    return Section(
        service=name,
        kind=str(found["cm"].get("kind") or ""),
        path=str(settings.path),
        credentials=found.get("credentials") or {},
        default=found.get("default") or {},
    )
