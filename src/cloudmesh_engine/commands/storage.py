"""`cms storage`: finds out which verb was asked for and runs it."""

from collections.abc import Callable, Mapping
from typing import Any

from cloudmesh_engine.commands import storage_moves, storage_views
from cloudmesh_engine.commands.storage_request import StorageRequest
from cloudmesh_engine.config import Settings

# The longer ones first: `sync status` is no `sync`.
_VERBS: Mapping[str, Callable[[StorageRequest], None]] = {
    "create dir": storage_moves.create_dir,
    "config list": storage_views.list_services,
    "sync status": storage_views.sync_status,
    "sync": storage_moves.sync,
    "get": storage_moves.get,
    "put": storage_moves.put,
    "copy": storage_moves.copy,
    "record": storage_views.record,
    "delete": storage_moves.delete,
    "list": storage_views.list_objects,
    "search": storage_views.search,
    "tree": storage_views.tree,
    "size": storage_views.size,
}


def run(settings: Settings, arguments: Mapping[str, Any]) -> None:
    """Run one `cms storage` command."""
    request = StorageRequest(settings, arguments)
    for verb, command in _VERBS.items():
        if all(arguments[word] for word in verb.split()):
            return command(request)
