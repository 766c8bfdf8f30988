"""`cloudmesh.compute.vm.Provider`: upstream's provider class on our engine.

It does what `cms vm` does: one name is one VM, only our VMs are touched, and what fails raises.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cloudmesh_engine import clouds
from cloudmesh_engine.commands.vm_request import expand
from cloudmesh_engine.entry import machines, printing
from cloudmesh_engine.entry.context import UnknownCloud, Unsupported, settings, told
from cloudmesh_engine.entry.offerings import Offerings
from cloudmesh_engine.errors import ActionFailed, ConfigError, Refused, UsageError
from cloudmesh_engine.ledger import Document

# The class has a method `list`, which would stand for the type in what follows it.
Documents = list[Document]
Names = list[str]

# Upstream's word for an option of `cms vm boot`.
_OPTIONS = {
    "image": "image",
    "size": "flavor",
    "flavor": "flavor",
    "group": "group",
    "label": "label",
    "key": "key",
    "secgroup": "secgroup",
    "network": "network",
    "user": "username",
    "username": "username",
    "run": "run",
    "deadline": "deadline",
}
_OTHERS = ("name", "cloud", "public", "dryrun", "timeout", "metadata", "output", "verbose")


class Provider(Offerings):
    """The VMs and offers of one cloud. Names are as `web`, `web[1-3]` or a list."""

    output = printing.OUTPUT

    def __init__(self, name: str | None = None) -> None:
        try:
            with told("Provider"):
                section = clouds.section(settings(), str(name))
        except ConfigError:
            raise
        except UsageError as error:
            raise UnknownCloud(str(error)) from error
        self.name = self.cloud = str(name)
        self.cm = section.get("cm") or {}
        self.kind = self.cloudtype = str(self.cm.get("kind") or "")
        self.default = section.get("default") or {}
        self.credentials = section.get("credentials") or {}
        # Upstream keeps the cloud's own provider here; ours is the same.
        self.p = self
        with told("Provider"):
            clouds.check_supported(settings(), self.name)

    @staticmethod
    def get_kind() -> Names:
        """Name the kinds of clouds that work."""
        return clouds.kinds()

    @staticmethod
    def get_provider(kind: str) -> type["Provider"]:
        """Give the class for a kind of cloud."""
        if kind not in clouds.kinds():
            raise UnknownCloud(f"Compute provider {kind} not supported")
        return Provider

    def cloudname(self) -> str:
        """Name the cloud."""
        return self.name

    def expand(self, names: Any) -> Names:
        """Write `web[1-2]` as a list."""
        return [str(name) for name in names] if isinstance(names, list) else expand(names, "name")

    def create(self, **kwargs: Any) -> Documents:
        """Make sure that VMs run, one for each name; without a name one more VM."""
        given = {key: value for key, value in kwargs.items() if value is not None}
        unknown = sorted(set(given) - set(_OPTIONS) - set(_OTHERS))
        if unknown:
            raise Unsupported(f"create: does not know {', '.join(unknown)}: see cms help vm")
        if given.get("cloud", self.name) != self.name:
            raise UsageError(f"create: cloud={given['cloud']}: this is the provider of {self.name}")
        words = [f"--{option}={given[key]}" for key, option in _OPTIONS.items() if key in given]
        if "name" in given:
            words.append(f"--name={self._names(given['name'])}")
        words += [f"--{switch}" for switch in ("public", "dryrun") if given.get(switch)]
        booted = self._vm("boot", *words, wait=given.get("timeout"))
        if given.get("metadata") and not given.get("dryrun"):
            for entry in booted:
                self.set_server_metadata(entry["name"], **given["metadata"])
        return booted

    def list(self, **_: Any) -> Documents:
        """Ask the cloud for all our VMs, and make the inventory what it says."""
        return self._vm("list", "--refresh")

    def info(self, name: Any = None, **_: Any) -> Documents:
        """Ask the cloud about VMs; all of ours if none is named."""
        return self._named("info", name)

    def status(self, name: Any = None) -> Documents:
        """Ask the cloud for the states of VMs."""
        return [
            # `status:` is upstream's spelling; scripts may have learned it.
            {
                "name": entry["name"],
                "status": entry["status"],
                "status:": entry["status"],
                "cm.status": entry["cm"]["status"],
            }
            for entry in self.info(name)
        ]

    def start(self, name: Any = None, **_: Any) -> Documents:
        """Start VMs."""
        return self._named("start", name)

    def resume(self, name: Any = None) -> Documents:
        """Start VMs."""
        return self.start(name)

    def stop(self, name: Any = None, **_: Any) -> Documents:
        """Stop VMs."""
        return self._named("stop", name)

    def reboot(self, name: Any = None) -> Documents:
        """Reboot VMs."""
        return self._named("reboot", name)

    def destroy(self, name: Any = None) -> Documents:
        """Terminate VMs."""
        return self._named("delete", name)

    def suspend(self, name: Any = None) -> None:
        """Refuse: clouds have no such state."""
        raise Unsupported("suspend: not supported: use stop")

    def rename(self, source: str | None = None, destination: str | None = None) -> Documents:
        """Give a VM another name."""
        return self._vm("rename", self._names(source), self._names(destination))

    def wait(self, vm: Any = None, interval: Any = None, timeout: Any = None) -> bool:
        """Wait until a VM runs; say whether it does."""
        words = [f"--interval={interval}"] if interval is not None else []
        words += [f"--timeout={timeout}"] if timeout is not None else []
        try:
            self._vm("wait", self._names(vm), *words)
        except ActionFailed:
            return False
        return True

    def ssh(self, vm: Any = None, command: str | None = None) -> str:
        """Run a command on a VM and give what it writes."""
        if not command:
            raise Unsupported("ssh: a script has no terminal: give a command")
        records = self._vm("ssh", self._names(vm), f"--command={command}")
        return "".join(str(record["stdout"]) for record in records)

    def console(self, vm: Any = None) -> str:
        """Give what a VM wrote to its console."""
        records = self._vm("console", self._names(vm))
        return "".join(str(record["console"]) for record in records)

    def log(self, vm: Any = None) -> str:
        """Give what a VM wrote to its console."""
        return self.console(vm)

    def set_server_metadata(self, name: Any, **metadata: Any) -> Documents:
        """Set tags of a VM."""
        pairs = [f"{key}={value}" for key, value in metadata.items()]
        return self._vm("meta", "set", self._names(name), *pairs)

    def get_server_metadata(self, name: Any) -> Document:
        """Give the tags of a VM, and its label as `cm`."""
        tags = {tag["key"]: tag["value"] for tag in self._vm("meta", "list", self._names(name))}
        return {**tags, "cm": self.info(name)[0]["cm"]}

    def delete_server_metadata(self, name: Any, key: Any = None) -> Documents:
        """Remove a tag of a VM, or several."""
        keys = key if isinstance(key, list) else [str(key)]
        return self._vm("meta", "delete", self._names(name), *keys)

    def attach_public_ip(self, name: Any = None, ip: str | None = None) -> Documents:
        """Give a VM a public address that stays."""
        if ip:
            raise Unsupported("attach_public_ip: the cloud chooses the address: leave ip out")
        return self._vm("ip", "assign", self._names(name))

    def detach_public_ip(self, name: Any = None, ip: str | None = None) -> Documents:
        """Take the address of attach_public_ip away again, and give it back."""
        return self._vm("ip", "unassign", self._names(name))

    def get_public_ip(self, name: Any = None) -> str | None:
        """Give the public address of a VM, if it has one."""
        return next((ip for entry in self.info(name) for ip in entry["public_ips"]), None)

    def list_public_ips(self, available: bool = False) -> Names:
        """Give the public addresses of our VMs."""
        if available:
            self._no_loose_addresses("list_public_ips")
        return [ip for entry in self.list() for ip in entry["public_ips"]]

    def create_public_ip(self) -> None:
        """Refuse: an address without VM costs money and is forgotten."""
        self._no_loose_addresses("create_public_ip")

    def find_available_public_ip(self) -> None:
        """Refuse: there is none without VM."""
        self._no_loose_addresses("find_available_public_ip")

    def delete_public_ip(self, ip: str | None = None) -> None:
        """Refuse: an address goes with its VM."""
        self._no_loose_addresses("delete_public_ip")

    def login(self) -> None:
        """Refuse: credentials are in cloudmesh.yaml."""
        raise Unsupported("login: not needed: credentials are taken from cloudmesh.yaml")

    def Prints(self, data: Any, output: str = "table", kind: str | None = None) -> str:  # noqa: N802
        """Write documents in an output format."""
        return printing.text(data, output, kind)

    def Print(self, data: Any, output: str = "table", kind: str | None = None) -> None:  # noqa: N802
        """Print documents in an output format."""
        print(self.Prints(data, output, kind))

    def loop_name(self, names: Any, func: Callable[..., Any], **kwargs: Any) -> Documents:
        """Call a function with each name, and give all that it gives."""
        found = [func(name=name, **kwargs) for name in self.expand(names)]
        lists = [one if isinstance(one, list) else [one] for one in found if one]
        return [entry for one in lists for entry in one]

    def loop(self, func: Callable[..., Any], **kwargs: Any) -> Documents:
        """Call a function with each of `name`, and give all that it gives."""
        return self.loop_name(kwargs.pop("name"), func, **kwargs)

    def find_attribute(self, name: str, dicts: Sequence[Mapping[str, Any]]) -> Any:
        """Give the first value of that name."""
        return next((one[name] for one in dicts if name in one), None)

    def find_clouds(self, name: Any = None) -> None:
        """Refuse: upstream's does nothing."""
        raise Unsupported("find_clouds: use CmDatabase().find_name(name, kind='vm')")

    def add_collection(self, d: Documents | None, *args: str) -> Documents | None:
        """Note a collection's name in documents."""
        for entry in d or []:
            entry["collection"] = "-".join(args)
        return d

    def compress(self, cm: str) -> str:
        """Leave out blanks, as upstream does for OpenStack."""
        return cm.replace(": ", ":").replace(", ", ":")

    def name_parameter(self, name: str) -> dict[str, str]:
        """Give the name as keyword arguments."""
        return {"name": name}

    def _vm(self, *words: str, wait: object = None) -> Documents:
        return machines.perform(settings(), self.name, *words, wait=wait)

    def _named(self, verb: str, name: Any) -> Documents:
        return self._vm(verb, *([self._names(name)] if name is not None else []))

    def _names(self, name: Any) -> str:
        if name is None:
            raise Refused(f"{self.name}: name the VM: none is ever guessed")
        if isinstance(name, dict):
            name = name["name"]
        return ",".join(map(str, name)) if isinstance(name, list | tuple) else str(name)

    def _no_loose_addresses(self, method: str) -> None:
        raise Unsupported(f"{method}: an address comes and goes with a VM: use attach_public_ip")
