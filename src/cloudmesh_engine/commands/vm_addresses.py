"""The verbs of `cms vm ip` that give and take public addresses, and tell them to Ansible."""

import shlex
import sys
from typing import Any

from cloudmesh_engine import home, hostkeys, waiting
from cloudmesh_engine.clouds import Machine
from cloudmesh_engine.commands import vm_login, vm_views
from cloudmesh_engine.commands.vm_request import VmRequest, result
from cloudmesh_engine.errors import NotSupported
from cloudmesh_engine.ledger import Document
from cloudmesh_engine.output import render

_COLUMNS = ("name", "ansible_host", "ansible_port", "ansible_user")


def assign(request: VmRequest) -> None:
    """Give VMs a public address that stays theirs until they are deleted."""
    names = request.named("ip assign")
    driver = request.driver(request.cloud())

    def act(machine: Machine) -> Document:
        there = set(driver.own_addresses(machine)) & {*machine.public_ips}
        if there or request.dryrun:
            return result(machine, "already assigned" if there else "would assign")
        address = driver.assign_address(machine)

        def judge(seen: Machine) -> str:
            return "" if address in seen.public_ips else f"does not show its address {address}"

        machine = waiting.confirm(driver, machine, judge, request.budget)
        request.ledger.record(machine)
        return result(machine, "assigned")

    request.each(names, lambda name: [act(machine) for machine in request.owned(driver, name)])


def unassign(request: VmRequest) -> None:
    """Take from VMs the public address that `ip assign` gave, and give it back to the cloud."""
    names = request.named("ip unassign")
    driver = request.driver(request.cloud())

    def act(machine: Machine) -> Document:
        made = driver.own_addresses(machine)
        if not made:
            return result(machine, _nothing_to_unassign(machine))
        if request.dryrun:
            return result(machine, "would unassign")
        driver.release_addresses(machine.id)

        def judge(seen: Machine) -> str:
            left = [address for address in made if address in seen.public_ips]
            return f"still shows {left[0]}" if left else ""

        machine = waiting.confirm(driver, machine, judge, request.budget)
        request.ledger.record(machine)
        return result(machine, "unassigned")

    request.each(names, lambda name: [act(machine) for machine in request.owned(driver, name)])


def inventory(request: VmRequest) -> None:
    """Write the VMs that are known as an inventory for Ansible."""
    records, errors = vm_views.known(request)
    hosts = {str(record["name"]): _host(request, record) for record in records}
    groups: dict[str, Any] = {}
    for record in records:
        group = groups.setdefault(str(record["cm"].get("group") or "default"), {"hosts": {}})
        group["hosts"][record["name"]] = hosts[record["name"]]
    if request.output == "table":
        sys.stdout.write(request.settings.redact(_ini(groups)))
    elif request.output == "csv":
        request.show([{"name": name, **host} for name, host in hosts.items()], _COLUMNS)
    else:
        text = render({"all": {"children": groups}}, request.output)
        sys.stdout.write(request.settings.redact(text))
    request.fail_clouds(errors)


def _nothing_to_unassign(machine: Machine) -> str:
    if machine.public_ips:
        raise NotSupported(
            f"{machine.name} on {machine.cloud} has {machine.public_ips[0]} from its boot or from "
            "elsewhere, not from ip assign: stop the VM, or take the address away in the cloud"
        )
    return "nothing assigned"


def _host(request: VmRequest, record: Document) -> Document:
    """Give the variables by which Ansible logs in."""
    cloud = str(record["cloud"])
    host: Document = {}
    if record["public_ips"]:
        host["ansible_host"] = record["public_ips"][0]
    host["ansible_port"] = vm_login.port(request.settings, cloud)
    host["ansible_user"] = record["username"] or vm_login.default_user(request.settings, cloud)
    host["ansible_ssh_private_key_file"] = str(home.state_dir() / "ssh/id_rsa")
    host["ansible_ssh_common_args"] = (
        "-o StrictHostKeyChecking=accept-new "
        f"-o UserKnownHostsFile={hostkeys.file(cloud, record['_id'])} "
        f"-o HostKeyAlias={hostkeys.alias(record['_id'])}"
    )
    return host


def _ini(groups: dict[str, Any]) -> str:
    lines = []
    for group, content in groups.items():
        lines.append(f"[{group}]")
        for name, host in content["hosts"].items():
            if "ansible_host" in host:
                pairs = [f"{key}={shlex.quote(str(value))}" for key, value in host.items()]
                lines.append(" ".join([name, *pairs]))
            else:
                lines.append(f"# {name} has no public address")
        lines.append("")
    return "\n".join(lines)
