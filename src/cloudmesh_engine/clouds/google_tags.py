"""Google: changing the tags of an instance, in its labels or in its metadata.

Either has a fingerprint, by which Google refuses a change of what somebody else has changed since
it was read.
"""

from collections.abc import Callable
from typing import Any

from cloudmesh_engine.clouds import OWNER_TAG, Machine
from cloudmesh_engine.clouds.google_client import Compute
from cloudmesh_engine.clouds.google_errors import Problem, translated
from cloudmesh_engine.clouds.google_machine import (
    TAGS_ITEM,
    is_label,
    read_rest,
    read_tags,
    with_item,
)
from cloudmesh_engine.errors import ActionFailed, Refused

Document = dict[str, Any]

# How often others may change the same VM between our reading and writing it.
_TRIES = 10


class Tags:
    """The part of the driver that is about tags."""

    cloud: str
    owner: str
    _compute: Compute

    def tag(self, machine: Machine, key: str, value: str) -> None:
        """Set one tag."""
        if is_label(key, value):
            self._change_labels(machine, lambda tags: {**tags, key: value})
            # As long as it is there too, it counts.
            self._change_rest(machine, lambda tags: _without(tags, key))
        else:
            self._change_rest(machine, lambda tags: {**tags, key: value})
            self._change_labels(machine, lambda tags: _without(tags, key))

    def untag(self, machine: Machine, key: str) -> None:
        """Remove one tag; one that is not there is no failure."""
        self._change_labels(machine, lambda tags: _without(tags, key))
        self._change_rest(machine, lambda tags: _without(tags, key))

    def _change_labels(
        self, machine: Machine, changed: Callable[[dict[str, str]], dict[str, str]]
    ) -> None:
        def request(instance: Document) -> Document | None:
            before = dict(instance.get("labels") or {})
            after = changed(before)
            mark = instance["labelFingerprint"]
            return None if after == before else {"labels": after, "labelFingerprint": mark}

        self._write(machine, "setLabels", request)

    def _change_rest(
        self, machine: Machine, changed: Callable[[dict[str, str]], dict[str, str]]
    ) -> None:
        def request(instance: Document) -> Document | None:
            before = read_rest(instance)
            after = changed(before)
            metadata = instance.get("metadata") or {}
            return None if after == before else with_item(metadata, TAGS_ITEM, after)

        self._write(machine, "setMetadata", request)

    def _write(
        self, machine: Machine, action: str, request: Callable[[Document], Document | None]
    ) -> None:
        place = self._compute.zonal("instances", machine.id)
        with translated():
            for _ in range(_TRIES):
                wanted = request(self._own_instance(machine))
                if wanted is None:
                    return
                try:
                    self._compute.change("POST", f"{place}/{action}", wanted)
                except Problem as error:
                    if not error.is_stale:
                        raise
                else:
                    return
        raise ActionFailed(
            f"{machine.name} ({machine.id}) on {self.cloud} is being changed all the time: repeat"
        )

    def _own_instance(self, machine: Machine) -> Document:
        """Give the instance as it is now, if it is still ours."""
        instance = self._compute.get(self._compute.zonal("instances", machine.id))
        if read_tags(instance).get(OWNER_TAG) != self.owner:
            raise Refused(
                f"{machine.name} ({machine.id}) on {self.cloud} was not booted by this appliance"
            )
        return instance


def _without(tags: dict[str, str], key: str) -> dict[str, str]:
    return {name: value for name, value in tags.items() if name != key}
