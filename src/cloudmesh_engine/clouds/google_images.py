"""Google: images of the project itself, and of those in which publishers keep theirs."""

import fnmatch
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from cloudmesh_engine.clouds import Request
from cloudmesh_engine.clouds.google_client import Compute
from cloudmesh_engine.clouds.google_errors import translated
from cloudmesh_engine.clouds.google_networks import path
from cloudmesh_engine.errors import ActionFailed

Document = dict[str, Any]

# By what the names of their images and families begin with.
PUBLISHERS = {
    "ubuntu-": "ubuntu-os-cloud",
    "debian-": "debian-cloud",
    "rocky-linux-": "rocky-linux-cloud",
    "almalinux-": "almalinux-cloud",
    "centos-": "centos-cloud",
    "rhel-": "rhel-cloud",
    "sles-": "suse-cloud",
    "opensuse-": "opensuse-cloud",
    "fedora-coreos-": "fedora-coreos-cloud",
    "cos-": "cos-cloud",
    "windows-": "windows-cloud",
}


class Images:
    """The part of the driver that looks images up."""

    cloud: str
    _compute: Compute

    def resolve(self, request: Request) -> Request:
        """Fill in the image's path; a family or pattern (`*`) stands for the newest that has it."""
        with translated():
            found = [one for one in find(self._compute, request.image) if is_current(one)]
        if not found:
            raise ActionFailed(
                f"no image {request.image!r} on {self.cloud}: give a family, a name or a pattern "
                "of this project or a publisher's, or PROJECT/NAME"
            )
        latest = max(found, key=lambda image: str(image["creationTimestamp"]))
        return replace(request, image_id=path(latest["selfLink"]))


def find(compute: Compute, wanted: str) -> list[Document]:
    """Give the images that a name, family or pattern finds, where it says or where it may be."""
    project, name = _split(wanted)
    if project:
        return _in(compute, f"projects/{project}", name)
    publisher = next((one for start, one in PUBLISHERS.items() if name.startswith(start)), "")
    own = _in(compute, compute.project, name)
    return own or (_in(compute, f"projects/{publisher}", name) if publisher else [])


def every(compute: Compute, project: str) -> list[Document]:
    """Give the images of a project that are not about to go."""
    found = compute.every(f"{project}/global/images")
    return [image for image in found if is_current(image)]


def newest(images: Iterable[Document]) -> list[Document]:
    """Leave the newest image of each family."""
    families: dict[str, Document] = {}
    for image in sorted(images, key=lambda image: str(image["creationTimestamp"])):
        families[str(image.get("family") or image["name"])] = image
    return list(families.values())


def is_current(image: Document) -> bool:
    """Say whether an image is ready, and not replaced by another."""
    return image.get("status") == "READY" and not (image.get("deprecated") or {}).get("state")


def _split(wanted: str) -> tuple[str, str]:
    """Take `PROJECT/NAME`, or a path or address as Google writes it, apart."""
    if "/" not in wanted:
        return "", wanted
    words = [word for word in path(wanted).split("/") if word not in ("global", "images", "family")]
    return words[1], words[-1]


def _in(compute: Compute, project: str, name: str) -> list[Document]:
    place = f"{project}/global/images"
    if "*" in name:
        found = compute.every(place)
        return [image for image in found if fnmatch.fnmatchcase(image["name"], name)]
    if '"' in name or "\\" in name:
        return []
    return list(compute.every(place, filter=f'(name = "{name}") OR (family = "{name}")'))
