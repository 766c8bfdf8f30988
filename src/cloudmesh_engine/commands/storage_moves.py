"""The verbs of `cms storage` that change something."""

from cloudmesh_engine import stores
from cloudmesh_engine.commands import transfer
from cloudmesh_engine.commands.storage_request import Document, StorageRequest, record
from cloudmesh_engine.errors import ActionFailed, NotSupported, Refused
from cloudmesh_engine.moving import plan
from cloudmesh_engine.moving.plan import Spot
from cloudmesh_engine.stores import Store
from cloudmesh_engine.stores.faults import Lost
from cloudmesh_engine.stores.local import Local


def create_dir(request: StorageRequest) -> None:
    """Make a folder, and the bucket if there is none."""
    request.show([make_folder(request.spot("DIRECTORY"))])


def get(request: StorageRequest) -> None:
    """Fetch an object, or with --recursive a folder."""
    request.move(request.spot("SOURCE"), request.here("DESTINATION"))


def put(request: StorageRequest) -> None:
    """Store a file, or with --recursive a folder."""
    request.move(_present(request.here("SOURCE")), request.spot("DESTINATION"))


def copy(request: StorageRequest) -> None:
    """Copy from service to service."""
    words = request.arguments
    source, target = (transfer.place(request.settings, words[n]) for n in ("SOURCE", "DESTINATION"))
    request.move(source, target)


def sync(request: StorageRequest) -> None:
    """Make a folder of the service what a folder of this machine is, or between services."""
    if request.arguments["--async"]:
        raise NotSupported(
            "storage sync --async: a command ends when its work has ended: run it with your "
            "shell's & or as a task of Airflow"
        )
    name = str(request.arguments["--name"] or "")
    request.move(_side(request, "SOURCE"), _side(request, "DESTINATION"), name, recursive=True)


def delete(request: StorageRequest) -> None:
    """Delete an object, what matches a glob, or with --recursive a folder."""
    request.each(lambda store: _delete(request, store))


def make_folder(spot: Spot) -> Document:
    """Make a folder, and the bucket if there is none; say what was done."""
    new = spot.store.make_place()
    path = spot.path.rstrip("/")
    if path and isinstance(spot.store, Local):
        new = spot.store.make_folder(path)
    elif path:
        # An empty object that ends with a slash: what the clouds' own consoles show as a folder.
        new = not next(iter(spot.store.list(f"{path}/")), None)
        if new:
            spot.store.put(f"{path}/", memoryview(b""), _NOTHING)
    action = "created" if new else "already there"
    return {"action": action, "storage": spot.store.service, "name": f"{path}/"}


_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def delete_all(spot: Spot, recursive: bool, dryrun: bool = False) -> list[Document]:
    """Delete what a path names; say what was deleted."""
    if not spot.path:
        raise Refused(f"{spot}: would delete all there is: name a folder or an object")
    items = list(plan.find(spot, deep=True))
    exact = [item for item in items if item.key == spot.path]
    if not exact and not plan.wild(spot.path) and not recursive:
        raise Refused(f"{spot} is a folder of {len(items)} objects: add --recursive")
    action = "would delete" if dryrun else "deleted"
    for item in items:
        if not dryrun:
            spot.store.delete(item.key)
    return [record(spot.store, item, action=action) for item in items]


def _delete(request: StorageRequest, store: Store) -> list[Document]:
    words = request.arguments
    spot = request.spot("SOURCE", store)
    return delete_all(spot, bool(words["--recursive"]), bool(words["--dryrun"]))


def _side(request: StorageRequest, name: str) -> Spot:
    """Take one side of a sync: a path of the service, or of this machine, or SERVICE:PATH."""
    text = str(request.arguments[name])
    service, colon, _ = text.partition(":")
    if colon and service in stores.services(request.settings):
        return transfer.place(request.settings, text)
    if name == "DESTINATION":
        return request.spot(name)
    return _present(request.here(name))


def _present(spot: Spot) -> Spot:
    """Make sure that a local source is there, before a cloud is asked for anything."""
    store = spot.store
    if isinstance(store, Local) and not (store.root / spot.path).exists():
        if not plan.wild(spot.path):
            raise Lost(f"{store.root / spot.path}: no such file or folder: check the path")
        if not store.root.is_dir():
            raise ActionFailed(f"{store.root}: no such folder: check the path")
    return spot
