"""What this Google offers: places, machine types, images. Names are real, ids are made up."""

from typing import Any

Document = dict[str, Any]

PROJECT = "sandbox"
REGIONS = {"us-central1": "10.128.0.0/20", "europe-west3": "10.156.0.0/20"}
ZONES = {f"{region}-{letter}": region for region in REGIONS for letter in "abc"}
NETWORK = "default"

# Processors, MB of memory, and whether a processor is shared.
MACHINE_TYPES = {
    "e2-micro": (2, 1024, True),
    "e2-small": (2, 2048, True),
    "e2-medium": (2, 4096, True),
    "e2-standard-2": (2, 8192, False),
    "e2-standard-4": (4, 16384, False),
    "e2-standard-8": (8, 32768, False),
    "e2-highmem-2": (2, 16384, False),
    "n1-standard-1": (1, 3840, False),
    "n2-standard-2": (2, 8192, False),
    "n2-standard-4": (4, 16384, False),
    "a2-ultragpu-1g": (12, 174080, False),
}
# Google lists them, and mostly has none left.
EXHAUSTED = {"a2-ultragpu-1g"}

# Project, family, architecture, names from the oldest to the newest; all but the last are obsolete.
_IMAGES = [
    ("ubuntu-os-cloud", "ubuntu-2404-lts-amd64", "X86_64",
     ["ubuntu-2404-noble-amd64-v20260901", "ubuntu-2404-noble-amd64-v20261015"]),
    ("ubuntu-os-cloud", "ubuntu-2404-lts-arm64", "ARM64", ["ubuntu-2404-noble-arm64-v20261015"]),
    ("ubuntu-os-cloud", "ubuntu-2204-lts", "X86_64", ["ubuntu-2204-jammy-v20261012"]),
    ("debian-cloud", "debian-12", "X86_64", ["debian-12-bookworm-v20261009"]),
    ("debian-cloud", "debian-13", "X86_64", ["debian-13-trixie-v20261009"]),
    ("rocky-linux-cloud", "rocky-linux-9", "X86_64", ["rocky-linux-9-v20261010"]),
]  # fmt: skip


def images() -> list[Document]:
    """Give the publishers' images, with the project of each as `project`."""
    found = []
    for project, family, architecture, names in _IMAGES:
        for name in names:
            day = name[-8:]
            image: Document = {
                "project": project,
                "name": name,
                "family": family,
                "architecture": architecture,
                "status": "READY",
                "sourceType": "RAW",
                "diskSizeGb": "10",
                "archiveSizeBytes": "1234567890",
                "creationTimestamp": f"{day[:4]}-{day[4:6]}-{day[6:]}T01:02:03.000-07:00",
            }
            if name != names[-1]:
                image["deprecated"] = {"state": "DEPRECATED"}
            found.append(image)
    return found


def machine_types() -> list[Document]:
    """Give the machine types that each zone has."""
    return [
        {
            "name": name,
            "description": f"{cpus} vCPUs, {memory / 1024:g} GB RAM",
            "guestCpus": cpus,
            "memoryMb": memory,
            "isSharedCpu": shared,
            "creationTimestamp": "1969-12-31T16:00:00.000-08:00",
        }
        for name, (cpus, memory, shared) in MACHINE_TYPES.items()
    ]
