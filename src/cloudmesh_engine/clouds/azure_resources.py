"""Azure: images, sizes and keys."""

import base64
import binascii
import fnmatch
import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from cloudmesh_engine.clouds import azure_client
from cloudmesh_engine.clouds.azure_arm import COMPUTE, Arm
from cloudmesh_engine.clouds.azure_errors import translated
from cloudmesh_engine.clouds.azure_groups import Groups
from cloudmesh_engine.clouds.azure_images import SHORT, newest
from cloudmesh_engine.clouds.azure_machine import owner
from cloudmesh_engine.clouds.resources import Document, labelled, words
from cloudmesh_engine.config import given
from cloudmesh_engine.errors import ActionFailed, Refused

_KEYS = f"{COMPUTE}/sshPublicKeys"
_AT_ONCE = 8


def connect(cloud: str, configuration: dict[str, Any], owner: str) -> "AzureResources":
    """Open the resources from a cloud's section of cloudmesh.yaml."""
    catalog = configuration.get("catalog") or {}
    default = given(configuration.get("default"))
    return AzureResources(
        cloud,
        owner,
        azure_client.connect(cloud, configuration, owner),
        images=[*words(catalog.get("images")), *words(default.get("image"))],
        flavors=words(catalog.get("flavors")),
    )


def public_key(arm: Arm, cloud: str, name: str) -> str:
    """Give the public half of a key of our resource group."""
    found = arm.find(arm.id(_KEYS, name)) if name else None
    line = found["properties"].get("publicKey") if found else None
    if not line:
        raise ActionFailed(
            f"no key {name!r} on {cloud}: Azure makes no VM without one: give --key, or add it "
            "with cms key add"
        )
    return str(line).strip()


def size_names(arm: Arm) -> set[str]:
    """Name the sizes that this subscription may have in the region."""
    return {str(one["name"]) for one in _sizes(arm)}


class AzureResources(Groups):
    """The resources of a region, and of our resource group in it.

    :param images: short names or urns of images that are listed too
    :param flavors: patterns of the flavors that are listed; all if there is none
    """

    def __init__(
        self, cloud: str, owner: str, arm: Arm, *, images: list[str], flavors: list[str]
    ) -> None:
        super().__init__(cloud, owner, arm)
        self._chosen_images = images
        self._chosen_flavors = flavors

    def images(self, name: str = "") -> list[Document]:
        """Give the images that a name, a pattern or an urn finds, each with its newest version.

        Without one: those with a short name, what the configuration names, and our own.
        """
        known = {**{urn: urn for urn in self._chosen_images if urn not in SHORT.values()}, **SHORT}
        known = {short: SHORT.get(urn, urn) for short, urn in known.items()}
        if name.count(":") > 1:
            known = {name: name}
        elif name:
            known = {one: urn for one, urn in known.items() if fnmatch.fnmatchcase(one, name)}
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = [one for one in pool.map(self._image, known.items()) if one]
        with translated():
            own = self._arm.every(f"{self._arm.root}/providers/{COMPUTE}/images")
        mine = [
            labelled({"id": one["id"]}, "image", self.cloud, "azure", str(one["id"]))
            for one in own
            if not name or fnmatch.fnmatchcase(str(one["name"]), name) or one["id"] == name
        ]
        return sorted([*found, *mine], key=_by_name)

    def flavors(self, name: str = "") -> list[Document]:
        """Give the flavors that a name or pattern finds; otherwise all, or the chosen ones."""
        wanted = [name] if name else self._chosen_flavors or ["*"]
        with translated():
            found = _sizes(self._arm)
        chosen = [
            one
            for one in found
            if any(fnmatch.fnmatchcase(one["name"], pattern) for pattern in wanted)
        ]
        return sorted(map(self._flavor, chosen), key=_by_name)

    def keys(self) -> list[Document]:
        """Give the keys."""
        with translated():
            return [self._key(one) for one in self._arm.listed(_KEYS)]

    def add_key(self, name: str, public_key: str) -> bool:
        """Upload a key; say whether it is new. Another key of that name is never replaced."""
        if self._has(name, public_key):
            return False
        made = {
            "location": self._arm.location,
            "tags": self._arm.owned,
            "properties": {"publicKey": public_key},
        }
        with translated():
            self._arm.put(self._arm.id(_KEYS, name), made)
        return True

    def delete_key(self, name: str) -> None:
        """Delete a key that we uploaded."""
        place = self._arm.id(_KEYS, name)
        with translated():
            found = self._arm.find(place)
        if not found:
            raise ActionFailed(f"no key named {name!r} on {self.cloud}: see cms key list --cloud")
        if owner(found) != self.owner:
            raise Refused(f"key {name} on {self.cloud} was not uploaded by this appliance")
        with translated():
            self._arm.delete(place)

    def _has(self, name: str, public_key: str) -> bool:
        with translated():
            found = self._arm.find(self._arm.id(_KEYS, name))
        there = str(found["properties"].get("publicKey") or "").split()[:2] if found else []
        if there and there != public_key.split()[:2]:
            raise Refused(
                f"another key is named {name!r} on {self.cloud}: VMs with it would not let you in: "
                "choose another name by --key or default.key in cloudmesh.yaml, or delete that one"
            )
        return bool(there)

    def _image(self, named: tuple[str, str]) -> Document | None:
        name, urn = named
        if urn.count(":") != SHORT["debian-12"].count(":"):
            return None
        with translated():
            version = newest(self._arm, urn)
        if not version:
            return None
        publisher, offer, sku, _ = urn.split(":")
        exact = f"{publisher}:{offer}:{sku}:{version}"
        entry = {"urn": exact, "publisher": publisher, "offer": offer, "sku": sku}
        return labelled({**entry, "version": version}, "image", self.cloud, "azure", name)

    def _flavor(self, sku: Document) -> Document:
        capabilities = {one["name"]: one["value"] for one in sku.get("capabilities") or []}
        entry = {
            "vcpus": int(capabilities.get("vCPUs") or 0),
            "ram": int(float(capabilities.get("MemoryGB") or 0) * 1024),
            "architecture": capabilities.get("CpuArchitectureType", ""),
            "family": sku.get("family", ""),
        }
        made = labelled(entry, "flavor", self.cloud, "azure", str(sku["name"]))
        return {**made, "updated": made["cm"]["updated"]}

    def _key(self, entry: Document) -> Document:
        line = str(entry["properties"].get("publicKey") or "").strip()
        format_, _, rest = line.partition(" ")
        fields = {
            "fingerprint": _fingerprint(rest),
            "type": format_.removeprefix("ssh-") or "N/A",
            "format": format_ or "N/A",
            "comment": rest.partition(" ")[2] or "N/A",
            "public_key": line,
        }
        return labelled(fields, "key", self.cloud, "azure", str(entry["name"]))


def _sizes(arm: Arm) -> list[Document]:
    """Give the sizes of the region that the subscription may have."""
    place = f"{arm.root}/providers/{COMPUTE}/skus"
    return [
        one
        for one in arm.every(place, _filter=f"location eq '{arm.location}'")
        if one["resourceType"] == "virtualMachines" and not _is_refused(one)
    ]


def _is_refused(sku: Document) -> bool:
    # A restriction to some zones leaves the others.
    return any(one.get("type") == "Location" for one in sku.get("restrictions") or [])


def _fingerprint(rest: str) -> str:
    try:
        body = base64.b64decode(rest.split()[0])
    except (IndexError, binascii.Error):
        return "N/A"
    digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
    return ":".join(digest[i : i + 2] for i in range(0, len(digest), 2))


def _by_name(document: Document) -> str:
    return str(document["name"])
