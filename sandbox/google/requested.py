"""What a new instance is asked to be: its type, disk and interface, refused where Google does."""

import re

import answers
import catalogue
from answers import Document, Refusal, invalid, only
from store import ROOT, Store, fingerprint

_FIELDS = {
    "name": str, "machineType": str, "labels": dict, "metadata": dict, "tags": dict,
    "disks": list, "networkInterfaces": list, "description": str, "serviceAccounts": list,
    "scheduling": dict, "canIpForward": bool, "deletionProtection": bool, "minCpuPlatform": str,
}  # fmt: skip
_DISK = {"boot": bool, "autoDelete": bool, "initializeParams": dict, "diskSizeGb": str}
_NEW_DISK = {"sourceImage": str, "labels": dict, "diskSizeGb": str, "description": str}
_INTERFACE = {"network": str, "subnetwork": str, "accessConfigs": list}
_TYPE = re.compile(r"(?:.*/)?zones/([^/]+)/machineTypes/([^/]+)")
_IMAGE = re.compile(r"(?:.*/)?projects/([^/]+)/global/images/(?:(family)/)?([^/]+)")


class Requested:
    """Reads what is asked for.

    :param cpus: how many processors may run in a region
    """

    def __init__(self, store: Store, cpus: int) -> None:
        self._store = store
        self._cpus = cpus

    def instance(self, zone: str, body: Document) -> Document:
        """Give a new instance without its labels, metadata and tags."""
        only(body, _FIELDS, "resource")
        path = self.machine_type(zone, body)
        self._check_quota(zone, path)
        return {
            "name": answers.name(body.get("name")),
            "machineType": path,
            "status": "PROVISIONING",
            "disks": [_disk(zone, body)],
            "networkInterfaces": [self._interface(zone, body)],
            "canIpForward": False,
            "deletionProtection": False,
            "startRestricted": False,
            "cpuPlatform": "Unknown CPU Platform",
            "scheduling": {"automaticRestart": True, "onHostMaintenance": "MIGRATE"},
        }

    def machine_type(self, zone: str, body: Document) -> str:
        """Give the path of the machine type that a body names."""
        path = body.get("machineType", "")
        found = _TYPE.fullmatch(path)
        if not found or found[1] != zone or found[2] not in catalogue.MACHINE_TYPES:
            raise invalid("resource.machineType", path, "The referenced resource does not exist.")
        return f"{ROOT}/zones/{zone}/machineTypes/{found[2]}"

    def _check_quota(self, zone: str, wanted: str) -> None:
        region = catalogue.ZONES[zone]
        used = [
            str(instance["machineType"])
            for place, its in catalogue.ZONES.items()
            if its == region
            for instance in self._store.all(f"zones/{place}/instances")
            if instance["status"] != "TERMINATED"
        ]
        if sum(catalogue.MACHINE_TYPES[type_of(one)][0] for one in [*used, wanted]) > self._cpus:
            message = f"Quota 'CPUS' exceeded.  Limit: {self._cpus:.1f} in region {region}."
            raise Refusal(403, "quotaExceeded", message)

    def _interface(self, zone: str, body: Document) -> Document:
        interfaces = body.get("networkInterfaces", [])
        if len(interfaces) != 1 or not isinstance(interfaces[0], dict):
            raise invalid("resource.networkInterfaces", len(interfaces), "Exactly one is taken.")
        wanted = interfaces[0]
        only(wanted, _INTERFACE, "resource.networkInterfaces[0]")
        region = catalogue.ZONES[zone]
        subnet = f"{ROOT}/regions/{region}/subnetworks/{catalogue.NETWORK}"
        network = f"{ROOT}/global/networks/{catalogue.NETWORK}"
        for field, path in (("network", network), ("subnetwork", subnet)):
            given = wanted.get(field, path).rpartition("projects/")[2]
            if not path.endswith(f"/{given}"):
                where = f"resource.networkInterfaces[0].{field}"
                raise invalid(where, wanted[field], "The referenced resource does not exist.")
        made: Document = {
            "kind": "compute#networkInterface",
            "name": "nic0",
            "network": network,
            "subnetwork": subnet,
            "networkIP": self._store.inside_address(region),
            "stackType": "IPV4_ONLY",
            "_wanted": wanted.get("accessConfigs", []),
        }
        return {**made, "fingerprint": fingerprint(made)}


def type_of(path: str) -> str:
    """Name the machine type of a path."""
    return path.rpartition("/")[2]


def _disk(zone: str, body: Document) -> Document:
    disks = body.get("disks", [])
    if len(disks) != 1 or not isinstance(disks[0], dict):
        raise invalid("resource.disks", len(disks), "This service takes one boot disk.")
    only(disks[0], _DISK, "resource.disks[0]")
    wanted = disks[0].get("initializeParams") or {}
    only(wanted, _NEW_DISK, "resource.disks[0].initializeParams")
    answers.labels(wanted.get("labels", {}), "resource.disks[0].initializeParams.labels")
    if not disks[0].get("boot") or not _has_image(wanted.get("sourceImage", "")):
        raise invalid(
            "resource.disks[0].initializeParams.sourceImage",
            wanted.get("sourceImage", ""),
            "The referenced image resource cannot be found.",
        )
    return {
        "kind": "compute#attachedDisk",
        "type": "PERSISTENT",
        "mode": "READ_WRITE",
        "boot": True,
        "autoDelete": bool(disks[0].get("autoDelete")),
        "index": 0,
        "deviceName": "persistent-disk-0",
        "diskSizeGb": str(wanted.get("diskSizeGb") or 10),
        "source": f"{ROOT}/zones/{zone}/disks/{body.get('name')}",
    }


def _has_image(path: str) -> bool:
    found = _IMAGE.fullmatch(path)
    return found is not None and any(
        image["project"] == found[1]
        and found[3] == image["family" if found[2] else "name"]
        and not (found[2] and "deprecated" in image)
        for image in catalogue.images()
    )
