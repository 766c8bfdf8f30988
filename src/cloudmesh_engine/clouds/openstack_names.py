"""OpenStack: what a request means to Nova, and the ids behind the names that people write."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cloudmesh_engine.clouds import IMAGE_TAG, NAME_TAG, OWNER_TAG, Request
from cloudmesh_engine.clouds.openstack_errors import translated
from cloudmesh_engine.clouds.openstack_groups import Groups
from cloudmesh_engine.errors import ActionFailed


class Names:
    """The part of the driver that looks names up."""

    cloud: str
    owner: str
    _cloud: Any
    _network: str
    _reservation: str

    def resolve(self, request: Request) -> Request:
        """Fill in the image's id; a name stands for the newest image that has it."""
        with translated():
            found = list(self._cloud.image.images(name=request.image, status="active"))
            if not found and _is_id(request.image):
                found = [self._cloud.image.get_image(request.image)]
        if not found:
            raise ActionFailed(
                f"no image {request.image!r} on {self.cloud}: give the exact name or id of one: "
                f"see cms image list --cloud={self.cloud} --refresh"
            )
        newest = max(found, key=lambda image: str(image.created_at))
        return replace(request, image_id=str(newest.id))

    def parameters(self, name: str, request: Request, tags: Mapping[str, str]) -> dict[str, Any]:
        """Give what a request means to Nova, its labels and further tags as metadata."""
        labels = {f"cm-{key}": value for key, value in request.labels.items() if value}
        if request.image != request.image_id:
            labels[IMAGE_TAG] = request.image
        parameters: dict[str, Any] = {
            "name": name,
            "metadata": {OWNER_TAG: self.owner, NAME_TAG: name, **labels, **tags},
            "image_id": request.image_id,
            "flavor_id": self.flavor_id(request.flavor),
            "networks": [{"uuid": self.network_id(request.network or self._network)}],
        }
        if request.key:
            parameters["key_name"] = request.key
        if request.secgroup:
            parameters["security_groups"] = [{"name": self.group_id(request.secgroup)}]
        if self._reservation:
            parameters["scheduler_hints"] = {"reservation": self._reservation}
        return parameters

    def check_flavor(self, flavor: str) -> None:
        """Fail unless the site has that flavor."""
        self.flavor_id(flavor)

    def flavor_id(self, name: str) -> str:
        """Give the id of a flavor."""
        with translated():
            flavor = self._cloud.compute.find_flavor(name, ignore_missing=True)
        if not flavor:
            raise ActionFailed(
                f"no flavor {name!r} on {self.cloud}: give a --flavor that it has, or that of "
                f"your lease: see cms flavor list --cloud={self.cloud} --refresh"
            )
        return str(flavor.id)

    def network_id(self, name: str) -> str:
        """Give the id of a network of the project; without a name, of the only one."""
        with translated():
            found = [one for one in self._cloud.network.networks() if not one.is_router_external]
        chosen = [one for one in found if name in ("", one.name, one.id)]
        if len(chosen) == 1:
            return str(chosen[0].id)
        names = ", ".join(sorted(str(one.name) for one in found)) or "none"
        wanted = f"{len(chosen)} networks {name!r}" if name else "no network is chosen"
        raise ActionFailed(
            f"{wanted} on {self.cloud}: give --network, or default.network in cloudmesh.yaml: "
            f"there is {names}"
        )

    def group_id(self, name: str) -> str:
        """Give the id of a security group; of several with one name, of ours."""
        groups = Groups(self.cloud, self.owner, self._cloud)
        found = groups.find_group(name)
        if not found and _is_id(name):
            found = next((group for group in groups.groups() if group["id"] == name), None)
        if not found:
            raise ActionFailed(f"no security group {name!r} on {self.cloud}: make it first")
        return str(found["id"])


def _is_id(text: str) -> bool:
    return len(text.replace("-", "")) == 32 and set(text) <= set("0123456789abcdef-")
