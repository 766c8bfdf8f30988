"""Azure: its description of a VM in our words, and ours of a VM in its words."""

import re
from collections.abc import Mapping
from typing import Any

from cloudmesh_engine.clouds import BROKEN, NAME_TAG, OWNER_TAG, Machine, Request
from cloudmesh_engine.clouds.azure_errors import explained

Document = dict[str, Any]

VM = "Microsoft.Compute/virtualMachines"
NIC = "Microsoft.Network/networkInterfaces"
ADDRESS = "Microsoft.Network/publicIPAddresses"
DISK = "Microsoft.Compute/disks"
# Azure does not keep the name of a key, only the key.
KEY_TAG = "cm-key"
# When it was made, of what tells that not by itself.
MADE_TAG = "cm-made"

_STATES = {
    "starting": "pending",
    "running": "running",
    "stopping": "stopping",
    "stopped": "stopped",
    "deallocating": "stopping",
    "deallocated": "stopped",
    "hibernating": "stopping",
    "hibernated": "stopped",
}
_TOKEN_LENGTH = 12
_LONGEST_WORD = 40
_OURS = re.compile(rf"[a-z0-9][a-z0-9-]*-[0-9a-f]{{{_TOKEN_LENGTH}}}")


def resource_name(name: str, token: str) -> str:
    """Name the VM of a token: Azure's names have no underscore, no case, and last for ever."""
    word = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_LONGEST_WORD].strip("-")
    return f"{word or 'vm'}-{token[:_TOKEN_LENGTH]}"


def is_ours_by_name(identity: str) -> bool:
    """Say whether a name is one that `resource_name` gives."""
    return bool(_OURS.fullmatch(identity))


def describe(
    cloud: str, vm: Document, view: Document, public: list[str], private: list[str]
) -> Machine:
    """Give a VM as our machine.

    :param view: Azure's instance view of it
    """
    properties = vm["properties"]
    tags = {str(key): str(value) for key, value in (vm.get("tags") or {}).items()}
    now, fault, charged = _state(properties, view)
    alive = now != "shutting-down"
    return Machine(
        cloud=cloud,
        name=tags.get(NAME_TAG) or str(vm["name"]),
        id=str(vm["name"]),
        state=now,
        image=_image((properties.get("storageProfile") or {}).get("imageReference") or {}),
        flavor=str((properties.get("hardwareProfile") or {}).get("vmSize") or ""),
        key=tags.get(KEY_TAG, ""),
        public_ips=public if alive else [],
        private_ips=private if alive else [],
        launched=str(properties.get("timeCreated") or ""),
        tags=tags,
        created=str(properties.get("timeCreated") or ""),
        fault=fault,
        charged=charged,
    )


def owner(resource: Mapping[str, Any] | None) -> str:
    """Give the appliance that made a resource."""
    return str(((resource or {}).get("tags") or {}).get(OWNER_TAG) or "")


def body(
    wanted: str, request: Request, *, location: str, tags: dict[str, str], login: str, key: str,
    nic: str,
) -> Document:  # fmt: skip
    """Write what Azure makes a VM of.

    :param wanted: the name of the resource
    :param key: the public key that lets in
    :param nic: the id of its interface
    """
    keys = [{"path": f"/home/{login}/.ssh/authorized_keys", "keyData": key}]
    return {
        "location": location,
        "tags": tags,
        "properties": {
            "hardwareProfile": {"vmSize": request.flavor},
            "storageProfile": {
                "imageReference": reference(request.image_id),
                "osDisk": {
                    "name": f"{wanted}-os",
                    "createOption": "FromImage",
                    "deleteOption": "Delete",
                    "managedDisk": {"storageAccountType": "StandardSSD_LRS"},
                },
            },
            "osProfile": {
                "computerName": wanted.rpartition("-")[0],
                "adminUsername": login,
                "linuxConfiguration": {
                    "disablePasswordAuthentication": True,
                    "ssh": {"publicKeys": keys},
                },
            },
            "networkProfile": {
                "networkInterfaces": [
                    {"id": nic, "properties": {"primary": True, "deleteOption": "Delete"}}
                ]
            },
            "diagnosticsProfile": {"bootDiagnostics": {"enabled": True}},
        },
    }


def reference(image: str) -> Document:
    """Write an image as Azure takes it: an id, or publisher, offer, sku and version."""
    if image.startswith("/"):
        return {"id": image}
    publisher, offer, sku, version = image.split(":")
    return {"publisher": publisher, "offer": offer, "sku": sku, "version": version}


def _image(found: Document) -> str:
    if found.get("id"):
        return str(found["id"])
    version = found.get("exactVersion") or found.get("version")
    return ":".join(str(part) for part in (*map(found.get, ("publisher", "offer", "sku")), version))


def _state(properties: Document, view: Document) -> tuple[str, str, bool]:
    """Say in which state a VM is, what went wrong last, and whether it only looks stopped."""
    statuses = view.get("statuses") or []
    power = next((word for one in statuses if (word := _word(one, "PowerState"))), "")
    fault = next((_fault(one) for one in statuses if _word(one, "ProvisioningState")), "")
    provisioning = str(properties.get("provisioningState")).lower()
    if provisioning == "deleting":
        return "shutting-down", fault, False
    if provisioning == "failed" and not power:
        # A VM that has run, and only could not be started or changed, is not to be replaced.
        return BROKEN, fault, False
    return _STATES.get(power, "pending"), fault, power == "stopped"


def _word(status: Document, kind: str) -> str:
    first, _, rest = str(status["code"]).partition("/")
    return rest if first == kind else ""


def _fault(status: Document) -> str:
    """Say what went wrong: the status is then `ProvisioningState/failed/CODE`."""
    outcome, _, code = _word(status, "ProvisioningState").partition("/")
    if outcome != "failed":
        return ""
    message = str(status.get("message") or "")
    return str(explained(code or "failed", message)).removeprefix("Azure: ")
