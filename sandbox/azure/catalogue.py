"""The images and sizes that the fake has: named as Azure's, in one place."""

import json
from pathlib import Path

from state import LOCATION, State
from wire import Answer, ArmError, Call, Document

_FILE = json.loads(Path(__file__).with_name("catalogue.json").read_text(encoding="utf-8"))
IMAGES: dict[str, list[str]] = _FILE["images"]
# Processors and gibibytes.
SIZES: dict[str, list[int]] = _FILE["sizes"]


def exact(image: Document) -> str:
    """Give the version that a reference stands for."""
    versions = IMAGES.get(":".join(str(image.get(part)) for part in ("publisher", "offer", "sku")))
    wanted = str(image.get("version"))
    if versions and wanted == "latest":
        return versions[-1]
    return wanted if versions and wanted in versions else ""


def check_image(image: Document) -> None:
    """Refuse a reference to what is not there."""
    urn = ":".join(str(image.get(part)) for part in ("publisher", "offer", "sku", "version"))
    if not exact(image):
        raise ArmError(404, "PlatformImageNotFound", f"The platform image '{urn}' is not available. Verify that all fields in the storage profile are correct. For more details about storage profile information, please refer to https://aka.ms/storageprofile")  # fmt: skip


def answer(_state: State, call: Call, names: list[str]) -> Answer:
    """List the versions of an image: publishers/P/artifacttypes/vmimage/offers/O/skus/S/versions."""
    words = [word.lower() for word in names[1::2]]
    if words[:5] != ["publishers", "artifacttypes", "offers", "skus", "versions"]:
        raise ArmError(404, "InvalidResource", "Only the versions of an image are listed here.")
    publisher, offer, sku = names[2], names[6], names[8]
    found = IMAGES.get(f"{publisher}:{offer}:{sku}")
    if names[0].lower() != LOCATION or found is None:
        raise ArmError(404, "NotFound", f"Artifact: VMImage was not found: {publisher} {offer} {sku}.")  # fmt: skip
    versions = sorted(found, reverse=call.query.get("$orderby", "").endswith("desc"))
    versions = versions[: int(call.query.get("$top", len(versions)))]
    # A list, not an object with one: so it is in this part of Azure.
    return Answer(200, None, text=json.dumps([{"name": one, "location": LOCATION, "id": f"/Subscriptions/{call.path.split('/')[2]}/Providers/Microsoft.Compute/Locations/{LOCATION}/Publishers/{publisher}/ArtifactTypes/VMImage/Offers/{offer}/Skus/{sku}/Versions/{one}"} for one in versions]))  # fmt: skip


def skus(state: State, call: Call) -> Answer:
    """List the sizes of a place, and which of them this subscription may not have."""
    wanted = call.query.get("$filter", "")
    if wanted and LOCATION not in wanted:
        return Answer(200, {"value": []})
    disks: Document = {"resourceType": "disks", "name": "StandardSSD_LRS", "locations": [LOCATION]}
    return Answer(200, {"value": [disks, *[_sku(state, name) for name in SIZES]]})


def _sku(state: State, name: str) -> Document:
    processors, memory = SIZES[name]
    architecture = "Arm64" if "ps_v5" in name else "x64"
    capabilities = {"vCPUs": processors, "MemoryGB": memory, "CpuArchitectureType": architecture}
    refused = {
        "type": "Location",
        "values": [LOCATION],
        "reasonCode": "NotAvailableForSubscription",
    }
    return {
        "resourceType": "virtualMachines",
        "name": name,
        "family": "standardFamily",
        "locations": [LOCATION],
        "capabilities": [{"name": key, "value": str(one)} for key, one in capabilities.items()],
        "restrictions": [refused] if name in state.restricted else [],
    }
