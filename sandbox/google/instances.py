"""Instances: what a new one has to be, and what can be done to it."""

import re

import answers
import catalogue
from answers import Document, Refusal, invalid, not_ready, only
from disks import Disks
from marked import put_labels, put_metadata, put_tags
from networks import Networks
from operations import Operations
from store import ROOT, Store, fingerprint, now

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


class Instances:
    """The instances of a project.

    :param cpus: how many processors may run in a region
    """

    def __init__(self, store: Store, operations: Operations, networks: Networks, cpus: int) -> None:
        self._cpus = cpus
        self._store = store
        self._operations = operations
        self._networks = networks
        self._disks = Disks(store)

    def insert(self, place: str, body: Document, asked: str) -> Document:
        """Accept a new instance, or refuse it."""
        only(body, _FIELDS, "resource")
        zone = place.split("/")[1]
        machine_type = self._type(zone, body.get("machineType", ""))
        self._check_quota(zone, machine_type)
        instance = {
            "name": answers.name(body.get("name")),
            "machineType": f"{ROOT}/zones/{zone}/machineTypes/{machine_type}",
            "status": "PROVISIONING",
            "disks": [self._disk(zone, body)],
            "networkInterfaces": [self._interface(zone, body)],
            "canIpForward": False,
            "deletionProtection": False,
            "startRestricted": False,
            "cpuPlatform": "Unknown CPU Platform",
            "scheduling": {"automaticRestart": True, "onHostMaintenance": "MIGRATE"},
        }
        put_labels(instance, answers.labels(body.get("labels", {})))
        put_metadata(instance, "metadata", answers.metadata(body.get("metadata", {})))
        put_tags(instance, body.get("tags", {}))
        added = self._store.add(place, instance)
        try:
            self._networks.connect(place, added)
            self._disks.make(added, body["disks"][0].get("initializeParams") or {})
        except Refusal:
            self._networks.release(added)
            self._store.remove(place, added)
            raise

        def effect() -> None:
            if machine_type in catalogue.EXHAUSTED:
                self._disks.leave(added)
                self._store.remove(place, added)
                raise Refusal(
                    503,
                    "ZONE_RESOURCE_POOL_EXHAUSTED",
                    f"The zone '{ROOT}/zones/{zone}' does not have enough resources available to "
                    "fulfill the request.  Try a different zone, or try again later.",
                )
            if added["status"] == "PROVISIONING":
                added.update(status="RUNNING", lastStartTimestamp=now())

        return self._operations.begin("insert", place, added, asked, effect)

    def delete(self, place: str, name: str, asked: str) -> Document:
        """Let an instance go, with its disk if that is to go along."""
        instance = self._store.find(place, name)
        if instance["status"] == "STOPPING" and self._operations.is_busy(instance):
            raise not_ready(instance["selfLink"])
        instance["status"] = "STOPPING"

        def effect() -> None:
            self._networks.release(instance)
            self._disks.leave(instance)
            self._store.remove(place, instance)

        return self._operations.begin("delete", place, instance, asked, effect)

    def power(self, place: str, name: str, action: str, asked: str) -> Document:
        """Start, stop, reset, suspend or resume an instance."""
        instance = self._store.find(place, name)
        before, during, after = {
            "start": (("TERMINATED",), "STAGING", "RUNNING"),
            "stop": (("RUNNING",), "STOPPING", "TERMINATED"),
            "suspend": (("RUNNING",), "SUSPENDING", "SUSPENDED"),
            "resume": (("SUSPENDED",), "PROVISIONING", "RUNNING"),
            "reset": (("RUNNING",), "RUNNING", "RUNNING"),
        }[action]
        there = (after,) if action in ("start", "stop") else ()
        if self._operations.is_busy(instance) or instance["status"] not in (*before, *there):
            raise not_ready(instance["selfLink"])
        if instance["status"] in there:
            return self._operations.begin(action, place, instance, asked, lambda: None)
        instance["status"] = during

        def effect() -> None:
            instance["status"] = after
            if action in ("start", "resume"):
                instance["lastStartTimestamp"] = now()
                self._networks.refresh(instance)
            elif action == "stop":
                instance["lastStopTimestamp"] = now()
                self._networks.forget(instance)

        return self._operations.begin(action, place, instance, asked, effect)

    def set_machine_type(self, place: str, name: str, body: Document, asked: str) -> Document:
        """Give a stopped instance another machine type."""
        only(body, {"machineType": str}, "resource")
        instance = self._stopped(place, name)
        zone = place.split("/")[1]
        path = f"{ROOT}/zones/{zone}/machineTypes/{self._type(zone, body.get('machineType', ''))}"
        return self._operations.begin(
            "setMachineType", place, instance, asked, lambda: instance.update(machineType=path)
        )

    def set_name(self, place: str, name: str, body: Document, asked: str) -> Document:
        """Give a stopped instance another name."""
        only(body, {"name": str, "currentName": str}, "resource")
        instance = self._stopped(place, name)
        wanted = answers.name(body.get("name"))
        if body.get("currentName") != instance["name"]:
            raise Refusal(412, "conditionNotMet", "The current name is another one.")

        def effect() -> None:
            self._store.rename(place, instance, wanted)
            self._networks.renamed(instance)
            self._disks.renamed(instance)

        return self._operations.begin("setName", place, instance, asked, effect)

    def console(self, place: str, name: str, port: str) -> Document:
        """Give what an instance wrote to its first serial port."""
        instance = self._store.find(place, name)
        if port not in ("", "1"):
            raise invalid("port", port, "Only port 1 has an output here.")
        text = "" if instance["status"] == "PROVISIONING" else _boot_text(instance["name"])
        size = str(len(text))
        return {
            "kind": "compute#serialPortOutput",
            "contents": text,
            "start": "0",
            "next": size,
            "selfLink": f"{instance['selfLink']}/serialPort",
        }

    def _stopped(self, place: str, name: str) -> Document:
        instance = self._store.find(place, name)
        if instance["status"] != "TERMINATED" or self._operations.is_busy(instance):
            raise Refusal(
                400, "invalidUsage", "Invalid resource usage: 'The instance must be stopped.'."
            )
        return instance

    def _check_quota(self, zone: str, machine_type: str) -> None:
        region = catalogue.ZONES[zone]
        used = [
            str(instance["machineType"]).rpartition("/")[2]
            for place, its in catalogue.ZONES.items()
            if its == region
            for instance in self._store.all(f"zones/{place}/instances")
            if instance["status"] != "TERMINATED"
        ]
        if sum(catalogue.MACHINE_TYPES[one][0] for one in [*used, machine_type]) > self._cpus:
            message = f"Quota 'CPUS' exceeded.  Limit: {self._cpus:.1f} in region {region}."
            raise Refusal(403, "quotaExceeded", message)

    def _type(self, zone: str, path: str) -> str:
        found = _TYPE.fullmatch(path)
        if not found or found[1] != zone or found[2] not in catalogue.MACHINE_TYPES:
            raise invalid("resource.machineType", path, "The referenced resource does not exist.")
        return found[2]

    def _disk(self, zone: str, body: Document) -> Document:
        disks = body.get("disks", [])
        if len(disks) != 1 or not isinstance(disks[0], dict):
            raise invalid("resource.disks", len(disks), "This service takes one boot disk.")
        only(disks[0], _DISK, "resource.disks[0]")
        wanted = disks[0].get("initializeParams") or {}
        only(wanted, _NEW_DISK, "resource.disks[0].initializeParams")
        answers.labels(wanted.get("labels", {}), "resource.disks[0].initializeParams.labels")
        if not disks[0].get("boot") or not self._has_image(wanted.get("sourceImage", "")):
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

    def _has_image(self, path: str) -> bool:
        found = _IMAGE.fullmatch(path)
        return found is not None and any(
            image["project"] == found[1]
            and found[3] == image["family" if found[2] else "name"]
            and not (found[2] and "deprecated" in image)
            for image in catalogue.images()
        )

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


def _boot_text(name: str) -> str:
    return f"[    0.000000] Linux version 6.8.0 (the sandbox's)\r\n{name} login: \r\n"
