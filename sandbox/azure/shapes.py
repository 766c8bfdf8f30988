"""Writes shapes.json: the members of what clients send, from the models of Azure's own SDK.

`python sandbox/azure/shapes.py` in an environment with azure-mgmt-compute and azure-mgmt-network;
the fake itself needs neither. A test fails where the file and the SDK differ.
"""

import importlib
import json
import re
from pathlib import Path

FILE = Path(__file__).with_name("shapes.json")
_ROOTS = {
    "compute": ("VirtualMachine", "VirtualMachineUpdate", "SshPublicKeyResource"),
    "network": (
        "NetworkInterface", "NetworkSecurityGroup", "PublicIPAddress", "SecurityRule", "Subnet",
        "VirtualNetwork",
    ),
}  # fmt: skip

Shapes = dict[str, dict[str, str]]


def shapes() -> Shapes:
    """Give for each model its members, and which model each one has; empty for plain values."""
    found: Shapes = {}
    for package, roots in _ROOTS.items():
        module = importlib.import_module(f"azure.mgmt.{package}.models")
        waiting = [*roots]
        while waiting:
            model = waiting.pop()
            if f"{package}.{model}" in found:
                continue
            members = _members(getattr(module, model))
            found[f"{package}.{model}"] = {
                name: f"{package}.{one}" if hasattr(module, one) else ""
                for name, one in members.items()
            }
            waiting += [one for one in members.values() if _is_model(module, one)]
    plain = {name for name, members in found.items() if not members}
    return {
        name: {key: "" if one in plain or one not in found else one for key, one in members.items()}
        for name, members in sorted(found.items())
        if members
    }


def text(found: Shapes) -> str:
    """Write them with a line for each model."""
    lines = [f"{json.dumps(name)}: {json.dumps(members)}" for name, members in found.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _members(model: type) -> dict[str, str]:
    members = {}
    for base in reversed(model.__mro__):
        for attribute, value in vars(base).items():
            if type(value).__name__ == "_RestField":
                annotation = str(base.__annotations__.get(attribute))
                inner = re.search(r"_models\.(\w+)", annotation)
                # A mapping's keys are the user's own, as those of tags are.
                own = inner and "dict[" not in annotation.lower()
                members[value._rest_name_input or attribute] = inner[1] if inner and own else ""
    return members


def _is_model(module: object, name: str) -> bool:
    return hasattr(getattr(module, name, None), "__mro__")


if __name__ == "__main__":
    FILE.write_text(text(shapes()), encoding="utf-8")
