"""The verbs of `cms storage` that only look."""

import sys
from collections import Counter
from collections.abc import Iterable

from cloudmesh_engine import mongo, stores
from cloudmesh_engine.commands import transfer
from cloudmesh_engine.commands.storage_request import Document, StorageRequest
from cloudmesh_engine.errors import ActionFailed
from cloudmesh_engine.moving import listings, places, plan
from cloudmesh_engine.stores import Item, Store


def list_objects(request: StorageRequest) -> None:
    """List what is in a folder, or an object, or what matches a glob."""
    deep = bool(request.arguments["--recursive"])
    request.each(
        lambda store: [
            places.record(store, item) for item in _found(request, store, "SOURCE", deep)
        ]
    )


def search(request: StorageRequest) -> None:
    """List the objects below a folder whose name matches."""
    name, deep = str(request.arguments["FILENAME"]), bool(request.arguments["--recursive"])

    def work(store: Store) -> list[Document]:
        found = places.search(request.spot("DIRECTORY", store), name, deep)
        return [places.record(store, item) for item in found]

    request.each(work)


def size(request: StorageRequest) -> None:
    """Tell how many files and bytes are in a folder, and with --folders in each one in it."""

    def work(store: Store) -> list[Document]:
        spot = request.spot("SOURCE", store)
        total, base = Counter({"files": 0, "bytes": 0}), plan.base(spot.path)
        folders: dict[str, Counter[str]] = {}
        for item in plan.find(spot, True):
            counts = [total]
            name, slash, _ = item.key.removeprefix(base).partition("/")
            if request.arguments["--folders"] and slash and item.key.startswith(base):
                counts.append(folders.setdefault(f"{base}{name}/", Counter()))
            for count in counts:
                count.update({"files": 1, "bytes": item.size})
        every = [(spot.path or "/", total), *sorted(folders.items())]
        return [{"storage": store.service, "name": name, **count} for name, count in every]

    request.each(work)


def tree(request: StorageRequest) -> None:
    """Draw a folder with all that is in it; in other formats than a table, list it."""
    store = request.store()
    items = sorted(_found(request, store, "SOURCE", True), key=lambda item: item.key.split("/"))
    if request.form != "table":
        request.show([places.record(store, item) for item in items])
        return
    path = request.spot("SOURCE", store).path
    print(request.settings.redact(f"{store.service}:{path}"))
    folder = plan.folder(path)
    lines = _branches([item.key.removeprefix(folder) or item.key for item in items])
    sys.stdout.write(request.settings.redact("".join(f"{line}\n" for line in lines)))


def list_services(request: StorageRequest) -> None:
    """List the services of the configuration."""
    request.show(_services(request))


def record(request: StorageRequest) -> None:
    """Note what is in a folder, and which services there are."""
    listings.note_services(request.settings, _services(request))
    spot = transfer.place(request.settings, str(request.arguments["SOURCE"]))
    request.show([listings.note(request.settings, spot)])


def sync_status(request: StorageRequest) -> None:
    """List what was synchronised, and how it ended."""
    server = mongo.server(request.settings)
    found = mongo.client(server)[server.database]["transfers"].find({})
    name = request.arguments["--name"]
    records = [
        {
            "name": entry["report"].get("name") or "",
            "source": entry["source"],
            "target": entry["target"],
            "status": entry["state"],
            "files": entry["report"]["files"],
            "bytes": entry["report"]["bytes"],
            "updated": entry["updated"],
        }
        for entry in found
        if name in (None, entry["report"].get("name"))
    ]
    if name and not records:
        raise ActionFailed(f"no sync named {name}: see cms storage sync status")
    request.show(sorted(records, key=lambda entry: str(entry["updated"])))


def _services(request: StorageRequest) -> list[Document]:
    chosen = request.settings.get("default.storage")
    return [
        {
            "storage": entry.service,
            "kind": entry.kind,
            "supported": entry.kind in stores.KINDS,
            "default": entry.service == chosen,
            "place": _place(entry),
            "endpoint": entry.value("endpoint"),
        }
        for entry in stores.services(request.settings).values()
    ]


def _place(entry: stores.Section) -> str:
    """Give the bucket, container or directory; nothing if it is not filled in."""
    # What clouds have as their default directory is a folder of the bucket, not the bucket.
    default = entry.default.get("directory") if entry.kind == "local" else ""
    return entry.value("bucket", "container", "directory") or str(default or "")


def _found(request: StorageRequest, store: Store, name: str, deep: bool) -> Iterable[Item]:
    spot = request.spot(name, store)
    return list(plan.find(spot, deep))


def _branches(names: list[str]) -> list[str]:
    """Draw names as a tree, each folder once."""
    root: dict[str, dict[str, object]] = {}
    for name in names:
        node = root
        for part in name.split("/"):
            node = node.setdefault(part, {})  # type: ignore[assignment]
    return list(_draw(root, ""))


def _draw(node: dict[str, dict[str, object]], before: str) -> Iterable[str]:
    for number, (name, below) in enumerate(node.items(), 1):
        last = number == len(node)
        yield f"{before}{'└── ' if last else '├── '}{name}"
        yield from _draw(below, before + ("    " if last else "│   "))  # type: ignore[arg-type]
