"""Writes documents as upstream's provider does."""

import json
from typing import Any

# Upstream's columns of each kind, from aws/compute/Provider.py.
_COLUMNS = {
    "vm": {
        "cm.name": "Name",
        "cm.cloud": "Cloud",
        "instance_id": "Instance ID",
        "status": "Status",
        "image": "Image",
        "flavor": "Flavor",
        "public_ips": "Public IPs",
        "private_ips": "Private IPs",
        "created": "Started at",
        "cm.kind": "Kind",
    },
    "image": {
        "cm.name": "Name",
        "Architecture": "Architecture",
        "ImageId": "ID",
        "State": "State",
        "Hypervisor": "Hypervisor",
        "VirtualizationType": "VirtualizationType",
    },
    "flavor": {
        "cm.name": "Name",
        "attributes.instanceFamily": "Family",
        "attributes.vcpu": "VCPUS",
        "attributes.memory": "RAM",
        "attributes.storage": "Disk",
        "attributes.physicalProcessor": "Processor",
        "attributes.networkPerformance": "Network",
    },
    "key": {
        "name": "Name",
        "type": "Type",
        "format": "Format",
        "fingerprint": "Fingerprint",
        "comment": "Comment",
    },
    "secrule": {
        "name": "Name",
        "direction": "Direction",
        "FromPort": "Port range min",
        "ToPort": "Port range max",
        "IpProtocol": "Protocol",
        "ipRange": "Range",
    },
}
_COLUMNS["secgroup"] = _COLUMNS["secrule"]
OUTPUT = {
    kind: {"sort_keys": ["cm.name"], "order": [*columns], "header": [*columns.values()]}
    for kind, columns in _COLUMNS.items()
}


def text(data: Any, output: str, kind: str | None) -> str:
    """Write documents: a table of the kind's columns, or another format with all they hold."""
    # Upstream's, because `cms` collects what goes through it.
    from cloudmesh.common.Tabulate import Printer

    # Dates and ids of a cloud's SDK are no JSON.
    plain = json.loads(json.dumps(data or [], default=str))
    if output not in ("table", "flat"):
        return str(Printer.write(plain, output=output))
    kind = kind or (plain[0]["cm"]["kind"] if plain else "vm")
    columns = OUTPUT[kind]
    return str(
        Printer.flatwrite(
            plain,
            sort_keys=["name"],
            order=columns["order"],
            header=columns["header"],
            output=output,
        )
    )
