"""Adds public keys to the database under a name, once."""

import base64
import hashlib
from pathlib import Path
from typing import Any

from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from cloudmesh_engine import home, mongo
from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import ActionFailed, Refused, UsageError

Record = dict[str, Any]


def add(settings: Settings, record: Record) -> bool:
    """Store a key record; say whether it is new. Another key of that name is never replaced."""
    name = record["name"]
    keys = _collection(settings)
    stored = keys.find_one({"cm.name": name})
    if stored is None:
        try:
            # The id, not an index, makes two commands at once agree on one record.
            keys.insert_one({"_id": f"local-key-{name}", **record})
            return True
        except DuplicateKeyError:
            stored = keys.find_one({"cm.name": name})
    if stored is None or (stored["type"], stored["key"]) != (record["type"], record["key"]):
        raise Refused(
            f"key add: another key is stored as {name!r}: choose another name, "
            f"or cms key delete {name} first"
        )
    return False


def names(settings: Settings) -> set[str]:
    """Give the names of all stored keys."""
    return {entry["name"] for entry in _collection(settings).find({}, {"name": 1})}


def own_record(name: str) -> Record:
    """Describe the appliance's own key as upstream does."""
    file = home.state_dir() / "ssh/id_rsa.pub"
    line = read_public_key(file)
    kind, body, *comment = line.split(maxsplit=2)
    digest = hashlib.md5(base64.b64decode(body), usedforsecurity=False).hexdigest()
    return {
        "cm": {"kind": "key", "cloud": "local", "name": name},
        "name": name,
        "type": kind,
        "key": body,
        "comment": "".join(comment),
        "fingerprint": ":".join(digest[i : i + 2] for i in range(0, len(digest), 2)),
        "public_key": line,
        "group": ["local", "ssh"],
        "source": "ssh",
        "path": str(file),
        "uri": f"file://{file}",
        "location": {"public": str(file), "private": str(file.with_suffix(""))},
        "profile": None,
    }


def public_key(settings: Settings, name: str) -> str:
    """Give the public half of a stored key, or of the appliance's own."""
    found = find_public_key(settings, name)
    if not found:
        raise ActionFailed(f"no key named {name!r}: add it with cms key add {name} --source=FILE")
    return found


def find_public_key(settings: Settings, name: str) -> str | None:
    """Look the public half of a stored key up, or of the appliance's own."""
    stored = _collection(settings).find_one({"cm.name": name})
    if stored:
        return str(stored["public_key"])
    own = home.state_dir() / "ssh/id_rsa.pub"
    return read_public_key(own) if name == settings.get("default.key") and own.exists() else None


def read_public_key(source: Path) -> str:
    """Give the one key line of a file."""
    try:
        lines = [line.strip() for line in source.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        hint = ": run the init step" if home.state_dir() in source.parents else ""
        raise ActionFailed(f"key add: {source}: {reason}{hint}") from error
    keys = [line for line in lines if line and not line.startswith("#")]
    if len(keys) != 1:
        raise UsageError(f"key add: {source}: holds {len(keys)} keys: give a file with one")
    parts = keys[0].split(maxsplit=2)
    if len(parts) < 2 or not parts[0].startswith(("ssh-", "ecdsa-", "sk-")):
        raise UsageError(f"key add: {source}: not a public key in OpenSSH format")
    return " ".join(parts)


def _collection(settings: Settings) -> Collection[Record]:
    server = mongo.server(settings)
    mongo.check(server)
    return mongo.client(server)[server.database]["local-key"]
