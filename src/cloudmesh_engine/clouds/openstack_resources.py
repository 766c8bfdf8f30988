"""OpenStack: images, flavors and keys of a site."""

import fnmatch
from typing import Any

from cloudmesh_engine.clouds import openstack_client
from cloudmesh_engine.clouds.openstack_errors import translated
from cloudmesh_engine.clouds.openstack_groups import Groups
from cloudmesh_engine.clouds.resources import Document, labelled, words
from cloudmesh_engine.config import given
from cloudmesh_engine.errors import ActionFailed, NotSupported, Refused

# What Chameleon and Jetstream call the images that they maintain themselves.
_FEATURED = ("CC-*", "Featured-*")
_IMAGE_FIELDS = (
    "id", "size", "status", "visibility", "min_disk", "min_ram", "disk_format", "created_at",
)  # fmt: skip


def connect(cloud: str, configuration: dict[str, Any], owner: str) -> "OpenStackResources":
    """Open the resources from a cloud's section of cloudmesh.yaml."""
    catalog = configuration.get("catalog") or {}
    default = given(configuration.get("default"))
    return OpenStackResources(
        cloud,
        owner,
        openstack_client.connect(cloud, configuration),
        images=[*words(catalog.get("images")), *words(default.get("image"))],
        flavors=words(catalog.get("flavors")),
    )


class OpenStackResources(Groups):
    """The resources of a project at a site.

    :param images: names or patterns of images that are listed too
    :param flavors: patterns of the flavors that are listed; all if there is none
    """

    def __init__(
        self, cloud: str, owner: str, connection: Any, *, images: list[str], flavors: list[str]
    ) -> None:
        super().__init__(cloud, owner, connection)
        self._chosen_images = images
        self._chosen_flavors = flavors

    def images(self, name: str = "") -> list[Document]:
        """Give the images that a name, a pattern or an id finds.

        Without one: the project's own, the site's featured ones, and what the configuration names.
        """
        with translated():
            found = list(self._cloud.image.images(status="active"))
            project = self._cloud.current_project_id
        if name:
            chosen = [image for image in found if _matches(image, [name])]
        else:
            patterns = [*_FEATURED, *self._chosen_images]
            chosen = [
                image
                for image in found
                if image.owner_id == project or image.owner == project or _matches(image, patterns)
            ]
        return sorted(map(self._image, chosen), key=_by_name)

    def flavors(self, name: str = "") -> list[Document]:
        """Give the flavors that a name or pattern finds; otherwise all, or the chosen ones."""
        wanted = [name] if name else self._chosen_flavors or ["*"]
        with translated():
            found = [one for one in self._cloud.compute.flavors() if _matches(one, wanted)]
        return sorted(map(self._flavor, found), key=_by_name)

    def keys(self) -> list[Document]:
        """Give the keys."""
        with translated():
            return [self._key(pair) for pair in self._cloud.compute.keypairs()]

    def add_key(self, name: str, public_key: str) -> bool:
        """Upload a key; say whether it is new. Another key of that name is never replaced."""
        if self._has(name, public_key):
            return False
        with translated(ignore=409):
            self._cloud.compute.create_keypair(name=name, public_key=public_key)
            return True
        # Another command was faster.
        return not self._has(name, public_key)

    def delete_key(self, name: str) -> None:
        """Refuse: Nova keeps with a key nothing that says whose it is."""
        if name not in [key["name"] for key in self.keys()]:
            raise ActionFailed(f"no key named {name!r} on {self.cloud}: see cms key list --cloud")
        raise NotSupported(
            f"key {name} on {self.cloud}: OpenStack does not say who uploaded a key, so none is "
            f"deleted: use openstack keypair delete {name}"
        )

    def _has(self, name: str, public_key: str) -> bool:
        there = next((key for key in self.keys() if key["name"] == name), None)
        if there and there["public_key"].split()[:2] != public_key.split()[:2]:
            raise Refused(
                f"another key is named {name!r} on {self.cloud}: VMs with it would not let you in: "
                "choose another name by --key or default.key in cloudmesh.yaml, or delete that one"
            )
        return there is not None

    def _image(self, image: Any) -> Document:
        entry = {field: getattr(image, field) for field in _IMAGE_FIELDS}
        return labelled(entry, "image", self.cloud, "openstack", str(image.name or image.id))

    def _flavor(self, flavor: Any) -> Document:
        entry = {field: getattr(flavor, field) for field in ("id", "vcpus", "ram", "disk")}
        made = labelled(entry, "flavor", self.cloud, "openstack", str(flavor.name))
        return {**made, "updated": made["cm"]["updated"]}

    def _key(self, pair: Any) -> Document:
        public_key = str(pair.public_key or "").strip()
        format_, _, rest = public_key.partition(" ")
        entry = {
            "fingerprint": pair.fingerprint,
            "type": pair.type or "ssh",
            "format": format_ or "N/A",
            "comment": rest.partition(" ")[2] or "N/A",
            "public_key": public_key,
        }
        return labelled(entry, "key", self.cloud, "openstack", str(pair.name))


def _matches(thing: Any, patterns: list[str]) -> bool:
    return any(
        thing.id == pattern or fnmatch.fnmatchcase(str(thing.name), pattern) for pattern in patterns
    )


def _by_name(document: Document) -> str:
    return str(document["name"])
