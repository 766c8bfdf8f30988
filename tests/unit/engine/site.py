"""The clouds that tests take in turn. What a test says of EC2, a site says in its cloud's words."""

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from .azure import Azure
    from .conftest import Cms, Ec2, Faults
    from .gce import Gce
    from .nova import Nova

# A control plane takes seconds for what an emulator does at once, so some tests run only the
# cases there that matter most. CLOUD_TESTS=all runs them all.
ALL = os.environ.get("CLOUD_TESTS") == "all"

_GROUP = "/subscriptions/*/resourceGroups/*/providers"
_COMPUTE, _NETWORK = f"{_GROUP}/Microsoft.Compute", f"{_GROUP}/Microsoft.Network"


@dataclass
class Site:
    """A cloud behind its proxy, and `cms` that works there. This one is AWS.

    :cvar tokens: whether the cloud takes client tokens, so that a call never makes a second VM
    :cvar hides: whether its proxy can hide what was just made
    :cvar calls: what the cloud calls EC2's actions
    :cvar words: what the cloud calls other things of EC2
    """

    cms: "Cms"
    cloud: "Azure | Ec2 | Gce | Nova"
    faults: "Faults"

    tokens: ClassVar[bool] = True
    hides: ClassVar[bool] = True
    calls: ClassVar[dict[str, str]] = {}
    words: ClassVar[dict[str, str]] = {}

    @property
    def refresh(self) -> tuple[str, ...]:
        """The command that asks this cloud, also where it is none of the active ones."""
        return ("vm", "list", "--refresh", f"--cloud={self.say('aws')}")

    def launches(self) -> list[Any]:
        """Give what was ever launched, with the token of each."""
        return self.faults.launches()

    def script(self, *rules: dict[str, Any]) -> None:
        """Put rules in force. Only EC2 hides what was just made."""
        known = [rule for rule in rules if self.hides or rule["fault"] != "hide"]
        self.faults.script(*[{**rule, "action": self.call(rule["action"])} for rule in known])

    def call(self, action: str) -> str:
        """Give the name of an action."""
        return self.calls.get(action, action)

    def say(self, text: str) -> str:
        """Put a text into the words of the cloud."""
        return re.sub(r"[\w.-]+", lambda found: self.words.get(found[0], found[0]), text)


class OpenStackSite(Site):
    """The sandbox's OpenStack."""

    tokens = hides = False
    calls: ClassVar = {
        "RunInstances": "POST /v2.1/servers",
        "DescribeInstances": "GET /v2.1/servers/detail",
        "DescribeKeyPairs": "GET /v2.1/os-keypairs",
        "ImportKeyPair": "POST /v2.1/os-keypairs",
        "TerminateInstances": "DELETE /v2.1/servers/*",
    }
    words: ClassVar = {
        "aws": "chameleon",
        "t2.micro": "m1.medium",
        "t2.small": "m1.large",
        "t2.large": "m1.xlarge",
        "ami-1": "CC-Ubuntu22.04",
        "ami-0c": "[0-9a-f-]+, not CC-Ubuntu22.04",
        "i-": "[0-9a-f]{8}-",
    }


class AzureSite(Site):
    """The sandbox's Azure, our own fake."""

    hides = False
    calls: ClassVar = {
        "RunInstances": f"PUT {_COMPUTE}/virtualMachines/*",
        "DescribeInstances": f"GET {_COMPUTE}/virtualMachines",
        "DescribeKeyPairs": f"GET {_COMPUTE}/sshPublicKeys/*",
        "ImportKeyPair": f"PUT {_COMPUTE}/sshPublicKeys/*",
        "DescribeSecurityGroups": f"GET {_NETWORK}/networkSecurityGroups/*",
        "DescribeInstance": f"GET {_COMPUTE}/virtualMachines/*",
        "CreateNetwork": f"PUT {_NETWORK}/virtualNetworks/*",
        "CreateAddress": f"PUT {_NETWORK}/publicIPAddresses/*",
        "CreateTags": f"PATCH {_COMPUTE}/virtualMachines/*/providers/Microsoft.Resources/tags/*",
        "CreateInterface": f"PUT {_NETWORK}/networkInterfaces/*",
        "CreateSecurityGroup": f"PUT {_NETWORK}/networkSecurityGroups/*",
        "StopInstances": f"POST {_COMPUTE}/virtualMachines/*/deallocate",
        "TerminateInstances": f"DELETE {_COMPUTE}/virtualMachines/*",
    }
    words: ClassVar = {
        "aws": "azure",
        "t2.micro": "Standard_B1s",
        "t2.small": "Standard_B1ms",
        "t2.large": "Standard_B2s",
        "ami-1": "ubuntu-22.04",
        "ami-0c": "Canonical:ubuntu-24_04-lts:server:[0-9.]+, not ubuntu-22.04",
        "i-": "web-[0-9a-f]{12}",
    }

    def launches(self) -> list[Any]:
        """The name of a VM's resource has its token in it."""
        return self.cloud.launches()  # type: ignore[union-attr]


PROJECT = "/compute/v1/projects/sandbox"
INSTANCES = f"{PROJECT}/zones/us-central1-a/instances"


class GoogleSite(Site):
    """The sandbox's Google."""

    hides = False
    calls: ClassVar = {
        "RunInstances": f"POST {INSTANCES}",
        "DescribeInstances": f"GET {INSTANCES}",
        "DescribeKeyPairs": f"GET {PROJECT}",
        "ImportKeyPair": f"POST {PROJECT}/setCommonInstanceMetadata",
        "DescribeSecurityGroups": f"GET {PROJECT}/global/firewalls",
        "CreateSecurityGroup": f"POST {PROJECT}/global/firewalls",
        "TerminateInstances": f"DELETE {INSTANCES}/*",
    }
    words: ClassVar = {
        "aws": "google",
        "t2.micro": "e2-micro",
        "t2.small": "e2-small",
        "t2.large": "e2-medium",
        "ami-1": "debian-12",
        "ami-0c": "ubuntu-2404-lts-amd64",
        "i-": "[0-9]{19}",
    }

    def launches(self) -> list[Any]:
        """Ask Google itself, which keeps its operations."""
        return self.cloud.launches()  # type: ignore[union-attr]
