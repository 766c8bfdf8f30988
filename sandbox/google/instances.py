"""Instances: how one comes and goes, and what can be done to it."""

import answers
import catalogue
from answers import Document, Refusal, invalid, not_ready, only
from disks import Disks
from marked import put_labels, put_metadata, put_tags
from networks import Networks
from operations import Operations
from requested import Requested, type_of
from store import ROOT, Store, now


class Instances:
    """The instances of a project.

    :param cpus: how many processors may run in a region
    """

    def __init__(self, store: Store, operations: Operations, networks: Networks, cpus: int) -> None:
        self._store = store
        self._operations = operations
        self._networks = networks
        self._disks = Disks(store)
        self._requested = Requested(store, cpus)

    def insert(self, place: str, body: Document, asked: str) -> Document:
        """Accept a new instance, or refuse it."""
        zone = place.split("/")[1]
        instance = self._requested.instance(zone, body)
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
            if type_of(instance["machineType"]) in catalogue.EXHAUSTED:
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
        path = self._requested.machine_type(place.split("/")[1], body)
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


def _boot_text(name: str) -> str:
    return f"[    0.000000] Linux version 6.8.0 (the sandbox's)\r\n{name} login: \r\n"
