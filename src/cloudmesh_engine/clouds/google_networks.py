"""Google: the network that VMs are in: by the name of a subnet, or by the path of a network."""

from typing import Any

from cloudmesh_engine.clouds.google_client import Compute
from cloudmesh_engine.clouds.google_errors import translated

Document = dict[str, Any]

DEFAULT = "default"
# What gives a VM a public address.
WAY: Document = {"type": "ONE_TO_ONE_NAT", "name": "External NAT"}


def interface(compute: Compute, name: str, public: bool) -> Document:
    """Describe the interface of a new VM."""
    if _is_network(name):
        made: Document = {"network": network_of(compute, name)}
    else:
        made = {"subnetwork": path(subnet(compute, name)["selfLink"])}
    return {**made, "accessConfigs": [WAY]} if public else made


def network_of(compute: Compute, name: str) -> str:
    """Give the path of the network of a subnet, or of a network itself."""
    if not _is_network(name):
        return path(subnet(compute, name)["network"])
    return path(name) if "/" in name else compute.everywhere("networks", name)


def subnet(compute: Compute, name: str) -> Document:
    """Look up a subnet of the region."""
    with translated():
        return compute.get(path(name) if "/" in name else compute.regional("subnetworks", name))


def path(address: str) -> str:
    """Give what a thing is called in requests: its path without the service's address."""
    return "projects/" + (address.partition("/projects/")[2] or address.removeprefix("projects/"))


def _is_network(name: str) -> bool:
    # Its subnets, one a region, are called so too.
    return name == DEFAULT or "/networks/" in name
