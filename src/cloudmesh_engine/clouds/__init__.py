"""The clouds: what a driver has to do, and how to get the driver of a cloud."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from cloudmesh_engine.clouds.leftovers import Leftovers
from cloudmesh_engine.clouds.resources import Resources
from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import ActionFailed, ConfigError, NotSupported, UsageError

# States that every driver translates its cloud's words to.
GONE = ("shutting-down", "terminated")
BROKEN = "failed"
OWNER_TAG = "cm-owner"
NAME_TAG = "cm-name"
# The image as it was asked for: a pattern, of which the VM shows but what it stood for.
IMAGE_TAG = "cm-image"
# Of what the cloud itself keeps no token: VMs with the same one were made for the same attempt.
TOKEN_TAG = "cm-token"  # noqa: S105
# From when on the reaper may delete the VM, in ISO 8601.
DEADLINE_TAG = "cm-deadline"

# Each has a module of its name here, one for its resources, and one for its leftovers.
_KINDS = ("aws", "azure", "google", "openstack")
# Who tells by a call what an hour of each flavor costs. Google tells it of processors and memory,
# OpenStack has no word for it.
_PRICED = ("aws", "azure")
# What the flavor of a VM ends with whose resize is not confirmed.
CHANGING = " (being changed)"


class TokenSpent(ActionFailed):
    """The VM that this token made was terminated: only another token makes a new one."""


def is_reserved(tag: str) -> bool:
    """Say whether a tag is one that the appliance or the cloud itself sets."""
    return tag == "Name" or tag.startswith(("cm-", "aws:"))


@dataclass(frozen=True)
class Request:
    """What a VM should be; None is what nobody remembers.

    :param image: as the user wrote it; `image_id` is what the cloud calls it
    :param labels: further tags, without their prefix `cm-`
    """

    image: str
    flavor: str
    key: str = ""
    image_id: str = ""
    secgroup: str | None = ""
    network: str | None = ""
    public: bool | None = False
    labels: Mapping[str, str] = field(default_factory=dict)

    def differences(self, there: "Request") -> str:
        """Say in which way a VM that is there is not what this request asks for.

        Labels make no other VM: a retry may carry another run or deadline.
        """
        words = ["flavor", "key", "secgroup", "network", "public"]
        # The newest image of a name or pattern may have become another one since.
        if self.image != there.image and self.image_id != there.image_id:
            words.insert(0, "image")
        pairs = [(word, getattr(there, word), getattr(self, word)) for word in words]
        return ", ".join(
            f"{word} is {_shown(old)}, not {_shown(new)}"
            for word, old, new in pairs
            if old != new and None not in (old, new)
        )


@dataclass(frozen=True)
class Machine:
    """A VM as the cloud describes it now.

    :param launched: when it was started last, where the cloud tells that; else when it was made
    :param created: when it was made, which no restart changes; empty if the cloud does not tell
    :param fault: what the cloud says of a VM that failed
    :param charged: whether a stopped VM keeps its processors, and is charged as if it ran
    """

    cloud: str
    name: str
    id: str
    state: str
    image: str
    flavor: str
    key: str
    public_ips: list[str]
    private_ips: list[str]
    launched: str
    tags: dict[str, str]
    created: str = ""
    fault: str = ""
    charged: bool = False

    @property
    def size(self) -> str:
        """Its flavor as its price goes by, also while that is being changed."""
        return self.flavor.removesuffix(CHANGING)

    @property
    def costs(self) -> bool:
        """Whether its cloud takes money for it as it is now, and not for its disk alone."""
        return self.charged or self.state in ("pending", "running")

    @property
    def owner(self) -> str:
        """The appliance that made it; empty for a foreign VM."""
        return self.tags.get(OWNER_TAG, "")

    @property
    def metadata(self) -> dict[str, str]:
        """The tags that are the user's own."""
        return {key: value for key, value in sorted(self.tags.items()) if not is_reserved(key)}

    def as_request(self) -> Request:
        """The request that would have made this VM, as far as a VM shows it."""
        asked = self.tags.get(IMAGE_TAG) or self.image
        shown = Request(asked, self.size, self.key, image_id=self.image)
        return replace(shown, secgroup=None, network=None, public=None)


class Driver(Protocol):
    """What the rest of the engine needs of a cloud. Every method may raise an EngineError.

    `tokens` says whether the cloud itself keeps a token to one VM, also when calls meet;
    `floats` whether a public address is assigned to a VM that runs, and not given at its boot.
    """

    cloud: str
    owner: str
    tokens: bool
    floats: bool

    def resolve(self, request: Request) -> Request:
        """Fill in the cloud's own id of the image."""

    def find(self, name: str) -> list[Machine]:
        """Give our VMs of that name (or id) that still exist, the oldest first."""

    def find_foreign(self, name: str) -> list[Machine]:
        """Give the VMs of that name (or id) that are not ours."""

    def get(self, machine_id: str) -> Machine | None:
        """Look one of our VMs up by its id, also when it is terminated."""

    def list_owned(self) -> list[Machine]:
        """Give all our VMs that still exist."""

    def list_foreign(self) -> list[Machine]:
        """Give the VMs of the account that are not ours."""

    def create(self, name: str, request: Request, token: str) -> Machine:
        """Make a VM; the same token never makes two."""

    def start(self, machine: Machine) -> None:
        """Start a stopped VM."""

    def stop(self, machine: Machine) -> None:
        """Stop a VM."""

    def reboot(self, machine: Machine) -> None:
        """Reboot a VM."""

    def terminate(self, machine: Machine) -> None:
        """Terminate a VM."""

    def tag(self, machine: Machine, key: str, value: str) -> None:
        """Set one tag."""

    def untag(self, machine: Machine, key: str) -> None:
        """Remove one tag."""

    def rename(self, machine: Machine, name: str) -> None:
        """Give a VM another name, at once wherever the cloud keeps it."""

    def check_flavor(self, flavor: str) -> None:
        """Fail unless the cloud has that flavor."""

    def resize(self, machine: Machine, flavor: str) -> None:
        """Give a stopped VM another flavor."""

    def console_output(self, machine: Machine) -> str:
        """Give what the VM wrote to its console."""

    def last_launch(self, machine: Machine) -> str:
        """Say when a VM was started last, in ISO 8601."""

    def assign_address(self, machine: Machine) -> str:
        """Give a VM a public address that stays, once, and say which."""

    def own_addresses(self, machine: Machine) -> list[str]:
        """Give the public addresses that `assign_address` made for a VM."""

    def release_addresses(self, machine_id: str) -> None:
        """Give back what `assign_address` made for a VM, also when the VM is gone."""


def known(settings: Settings) -> dict[str, dict[str, Any]]:
    """Give the sections of all clouds in the configuration."""
    clouds = settings.get("cloud")
    if not isinstance(clouds, Mapping):
        raise ConfigError(f"{settings.path}: cloudmesh.cloud: must hold one section for each cloud")
    return {str(name): dict(section or {}) for name, section in clouds.items()}


def supported(settings: Settings) -> list[str]:
    """Name the active clouds that have a driver."""
    return [
        name
        for name, section in known(settings).items()
        if (section.get("cm") or {}).get("active") and _kind(section) in _KINDS
    ]


def section(settings: Settings, cloud: str) -> dict[str, Any]:
    """Give the configuration of one cloud."""
    clouds = known(settings)
    if cloud not in clouds:
        raise UsageError(f"{cloud}: no such cloud: cloudmesh.yaml knows {', '.join(clouds)}")
    return clouds[cloud]


def open_driver(settings: Settings, cloud: str, owner: str) -> Driver:
    """Make the driver of a cloud; its SDK is imported only now."""
    driver: Driver = _connect("", settings, cloud, owner)
    return driver


def open_resources(settings: Settings, cloud: str, owner: str) -> Resources:
    """Open what a cloud has beside VMs; its SDK is imported only now."""
    resources: Resources = _connect("_resources", settings, cloud, owner)
    return resources


def open_leftovers(settings: Settings, cloud: str, owner: str) -> Leftovers:
    """Open what a cloud may still hold of ours; its SDK is imported only now."""
    leftovers: Leftovers = _connect("_leftovers", settings, cloud, owner)
    return leftovers


def ask_prices(settings: Settings, cloud: str) -> dict[str, float]:
    """Ask the provider of a cloud what an hour of each flavor costs, in US dollars."""
    kind = _supported_kind(settings, cloud)
    credentials = section(settings, cloud).get("credentials") or {}
    if kind not in _PRICED:
        reason = f"{kind} tells no prices of flavors"
    elif credentials.get("endpoint") and not credentials.get("prices_endpoint"):
        reason = f"{credentials['endpoint']} is not the provider, and tells no prices"
    else:
        module = importlib.import_module(f"{__name__}.{kind}_prices")
        prices: dict[str, float] = module.hourly(section(settings, cloud))
        return prices
    raise NotSupported(f"{cloud}: {reason}: write yours into cloudmesh.cloud.{cloud}.prices")


def kinds() -> list[str]:
    """Name the kinds of clouds that have a driver."""
    return [*_KINDS]


def check_supported(settings: Settings, cloud: str) -> None:
    """Fail unless a cloud is known and has a driver."""
    _supported_kind(settings, cloud)


def _connect(part: str, settings: Settings, cloud: str, owner: str) -> Any:
    module = importlib.import_module(f"{__name__}.{_supported_kind(settings, cloud)}{part}")
    return module.connect(cloud, section(settings, cloud), owner)


def _supported_kind(settings: Settings, cloud: str) -> str:
    kind = _kind(section(settings, cloud))
    if kind not in _KINDS:
        ready = ", ".join(supported(settings)) or "none yet"
        raise NotSupported(
            f"{cloud}: not supported yet for clouds of kind {kind or '?'}: use one of {ready}"
        )
    return kind


def _shown(value: str | bool) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else value or "none"


def _kind(configuration: Mapping[str, Any]) -> str:
    return str((configuration.get("cm") or {}).get("kind") or "")
