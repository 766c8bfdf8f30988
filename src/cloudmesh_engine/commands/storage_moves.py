"""The verbs of `cms storage` that change something."""

from cloudmesh_engine import stores
from cloudmesh_engine.commands import transfer
from cloudmesh_engine.commands.storage_request import Document, StorageRequest
from cloudmesh_engine.moving import places
from cloudmesh_engine.moving.plan import Spot
from cloudmesh_engine.stores import Store


def create_dir(request: StorageRequest) -> None:
    """Make a folder, and the bucket if there is none."""
    spot = request.spot("DIRECTORY")
    action = "created" if places.make_folder(spot) else "already there"
    name = f"{spot.path.rstrip('/')}/"
    request.show([{"action": action, "storage": spot.store.service, "name": name}])


def get(request: StorageRequest) -> None:
    """Fetch an object, or with --recursive a folder."""
    request.move(request.spot("SOURCE"), places.here(str(request.arguments["DESTINATION"])))


def put(request: StorageRequest) -> None:
    """Store a file, or with --recursive a folder."""
    source = places.present(places.here(str(request.arguments["SOURCE"])))
    request.move(source, request.spot("DESTINATION"))


def copy(request: StorageRequest) -> None:
    """Copy from service to service."""
    words = request.arguments
    source, target = (transfer.place(request.settings, words[n]) for n in ("SOURCE", "DESTINATION"))
    request.move(source, target)


def sync(request: StorageRequest) -> None:
    """Make a folder of the service what a folder of this machine is, or between services.

    Also with --async: a command that left its work to somebody else could not tell how it ends.
    """
    name = str(request.arguments["--name"] or "")
    request.move(_side(request, "SOURCE"), _side(request, "DESTINATION"), name, recursive=True)


def delete(request: StorageRequest) -> None:
    """Delete an object, what matches a glob, or with --recursive a folder."""
    request.each(lambda store: _delete(request, store))


def _delete(request: StorageRequest, store: Store) -> list[Document]:
    words = request.arguments
    spot, dryrun = request.spot("SOURCE", store), bool(words["--dryrun"])
    items = places.delete(spot, bool(words["--recursive"]), dryrun)
    action = "would delete" if dryrun else "deleted"
    return [places.record(store, item, action=action) for item in items]


def _side(request: StorageRequest, name: str) -> Spot:
    """Take one side of a sync: a path of the service, or of this machine, or SERVICE:PATH."""
    text = str(request.arguments[name])
    service, colon, _ = text.partition(":")
    if colon and service in stores.services(request.settings):
        return transfer.place(request.settings, text)
    if name == "DESTINATION":
        return request.spot(name)
    return places.present(places.here(text))
