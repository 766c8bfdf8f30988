"""Google: images, flavors, keys and security groups, in the shape that upstream's code reads."""

import fnmatch
from typing import Any

from cloudmesh_engine.clouds import google_client, google_images
from cloudmesh_engine.clouds.google_client import Compute
from cloudmesh_engine.clouds.google_errors import translated
from cloudmesh_engine.clouds.google_groups import Groups
from cloudmesh_engine.clouds.google_keys import Keys
from cloudmesh_engine.clouds.google_networks import DEFAULT
from cloudmesh_engine.clouds.resources import Document, labelled, words
from cloudmesh_engine.config import given

_PUBLISHERS = ("ubuntu-os-cloud", "debian-cloud")
_IMAGE_FIELDS = (
    "id", "family", "status", "architecture", "diskSizeGb", "archiveSizeBytes",
    "creationTimestamp", "selfLink",
)  # fmt: skip
_FLAVOR_FIELDS = ("id", "description", "guestCpus", "memoryMb", "isSharedCpu")


def connect(cloud: str, configuration: dict[str, Any], owner: str) -> "GoogleResources":
    """Open the resources from a cloud's section of cloudmesh.yaml."""
    catalog = configuration.get("catalog") or {}
    default = given(configuration.get("default"))
    return GoogleResources(
        cloud,
        owner,
        google_client.connect(cloud, configuration),
        network=str(default.get("network") or DEFAULT),
        images=[*words(catalog.get("images")), *words(default.get("image"))],
        flavors=words(catalog.get("flavors")),
    )


class GoogleResources(Groups, Keys):
    """The resources of a project in a zone.

    :param images: images that are listed too, as `--image` takes them
    :param flavors: patterns of the flavors that are listed; all if there is none
    """

    def __init__(
        self,
        cloud: str,
        owner: str,
        compute: Compute,
        *,
        network: str,
        images: list[str],
        flavors: list[str],
    ) -> None:
        super().__init__(cloud, owner, compute, network)
        self._chosen_images = images
        self._chosen_flavors = flavors

    def images(self, name: str = "") -> list[Document]:
        """Give the images that a name, family or pattern finds.

        Without one: the project's own, the newest of each family of Ubuntu and Debian, and what
        the configuration names.
        """
        with translated():
            found = list(self._found(name) if name else self._useful())
        unique = {image["selfLink"]: image for image in found}
        return sorted(map(self._image, unique.values()), key=lambda image: str(image["name"]))

    def flavors(self, name: str = "") -> list[Document]:
        """Give the flavors that a name or pattern finds; otherwise all, or the chosen ones."""
        wanted = [name] if name else self._chosen_flavors or ["*"]
        with translated():
            found = list(self._compute.every(self._compute.zonal("machineTypes")))
        chosen = [
            self._flavor(one)
            for one in found
            if any(fnmatch.fnmatchcase(str(one["name"]), pattern) for pattern in wanted)
        ]
        return sorted(chosen, key=lambda flavor: str(flavor["name"]))

    def _found(self, name: str) -> list[Document]:
        found = google_images.find(self._compute, name)
        return [image for image in found if google_images.is_current(image)]

    def _useful(self) -> list[Document]:
        found = google_images.every(self._compute, self._compute.project)
        for publisher in _PUBLISHERS:
            images = google_images.every(self._compute, f"projects/{publisher}")
            found += google_images.newest(images)
        for name in self._chosen_images:
            found += google_images.newest(self._found(name))
        return found

    def _image(self, image: Document) -> Document:
        entry = {field: image.get(field) for field in _IMAGE_FIELDS}
        entry["project"] = str(image["selfLink"]).partition("/projects/")[2].partition("/")[0]
        return labelled(entry, "image", self.cloud, "google", str(image["name"]))

    def _flavor(self, flavor: Document) -> Document:
        entry = {field: flavor.get(field) for field in _FLAVOR_FIELDS}
        made = labelled(entry, "flavor", self.cloud, "google", str(flavor["name"]))
        return {**made, "updated": made["cm"]["updated"]}
