"""AWS: images, flavors and keys of EC2, in the shape that upstream's provider gives them."""

import re
from collections.abc import Iterable
from typing import Any

from cloudmesh_engine.clouds import OWNER_TAG, aws_client
from cloudmesh_engine.clouds.aws_errors import translated
from cloudmesh_engine.clouds.aws_groups import Groups
from cloudmesh_engine.clouds.resources import Document, labelled, words
from cloudmesh_engine.errors import ActionFailed, Refused

# Besides ourselves Amazon and Canonical: the whole list holds more than 100,000 images.
_PUBLISHERS = ["amazon", "099720109477"]
_CURRENT_IMAGES = [
    "al2023-ami-2023.*",
    *(f"ubuntu/images/hvm-ssd*/ubuntu-*-{year}.04-*-server-*" for year in (22, 24, 26, 28)),
]
_USABLE_IMAGES = {"state": ["available"], "architecture": ["x86_64", "arm64"]}
_CURRENT_FLAVORS = {"current-generation": ["true"], "bare-metal": ["false"]}
# What tells two builds of one image apart: `2023.9.20260930.0`, `20260921`.
_BUILD = re.compile(r"(\d+\.)*\d{8}(\.\d+)*")


def connect(cloud: str, configuration: dict[str, Any], owner: str) -> "AwsResources":
    """Open the resources from a cloud's section of cloudmesh.yaml."""
    catalog = configuration.get("catalog") or {}
    default = (configuration.get("default") or {}).get("image")
    return AwsResources(
        cloud,
        owner,
        aws_client.ec2(configuration),
        images=words(catalog.get("images")),
        default=str(default or ""),
        flavors=words(catalog.get("flavors")),
    )


class AwsResources(Groups):
    """The resources of a region.

    :param images: names, patterns or ids of images that are listed too
    :param default: the image that VMs get; of a pattern only the newest is listed
    :param flavors: patterns of the flavors that are listed; all current ones if there is none
    """

    def __init__(
        self,
        cloud: str,
        owner: str,
        client: Any,
        *,
        images: list[str],
        default: str,
        flavors: list[str],
    ) -> None:
        super().__init__(cloud, owner, client)
        self._chosen_images = images
        self._default_image = default
        self._chosen_flavors = flavors

    def images(self, name: str = "") -> list[Document]:
        """Give the images that a name, a pattern or an id finds.

        Without one: our own, the newest builds of the current Ubuntu LTS and Amazon Linux, and
        what the configuration names.
        """
        if name:
            return self._images(_named(name))
        found = [
            *self._images({"owner": ["self"]}),
            *_newest(self._images({"owner": _PUBLISHERS, "name": _CURRENT_IMAGES})),
        ]
        for pattern in self._chosen_images:
            found += self._images(_named(pattern))
        if self._default_image:
            found += _newest(self._images(_named(self._default_image)))
        return list({image["ImageId"]: image for image in found}.values())

    def flavors(self, name: str = "") -> list[Document]:
        """Give the flavors that a name or pattern finds; otherwise the current ones."""
        wanted = [name] if name else self._chosen_flavors
        chosen = {"instance-type": wanted} if wanted else _CURRENT_FLAVORS
        with translated():
            pages = self._ec2.get_paginator("describe_instance_types").paginate(
                Filters=_filters(chosen), PaginationConfig={"PageSize": 100}
            )
            found = [entry for page in pages for entry in page["InstanceTypes"]]
        return sorted(map(self._flavor, found), key=lambda flavor: str(flavor["name"]))

    def keys(self) -> list[Document]:
        """Give the keys."""
        return [self._key(entry) for entry in self._keys()]

    def add_key(self, name: str, public_key: str) -> bool:
        """Upload a key; say whether it is new. Another key of that name is never replaced."""
        if self._has(name, public_key):
            return False
        tags = [{"Key": OWNER_TAG, "Value": self.owner}]
        with translated(ignore="InvalidKeyPair.Duplicate"):
            self._ec2.import_key_pair(
                KeyName=name,
                PublicKeyMaterial=public_key.encode(),
                TagSpecifications=[{"ResourceType": "key-pair", "Tags": tags}],
            )
            return True
        # Another command was faster.
        return not self._has(name, public_key)

    def delete_key(self, name: str) -> None:
        """Delete a key that we uploaded."""
        found = self._keys(name)
        if not found:
            raise ActionFailed(f"no key named {name!r} on {self.cloud}: see cms key list --cloud")
        if {"Key": OWNER_TAG, "Value": self.owner} not in found[0].get("Tags", []):
            raise Refused(f"key {name} on {self.cloud} was not uploaded by this appliance")
        with translated():
            self._ec2.delete_key_pair(KeyName=name)

    def _images(self, filters: dict[str, list[str]]) -> list[Document]:
        query = {**_USABLE_IMAGES, **filters}
        owners = query.pop("owner", [])
        with translated():
            pages = self._ec2.get_paginator("describe_images").paginate(
                Filters=_filters(query), **({"Owners": owners} if owners else {})
            )
            found = [entry for page in pages for entry in page["Images"]]
        return [self._image(entry) for entry in found]

    def _image(self, entry: Document) -> Document:
        name = str(entry.pop("Name", "") or entry["ImageId"])
        return labelled(entry, "image", self.cloud, "aws", name)

    def _flavor(self, entry: Document) -> Document:
        """Write a type of EC2 as the price list does, which upstream reads; prices it has none."""
        name = str(entry["InstanceType"])
        gibibytes = entry["MemoryInfo"]["SizeInMiB"] / 1024
        disk = entry.get("InstanceStorageInfo", {}).get("TotalSizeInGB")
        processor = entry["ProcessorInfo"]
        attributes = {
            "instanceType": name,
            "instanceFamily": name.partition(".")[0],
            "vcpu": str(entry["VCpuInfo"]["DefaultVCpus"]),
            "memory": f"{gibibytes:g} GiB",
            "storage": f"{disk} GB" if disk else "EBS only",
            "physicalProcessor": processor.get("Manufacturer", ""),
            "processorArchitecture": ", ".join(processor.get("SupportedArchitectures", [])),
            "networkPerformance": entry.get("NetworkInfo", {}).get("NetworkPerformance", ""),
        }
        flavor = labelled({"attributes": attributes}, "flavor", self.cloud, "aws", name)
        return {**flavor, "updated": flavor["cm"]["updated"]}

    def _keys(self, name: str = "") -> list[dict[str, Any]]:
        filters = _filters({"key-name": [name]}) if name else []
        with translated():
            reply = self._ec2.describe_key_pairs(Filters=filters, IncludePublicKey=True)
        return list(reply["KeyPairs"])

    def _key(self, entry: dict[str, Any]) -> Document:
        public_key = str(entry.get("PublicKey") or "").strip()
        format_, _, rest = public_key.partition(" ")
        fields = {
            "fingerprint": entry["KeyFingerprint"],
            "type": entry.get("KeyType") or "N/A",
            "format": format_ or "N/A",
            "comment": rest.partition(" ")[2] or "N/A",
            "public_key": public_key,
        }
        return labelled({**entry, **fields}, "key", self.cloud, "aws", str(entry["KeyName"]))

    def _has(self, name: str, public_key: str) -> bool:
        found = self._keys(name)
        there = str(found[0].get("PublicKey") or "").split()[:2] if found else []
        if there and there != public_key.split()[:2]:
            raise Refused(
                f"another key is named {name!r} on {self.cloud}: VMs with it would not let you in: "
                "choose another name by --key or default.key in cloudmesh.yaml, or delete that one"
            )
        return bool(found)


def _named(name: str) -> dict[str, list[str]]:
    if name.startswith("ami-"):
        return {"image-id": [name]}
    return {"owner": ["self", *_PUBLISHERS], "name": [name]}


def _newest(images: Iterable[Document]) -> list[Document]:
    """Leave the newest build of each image."""
    series: dict[tuple[str, str], Document] = {}
    for image in sorted(images, key=lambda image: str(image.get("CreationDate"))):
        series[_BUILD.sub("", image["name"]), str(image.get("Architecture"))] = image
    return list(series.values())


def _filters(values: dict[str, list[str]]) -> list[dict[str, Any]]:
    return [{"Name": name, "Values": wanted} for name, wanted in values.items()]
