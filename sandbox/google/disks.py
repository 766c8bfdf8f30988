"""Disks: each comes with an instance, and goes with it or stays."""

from answers import Document
from store import ROOT, Store


class Disks:
    """The disks of a project."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def make(self, instance: Document, wanted: Document) -> None:
        """Make the boot disk of a new instance, unless its name is taken."""
        shown = instance["disks"][0]
        disk = {
            "name": shown["source"].rpartition("/")[2],
            "sizeGb": shown["diskSizeGb"],
            "sourceImage": wanted["sourceImage"],
            "status": "READY",
            "type": f"{instance['zone']}/diskTypes/pd-standard",
            "users": [instance["selfLink"]],
            "_user": instance["id"],
        }
        if wanted.get("labels"):
            disk["labels"] = wanted["labels"]
        self._store.add(_place(instance), disk)

    def leave(self, instance: Document) -> None:
        """Part the disk from an instance that goes; it goes too if it was to."""
        for disk in self._used_by(instance):
            if instance["disks"][0]["autoDelete"]:
                self._store.remove(_place(instance), disk)
            else:
                del disk["users"], disk["_user"]

    def renamed(self, instance: Document) -> None:
        """Let the disk of an instance tell its new name."""
        for disk in self._used_by(instance):
            disk["users"] = [instance["selfLink"]]

    def _used_by(self, instance: Document) -> list[Document]:
        disks = self._store.all(_place(instance))
        return [one for one in disks if one.get("_user") == instance["id"]]


def _place(instance: Document) -> str:
    return f"{instance['zone'].removeprefix(f'{ROOT}/')}/disks"
