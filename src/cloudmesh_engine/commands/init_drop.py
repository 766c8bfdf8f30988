"""`cms init --drop`: forgets what MongoDB knows of Cloudmesh, after a question."""

import sys

from cloudmesh_engine import clouds, database
from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import Refused
from cloudmesh_engine.ledger import Ledger


def drop(settings: Settings, *, force: bool, dryrun: bool) -> list[dict[str, str]]:
    """Drop Cloudmesh's collections and no other; the clouds are not asked and not touched."""
    names = database.collections(settings, list(clouds.known(settings)))
    place = str(settings.get("data.mongo.MONGO_DBNAME"))
    if names and not dryrun:
        _confirm(place, _consequences(settings, place, names), force)
        database.drop(settings, names)
    action = "would drop" if dryrun else "dropped"
    return [
        {"cloud": database.LOCAL, "step": "drop", "name": name, "action": action} for name in names
    ]


def _consequences(settings: Settings, place: str, names: list[str]) -> str:
    text = f"forgets {len(names)} collections of {place!r}, also keys and groups that you added"
    count = len(Ledger(settings).wanted())
    if not count:
        return text
    what = "VM" if count == 1 else "VMs"
    return (
        f"{text}; {count} {what} of this appliance go on running: cms vm list --refresh finds them"
    )


def _confirm(place: str, consequences: str, force: bool) -> None:
    # Without a descriptor 0 there is no stdin at all.
    if not force and not (sys.stdin and sys.stdin.isatty()):
        raise Refused(f"init --drop: {consequences}: there is no terminal: add --force")
    print(f"cms: init --drop: {consequences}", file=sys.stderr)
    if force:
        return
    print(f"Type {place} to go on: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != place:
        raise Refused("init --drop: nothing was dropped")
