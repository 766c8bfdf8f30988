"""The id by which this appliance knows its own VMs: every one of them carries it as a tag.

It is kept in a file of the state volume and not in MongoDB, because after the loss of the
database it is what finds the VMs again. Whoever loses this file loses the VMs: back it up.
"""

import os
import secrets
import tempfile
from pathlib import Path

from cloudmesh_engine import home
from cloudmesh_engine.errors import ActionFailed

# Matches no VM: for a dry run before anything was made.
NOBODY = "nobody"


def current(make: bool = True) -> str:
    """Give the id; the first command that needs one makes it."""
    file = home.state_dir() / "owner"
    try:
        if not file.exists():
            if not make:
                return NOBODY
            _make(file)
        owner = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise ActionFailed(f"{file}: {reason}: check CLOUDMESH_STATE_DIR") from error
    if not owner:
        raise ActionFailed(f"{file} is empty: restore it from a backup, or no VM is found")
    return owner


def _make(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=".owner-")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write(f"cm-{secrets.token_hex(8)}\n")
            stream.flush()
            os.fsync(stream.fileno())
        # A link never replaces: of two commands at once the first decides.
        os.link(temporary, file)
    except FileExistsError:
        pass
    finally:
        os.unlink(temporary)
