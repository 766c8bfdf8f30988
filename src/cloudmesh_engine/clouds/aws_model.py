"""EC2's description, with which botocore makes its client: of 800 calls only those of the driver.

botocore reads 4 MB for them all, and looks for them in 400 folders; that is a quarter of what a
boot costs here. `python -m cloudmesh_engine.clouds.aws_model` makes ec2.json anew from the botocore
that is installed, and a test fails where the two differ.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from botocore.loaders import Loader

_FILE = Path(__file__).with_name("ec2.json")
_SERVICE, _KIND = "ec2", "service-2"
# What a program does not need of it; the names of all flavors alone are as long as all the rest.
_FOR_PEOPLE = ("documentation", "enum")

CALLS = (
    "AllocateAddress", "AssociateAddress", "AuthorizeSecurityGroupIngress", "CreateSecurityGroup",
    "CreateTags", "DeleteKeyPair", "DeleteNetworkInterface", "DeleteSecurityGroup", "DeleteTags",
    "DeleteVolume", "DescribeAddresses", "DescribeImages", "DescribeInstanceTypes",
    "DescribeInstances", "DescribeKeyPairs", "DescribeNetworkInterfaces", "DescribeSecurityGroups",
    "DescribeSubnets", "DescribeVolumes", "DisassociateAddress", "GetConsoleOutput",
    "ImportKeyPair", "ModifyInstanceAttribute", "RebootInstances", "ReleaseAddress",
    "RunInstances", "StartInstances", "StopInstances", "TerminateInstances",
)  # fmt: skip

Node = dict[str, Any]


class Ec2Loader(Loader):  # type: ignore[misc] # botocore has no types
    """Loads what botocore asks for; of EC2's calls those of the driver."""

    def load_service_model(
        self, service_name: str, type_name: str, api_version: str | None = None
    ) -> Node:
        """Load what there is to know about a service."""
        if (service_name, type_name) == (_SERVICE, _KIND):
            model: Node = json.loads(_FILE.read_text(encoding="utf-8"))
            return model
        asked: Node = super().load_service_model(service_name, type_name, api_version)
        return asked

    def list_available_services(self, type_name: str) -> list[str]:
        """Name the services without looking into each one's folder."""
        folders = [path for path in self.search_paths if os.path.isdir(path)]
        return sorted({name for path in folders for name in os.listdir(path)})


def trimmed(model: Node) -> Node:
    """Keep of EC2's description what the calls need."""
    calls = {name: model["operations"][name] for name in CALLS}
    needed: set[str] = set()
    found = set(_shapes(calls))
    while found:
        needed |= found
        found = {name for known in found for name in _shapes(model["shapes"][known])} - needed
    shapes = {name: model["shapes"][name] for name in sorted(needed)}
    kept: Node = _plain({**model, "operations": calls, "shapes": shapes})
    return kept


def text(model: Node) -> str:
    """Write a description with a line for each call and shape."""
    parts = {
        name: _block({key: json.dumps(value) for key, value in part.items()})
        if isinstance(part, dict)
        else json.dumps(part)
        for name, part in model.items()
    }
    return _block(parts) + "\n"


def _shapes(node: Any) -> Iterator[str]:
    """Name the shapes that a piece of a description refers to."""
    if isinstance(node, dict):
        if isinstance(node.get("shape"), str):
            yield node["shape"]
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from _shapes(child)


def _block(rows: dict[str, str]) -> str:
    return "{\n" + ",\n".join(f"{json.dumps(key)}: {row}" for key, row in rows.items()) + "\n}"


def _plain(node: Any) -> Any:
    if isinstance(node, dict):
        # A member of a shape may have the name of what is left out.
        return {
            key: _plain(value)
            for key, value in node.items()
            if key not in _FOR_PEOPLE or isinstance(value, dict)
        }
    return [_plain(value) for value in node] if isinstance(node, list) else node


if __name__ == "__main__":
    _FILE.write_text(text(trimmed(Loader().load_service_model(_SERVICE, _KIND))), encoding="utf-8")
