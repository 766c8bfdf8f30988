"""What Azure refuses of a virtual machine before it makes it."""

import base64
import re
import uuid
from typing import Any

from catalogue import SIZES, check_image, exact
from state import LOCATION, State
from wire import ArmError, Document

_LOGINS = {"admin", "administrator", "root", "guest", "test", "user", "user1", "sys", "console"}


def size(state: State, properties: Document) -> str:
    """Give the size that is asked for; refuse one that is not to be had."""
    size = str((properties.get("hardwareProfile") or {}).get("vmSize") or "")
    if size not in SIZES:
        raise ArmError(400, "InvalidParameter", f"The value {size} provided for the VM size is not valid. The valid sizes in the current region are: {','.join(SIZES)}.")  # fmt: skip
    if size in state.restricted:
        raise ArmError(409, "SkuNotAvailable", f"The requested VM size '{size}' is currently not available in location '{LOCATION}'. Please try another size or deploy to a different location or different zone.")  # fmt: skip
    return size


def disk(state: State, identity: str, properties: Document) -> Document:
    """Give the image that is asked for; name the disk."""
    storage = _required(properties, "storageProfile")
    disk = _required(storage, "osDisk")
    if disk.get("createOption") != "FromImage":
        raise ArmError(400, "InvalidParameter", "Required parameter 'osDisk.createOption' is missing (null), or not 'FromImage'.")  # fmt: skip
    disk.setdefault("name", f"{identity.rpartition('/')[2]}_OsDisk_1_{uuid.uuid4().hex}")
    if state.find(disk_id(identity, disk["name"])):
        raise ArmError(409, "ConflictingUserInput", f"Disk {disk['name']} already exists in resource group. Only CreateOption.Attach is supported.")  # fmt: skip
    image = _required(storage, "imageReference")
    if image.get("id"):
        state.need(image["id"])
        return image
    check_image(image)
    return {**image, "exactVersion": exact(image)}


def login(properties: Document) -> Document:
    """Give the login that is asked for, without its password."""
    profile = _required(properties, "osProfile")
    login = str(profile.get("adminUsername") or "")
    if not re.fullmatch(r"[a-z_][a-z0-9_-]{0,31}", login) or login in _LOGINS:
        raise ArmError(400, "InvalidParameter", "The Admin Username specified is not allowed.")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]{0,63}", str(profile.get("computerName") or "")):
        raise ArmError(400, "InvalidParameter", "Linux host name cannot exceed 64 characters in length or contain special characters.")  # fmt: skip
    linux = profile.get("linuxConfiguration") or {}
    keys = (linux.get("ssh") or {}).get("publicKeys") or []
    if linux.get("disablePasswordAuthentication") and not keys:
        raise ArmError(400, "InvalidParameter", "Authentication using either SSH or by user name and password must be enabled in Linux profile.")  # fmt: skip
    for key in keys:
        if key.get("path") != f"/home/{login}/.ssh/authorized_keys":
            raise ArmError(400, "InvalidParameter", f"Destination path for SSH public keys is currently limited to its default value /home/{login}/.ssh/authorized_keys due to a known issue in Linux provisioning agent.")  # fmt: skip
        check_key(str(key.get("keyData") or ""), "linuxConfiguration.ssh.publicKeys.keyData")
    return {key: value for key, value in profile.items() if key != "adminPassword"}


def check_key(line: str, where: str) -> None:
    """Refuse what is no key that Azure takes: RSA from 2048 bits, or Ed25519."""
    kind, _, rest = line.strip().partition(" ")
    try:
        body = base64.b64decode(rest.split()[0], validate=True)
    except (ValueError, IndexError):
        body = b""
    if kind not in ("ssh-rsa", "ssh-ed25519") or len(body) < (270 if kind == "ssh-rsa" else 51):
        raise ArmError(400, "InvalidParameter", f"The value of parameter {where} is invalid.")


def interfaces(state: State, identity: str, properties: Document) -> list[Document]:
    """Give the interfaces that are asked for; refuse what is missing or taken."""
    found = []
    for one in given_nics(properties):
        nic = state.find(one.get("id"))
        if not nic:
            raise ArmError(400, "InvalidResourceReference", f"Resource {one.get('id')} referenced by resource {identity} was not found. Please make sure that the referenced resource exists, and that both resources are in the same region.")  # fmt: skip
        holder = nic["properties"].get("virtualMachine") or {"id": identity}
        if holder["id"].lower() != identity.lower():
            raise ArmError(409, "NicInUse", f"Network Interface {nic['id']} is used by existing VM {holder['id']}.")  # fmt: skip
        found.append(nic)
    if not found:
        raise ArmError(400, "InvalidParameter", "Required parameter 'networkProfile.networkInterfaces' is missing (null).")  # fmt: skip
    return found


def given_nics(properties: Document) -> list[Document]:
    """Give the references to interfaces."""
    return list((properties.get("networkProfile") or {}).get("networkInterfaces") or [])


def _required(node: Document, key: str) -> Any:
    if not node.get(key):
        raise ArmError(400, "InvalidParameter", f"Required parameter '{key}' is missing (null).")
    return node[key]


def disk_id(identity: str, name: str) -> str:
    """Give the id of a disk beside a VM."""
    group = identity.split("/providers/")[0]
    return f"{group}/providers/Microsoft.Compute/disks/{name}"
