"""Azure: images. A short name stands for one of a few that are maintained and cost nothing."""

from dataclasses import replace

from azure.core.exceptions import HttpResponseError

from cloudmesh_engine.clouds import Request
from cloudmesh_engine.clouds.azure_arm import Arm, Document
from cloudmesh_engine.clouds.azure_errors import is_absent, translated
from cloudmesh_engine.errors import ActionFailed

SHORT = {
    "ubuntu-24.04": "Canonical:ubuntu-24_04-lts:server:latest",
    "ubuntu-24.04-arm64": "Canonical:ubuntu-24_04-lts:server-arm64:latest",
    "ubuntu-22.04": "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:latest",
    "debian-13": "Debian:debian-13:13-gen2:latest",
    "debian-12": "Debian:debian-12:12-gen2:latest",
    "almalinux-9": "almalinux:almalinux-x86_64:9-gen2:latest",
}
_PARTS = 4


class Images:
    """The part of the driver that looks images up."""

    cloud: str
    _arm: Arm

    def resolve(self, request: Request) -> Request:
        """Fill in the image's id: an urn with its exact version; `latest` is the newest."""
        return replace(request, image_id=self._exact(request.image))

    def _exact(self, image: str) -> str:
        if image.startswith("/subscriptions/"):
            return image
        urn = SHORT.get(image, image)
        if urn.count(":") != _PARTS - 1:
            raise self._unknown(image)
        if not urn.endswith(":latest"):
            return urn
        with translated():
            versions = newest(self._arm, urn)
        if not versions:
            raise self._unknown(image)
        return f"{urn.removesuffix('latest')}{versions}"

    def _unknown(self, image: str) -> ActionFailed:
        return ActionFailed(
            f"no image {image!r} on {self.cloud}: give one of {', '.join(SHORT)}, or "
            "publisher:offer:sku:version, or the id of an image of yours"
        )


def newest(arm: Arm, urn: str) -> str:
    """Give the newest version of an image; nothing if there is none in this region."""
    publisher, offer, sku, _ = urn.split(":")
    place = (
        f"{arm.root}/providers/Microsoft.Compute/locations/{arm.location}/publishers/{publisher}"
        f"/artifacttypes/vmimage/offers/{offer}/skus/{sku}/versions"
    )
    try:
        found: list[Document] = arm.get(place, _top="1", _orderby="name desc")
    except HttpResponseError as error:
        if is_absent(error):
            return ""
        raise
    return str(found[0]["name"]) if found else ""
