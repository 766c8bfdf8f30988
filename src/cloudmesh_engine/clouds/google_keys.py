"""Google: the public keys of a project, where they let nobody in.

Google itself keeps no keys by name: a key stands in the metadata of a VM, or in that of the
project, where it opens all its VMs. So ours are kept in an item of the project's metadata that
nothing else reads, and a VM gets the one that its boot asked for.
"""

import base64
import hashlib
from typing import Any

from cloudmesh_engine.clouds.google_client import Compute
from cloudmesh_engine.clouds.google_errors import Problem, translated
from cloudmesh_engine.clouds.google_machine import read_item, with_item
from cloudmesh_engine.clouds.resources import Document, labelled
from cloudmesh_engine.errors import ActionFailed, Refused

_ITEM = "cloudmesh-keys"
# How often others may change the project's metadata between our reading and writing it.
_TRIES = 10


def public_key(cloud: str, compute: Compute, name: str) -> str:
    """Give a public key by its name."""
    key = _stored(_metadata(compute)).get(name)
    if not key:
        raise ActionFailed(f"no key named {name!r} on {cloud}: add it with cms key upload")
    return key["public_key"]


class Keys:
    """The part of the resources that is about keys."""

    cloud: str
    owner: str
    _compute: Compute

    def keys(self) -> list[Document]:
        """Give the keys."""
        found = _stored(_metadata(self._compute))
        return [self._key(name, key) for name, key in sorted(found.items())]

    def add_key(self, name: str, public_key: str) -> bool:
        """Upload a key; say whether it is new. Another key of that name is never replaced."""
        wanted = {"owner": self.owner, "public_key": public_key.strip()}
        for _ in range(_TRIES):
            metadata = _metadata(self._compute)
            there = _stored(metadata)
            if name in there:
                self._refuse_other(name, there[name]["public_key"], public_key)
                return False
            if self._store(metadata, {**there, name: wanted}):
                return True
        raise _busy(self.cloud)

    def delete_key(self, name: str) -> None:
        """Delete a key that we uploaded."""
        if not self.discard_key(name):
            raise ActionFailed(f"no key named {name!r} on {self.cloud}: see cms key list --cloud")

    def discard_key(self, name: str) -> bool:
        """Delete a key that we uploaded; False: there is none of that name."""
        for _ in range(_TRIES):
            metadata = _metadata(self._compute)
            there = _stored(metadata)
            if name not in there:
                return False
            if there.pop(name)["owner"] != self.owner:
                raise Refused(f"key {name} on {self.cloud} was not uploaded by this appliance")
            if self._store(metadata, there):
                return True
        raise _busy(self.cloud)

    def _store(self, metadata: Document, keys: Document) -> bool:
        """Write the keys, unless somebody has changed the metadata since it was read."""
        place = f"{self._compute.project}/setCommonInstanceMetadata"
        with translated():
            try:
                self._compute.change("POST", place, with_item(metadata, _ITEM, keys))
            except Problem as error:
                if not error.is_stale:
                    raise
                return False
        return True

    def _refuse_other(self, name: str, there: str, wanted: str) -> None:
        if there.split()[:2] != wanted.split()[:2]:
            raise Refused(
                f"another key is named {name!r} on {self.cloud}: VMs with it would not let you in: "
                "choose another name by --key or default.key in cloudmesh.yaml, or delete that one"
            )

    def _key(self, name: str, key: dict[str, str]) -> Document:
        kind, _, rest = key["public_key"].partition(" ")
        body, _, comment = rest.partition(" ")
        entry = {
            "fingerprint": _fingerprint(body),
            "type": "ssh",
            "format": kind or "N/A",
            "comment": comment or "N/A",
            "public_key": key["public_key"],
            "owner": key["owner"],
        }
        return labelled(entry, "key", self.cloud, "google", name)


def _metadata(compute: Compute) -> Document:
    with translated():
        project = compute.get(compute.project)
    return dict(project.get("commonInstanceMetadata") or {})


def _stored(metadata: Document) -> dict[str, dict[str, str]]:
    return read_item(metadata, _ITEM)


def _busy(cloud: str) -> ActionFailed:
    return ActionFailed(f"the metadata of {cloud} is being changed all the time: repeat")


def _fingerprint(body: str) -> str:
    """Name a key as ssh-keygen does."""
    try:
        content = base64.b64decode(body, validate=True)
    except ValueError:
        return "N/A"
    digest: Any = base64.b64encode(hashlib.sha256(content).digest())
    return f"SHA256:{digest.decode().rstrip('=')}"
