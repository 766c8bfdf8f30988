"""Makes the appliance's ssh key pair: `python -m cloudmesh_engine.keys DIRECTORY`.

The init step runs it at every start, so an existing key is kept as it is.
"""

import os
import sys
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from cloudmesh_engine.errors import ActionFailed, EngineError, UsageError

# EC2 and Azure accept no elliptic curve key for every image; RSA works everywhere.
_BITS = 3072
_COMMENT = b"cloudmesh-airflow"


def ensure_key_pair(directory: Path) -> bool:
    """Make `id_rsa` and `id_rsa.pub` unless they are there; say whether a key was made."""
    private, public = directory / "id_rsa", directory / "id_rsa.pub"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = not private.exists() and _publish(private, _new_private_key())
    if not public.exists():
        _publish(public, _public_half(private))
    return made


def _new_private_key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())


def _public_half(private: Path) -> bytes:
    try:
        key = load_ssh_private_key(private.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise ActionFailed(
            f"{private}: not an OpenSSH private key without passphrase ({error}): move it away"
        ) from error
    line = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return line + b" " + _COMMENT + b"\n"


def _publish(path: Path, content: bytes) -> bool:
    """Put a whole file in place unless somebody was faster; say whether it is ours."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        # A link, unlike a rename, never replaces a file that is there.
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        os.unlink(temporary)
    return True


def main(argv: list[str] | None = None) -> int:
    """Run as a command."""
    arguments = sys.argv[1:] if argv is None else argv
    try:
        if len(arguments) != 1 or arguments[0].startswith("-"):
            raise UsageError("usage: python -m cloudmesh_engine.keys DIRECTORY")
        made = ensure_key_pair(Path(arguments[0]))
    except (EngineError, OSError) as error:
        print(f"keys: {error}", file=sys.stderr)
        return getattr(error, "exit_code", 1)
    print(f"keys: {'made' if made else 'kept'} {arguments[0]}/id_rsa", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
