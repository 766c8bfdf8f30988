"""Upstream's own docopt text, line by line: each does what it says, or ends with 3 and a hint.

Each line is run without options, with all of them, once more with --dryrun if it knows that, and
without each name that it says may be left out.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudmesh.vm.command
import pytest

from .conftest import AMI, Cms, Ec2
from .sshd import ADDRESSES, USER, Sshd

UPSTREAM = Path(next(iter(cloudmesh.vm.command.__path__))) / "vm.py"


def usage_lines() -> list[str]:
    text = UPSTREAM.read_text().partition("Usage:")[2].partition("Arguments:")[0]
    return [" ".join(line.split()) for line in re.split(r"\n\s+(?=vm )", text) if "vm " in line]


VALUES = {
    "--cloud": "aws", "--count": "1", "--output": "json", "--n": "1", "--name": "new",
    "--label": "front", "--username": USER, "--image": AMI, "--flavor": "t2.micro",
    "--network": "{subnet}", "--secgroup": "{group}", "--group": "default", "--key": "cloudmesh",
    "--dir": "{folder}", "--ip": ADDRESSES[0], "--command": "echo arrived", "--interval": "1",
    "--timeout": "20", "--size": "t2.small",
    "NAMES": "web", "NAME": "web", "OLDNAMES": "web", "NEWNAMES": "www", "USERNAME": "admin",
    "SCRIPT": "run.sh", "KEY=VALUE...": "color=red", "KEY...": "size",
}  # fmt: skip
# A word that means something else on some lines.
OTHERWISE = {
    ("ssh", "--key"): "{key}", ("script", "--key"): "{key}",
    ("put", "SOURCE"): "run.sh", ("put", "DESTINATION"): "{folder}/sent",
    ("get", "SOURCE"): "{folder}/log", ("get", "DESTINATION"): "got",
}  # fmt: skip


@dataclass(frozen=True)
class Call:
    """One way to write one usage line."""

    verb: str
    words: tuple[str, ...]
    options: tuple[str, ...]
    left_out: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join(["vm", *self.words, *self.options])


def calls() -> Iterator[Call]:
    for line in usage_lines():
        verb = re.match(r"vm ((?:ip|meta) \w+|\w+)", line)
        assert verb, line
        rest = line[verb.end() :]
        optional = [word[1:-1] for word in re.findall(r"\[[^]]*\]", rest)]
        options = [word for word in optional if word.startswith("-")]
        names = [word for word in optional if not word.startswith("-")]
        words = re.sub(r"\[(-[^]]*)\]", "", rest).replace("[", "").replace("]", "").split()
        every = (*verb[1].split(), *words)
        real = tuple(option for option in options if option != "--dryrun")
        for chosen in {(), real, tuple(options)}:
            yield Call(verb[1], every, chosen)
        for name in names:
            short = (*verb[1].split(), *(word for word in words if word != name))
            yield Call(verb[1], short, (), (name,))


CALLS = sorted(set(calls()), key=str)


def test_upstreams_text_was_read() -> None:
    assert len(usage_lines()) == 26
    verbs = {call.verb for call in CALLS}
    assert {"ping", "boot", "meta set", "ip inventory", "ssh", "resize", "username"} <= verbs


def state(ec2: Ec2) -> dict[str, dict[str, Any]]:
    found = {}
    for one in ec2.instances():
        tags = {pair["Key"]: pair["Value"] for pair in one.get("Tags", [])}
        mine = [{"Name": "instance-id", "Values": [one["InstanceId"]]}]
        count = len(ec2.client.describe_addresses(Filters=mine)["Addresses"])
        more = {"tags": tags, "state": one["State"]["Name"], "addresses": count}
        found[tags["Name"]] = {**one, **more}
    return found


@dataclass(frozen=True)
class After:
    """What there is when a call has ended: the VMs, what it wrote, and the VM's own disk."""

    call: Call
    vms: dict[str, dict[str, Any]]
    out: str
    disk: Path


DONE: dict[str, Callable[[After], bool]] = {
    "ping": lambda after: ADDRESSES[0] in after.out,
    "check": lambda after: f"{USER}@{ADDRESSES[0]}" in after.out,
    "status": lambda after: "running" in after.out,
    "info": lambda after: after.vms["web"]["InstanceId"] in after.out,
    "list": lambda after: "web" in after.out,
    "console": lambda after: "Linux version" in after.out,
    "log": lambda after: "Linux version" in after.out,
    "stop": lambda after: after.vms["web"]["state"] == "stopped",
    "start": lambda after: after.vms["web"]["state"] == "running",
    "terminate": lambda after: "web" not in after.vms,
    "delete": lambda after: "web" not in after.vms,
    "boot": lambda after: len(after.vms) == 3,
    "meta list": lambda after: "size" in after.out and "cm-owner" not in after.out,
    "meta set": lambda after: after.vms["web"]["tags"]["color"] == "red",
    "meta delete": lambda after: "size" not in after.vms["web"]["tags"],
    "script": lambda after: "it ran" in after.out,
    "ip assign": lambda after: after.vms["web"]["addresses"] == 1,
    "ip show": lambda after: ADDRESSES[0] in after.out,
    "ip inventory": lambda after: f"web ansible_host={ADDRESSES[0]}" in after.out,
    # Without a command it is a shell, and its input ends at once.
    "ssh": lambda after: ("arrived" in after.out) is ("--command=COMMAND" in after.call.options),
    "put": lambda after: (after.disk / "sent").read_text() == SCRIPT,
    "get": lambda after: (after.disk.parent / "work/got").exists(),
    "rename": lambda after: "www" in after.vms and "web" not in after.vms,
    "wait": lambda after: after.vms["web"]["state"] == "running",
    "username": lambda after: after.vms["web"]["tags"]["cm-username"] == "admin",
    "resize": lambda after: after.vms["web"]["InstanceType"] == "t2.small",
}
SCRIPT = "#!/bin/sh\necho it ran\n"
CHANGING = {"stop", "start", "terminate", "delete", "boot", "script", "rename", "ip assign",
            "meta set", "meta delete", "put", "get", "username", "resize"}  # fmt: skip

FROM_INVENTORY = {"list", "ip show", "ip inventory"}


def prepare(cms: Cms, ec2: Ec2, sshd: Sshd, call: Call) -> None:
    """Make one VM of ours and one of somebody else's."""
    ec2.make("web/stopped ~db" if call.verb == "start" else "web ~db")
    if call.verb != "ip assign":
        sshd.stand_for(ec2)
    web = state(ec2)["web"]["InstanceId"]
    ec2.client.create_tags(Resources=[web], Tags=[{"Key": "size", "Value": "big"}])
    (cms.root / "work/run.sh").write_text(SCRIPT)
    if call.verb in FROM_INVENTORY:
        assert cms("vm", "list", "--refresh").returncode == 0


def words(cms: Cms, ec2: Ec2, sshd: Sshd, call: Call) -> list[str]:
    """Fill the line in: `[--name=NAME]` becomes `--name=` and a value."""
    places = {
        "subnet": ec2.client.describe_subnets()["Subnets"][0]["SubnetId"],
        "group": ec2.client.describe_security_groups()["SecurityGroups"][0]["GroupId"],
        "folder": str(sshd.root),
        "key": str(cms.root / "state/ssh/id_rsa"),
    }
    found = []
    for word in (*call.words, *call.options):
        name, equals, _ = word.partition("=") if word.startswith("--") else (word, "", "")
        value = OTHERWISE.get((call.verb, name)) or VALUES.get(name)
        if equals:
            assert value, f"{word} is not known to this test"
            found.append(f"{name}={value.format(**places)}")
        else:
            found.append(value.format(**places) if value else word)
    return found


@pytest.mark.parametrize("call", CALLS, ids=str)
def test_a_line_of_upstreams_does_what_it_says(
    cms_aws: Cms, ec2: Ec2, sshd: Sshd, call: Call
) -> None:
    prepare(cms_aws, ec2, sshd, call)
    before = state(ec2)
    result = cms_aws("vm", *words(cms_aws, ec2, sshd, call))
    assert "Usage" not in result.stderr
    after = state(ec2)
    assert after.get("db") == before["db"], "somebody else's VM"
    no_size = call.verb == "resize" and not call.options
    if call.verb in CHANGING and (call.left_out or no_size):
        # To guess which VM is meant could do harm.
        assert (result.returncode, after) == (5, before), result.stderr
        assert "none is ever guessed" in result.stderr
    elif call.verb in CHANGING and "--dryrun" in call.options:
        assert (result.returncode, after) == (0, before), result.stderr
        assert "would" in result.stdout
        assert not (cms_aws.root / "work/got").exists()
    else:
        assert result.returncode == 0, result.stderr
        assert DONE[call.verb](After(call, after, result.stdout, sshd.root))
