"""Google: Compute Engine's description of an instance in our words, and what we write into one.

A label takes lower case only. Tags that do not fit a label stand in one item of the metadata, as
JSON; where a tag is in both, a change was interrupted, and the metadata counts.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cloudmesh_engine.clouds import NAME_TAG, Machine

Document = dict[str, Any]

KEY_TAG, IMAGE_ID_TAG = "cm-key", "cm-image-id"
TAGS_ITEM = "cm-tags"
# What Google's agent in a VM reads: a line for each key that opens it.
KEYS_ITEM = "ssh-keys"
STOPPED, SUSPENDED = "TERMINATED", "SUSPENDED"
_STATES = {
    "PROVISIONING": "pending",
    "STAGING": "pending",
    "REPAIRING": "pending",
    "RUNNING": "running",
    "PENDING_STOP": "stopping",
    "STOPPING": "stopping",
    "SUSPENDING": "stopping",
    STOPPED: "stopped",
    "STOPPED": "stopped",
    SUSPENDED: "stopped",
    "DEPROVISIONING": "shutting-down",
}
_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
_MARK_LENGTH, _NAME_LENGTH = 8, 63


def describe(cloud: str, instance: Mapping[str, Any]) -> Machine:
    """Give an instance as our machine."""
    tags = read_tags(instance)
    interfaces = instance.get("networkInterfaces") or []
    made = instance.get("creationTimestamp")
    started = instance.get("lastStartTimestamp") or made
    return Machine(
        cloud=cloud,
        name=tags.get(NAME_TAG) or str(instance["name"]),
        id=str(instance["id"]),
        state=_STATES.get(str(instance.get("status")), "pending"),
        # It shows its disk only, and not what that was made of.
        image=tags.get(IMAGE_ID_TAG, ""),
        flavor=str(instance["machineType"]).rpartition("/")[2],
        key=tags.get(KEY_TAG, ""),
        public_ips=[
            str(way["natIP"])
            for interface in interfaces
            for way in interface.get("accessConfigs") or []
            if way.get("natIP")
        ],
        private_ips=[str(one["networkIP"]) for one in interfaces if one.get("networkIP")],
        launched=_time(str(started)) if started else "",
        tags=tags,
        created=_time(str(made)) if made else "",
    )


def instance_name(name: str, mark: str) -> str:
    """Give the name that Google wants, which no two attempts share.

    :param mark: what tells the attempt from others, in lower case
    """
    plain = re.sub(r"[^a-z0-9-]", "-", name.lower()).strip("-")
    plain = plain if plain[:1].isalpha() else f"vm-{plain}".rstrip("-")
    mark = mark[:_MARK_LENGTH]
    return f"{plain[: _NAME_LENGTH - len(mark) - 1].rstrip('-')}-{mark}"


def is_label(key: str, value: str) -> bool:
    """Say whether a tag can be a label."""
    return bool(_LABEL_KEY.fullmatch(key) and _LABEL_VALUE.fullmatch(value))


def labels_of(tags: Mapping[str, str]) -> dict[str, str]:
    """Give the tags that can be labels."""
    return {key: value for key, value in tags.items() if is_label(key, value)}


def items_of(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Give the metadata for the tags that cannot be labels."""
    rest = {key: value for key, value in sorted(tags.items()) if not is_label(key, value)}
    return [{"key": TAGS_ITEM, "value": json.dumps(rest)}] if rest else []


def read_tags(instance: Mapping[str, Any]) -> dict[str, str]:
    """Give the tags of an instance."""
    return {**(instance.get("labels") or {}), **read_rest(instance)}


def read_rest(instance: Mapping[str, Any]) -> dict[str, str]:
    """Give the tags that stand in the metadata."""
    return read_item(instance.get("metadata") or {}, TAGS_ITEM)


def read_item(metadata: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Read one item of metadata that we wrote; what somebody else wrote there is nothing."""
    items = {one["key"]: one.get("value") for one in metadata.get("items") or []}
    try:
        found = json.loads(items.get(name) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def with_item(metadata: Mapping[str, Any], name: str, content: Mapping[str, Any]) -> Document:
    """Give metadata with another content of one item of ours; an empty one is left out."""
    items = [one for one in metadata.get("items") or [] if one["key"] != name]
    if content:
        items.append({"key": name, "value": json.dumps(content, sort_keys=True)})
    return {"fingerprint": metadata.get("fingerprint", ""), "items": items}


def _time(text: str) -> str:
    # Google's own times are California's, with its daylight saving.
    return datetime.fromisoformat(text).astimezone(UTC).isoformat()
