"""`cms vm boot`."""

import sys
from collections.abc import Mapping
from typing import Any

from cloudmesh_engine import access, clouds
from cloudmesh_engine.booting import Boot
from cloudmesh_engine.clouds import Driver, Machine, Request
from cloudmesh_engine.clouds.resources import Resources
from cloudmesh_engine.commands.vm_request import VmRequest, expand, result
from cloudmesh_engine.errors import NotLetIn, UsageError
from cloudmesh_engine.hours import times
from cloudmesh_engine.ledger import Document
from cloudmesh_engine.limits import Limits

_MOST_AT_ONCE = 1000
_LABELS = ("label", "username", "group", "run", "deadline")


def boot(request: VmRequest) -> None:
    """Make sure that the VMs run, one for each name."""
    cloud, names, count = request.cloud(), _names(request), _count(request)
    wanted = _wanted(request, cloud)
    driver = request.driver(cloud)
    wanted = driver.resolve(wanted)
    work = Boot(
        request.ledger,
        driver,
        wanted,
        ensure_key=lambda: _ensure_key(request, driver, wanted),
        ensure_group=lambda: _ensure_group(request, driver, wanted),
        budget=request.budget,
        limits=Limits.of(request.settings),
        wait=not request.arguments["--nowait"],
    )
    names = names or work.free_names(count, claim=not request.dryrun)
    if request.dryrun:
        preview = work.preview(names)
        request.show([_plan(cloud, name, wanted, there) for name, there in preview.items()])
        return
    found = work.prepare(names)

    def secure(name: str) -> list[Document]:
        return [result(*work.secure(name, found[name]))]

    try:
        request.each(names, secure)
    except NotLetIn:
        # Those that were not begun: nobody has asked the cloud for them.
        work.release(names)
        raise
    if cloud not in clouds.supported(request.settings):
        print(
            f"cms: note: {cloud} is not active in {request.settings.path.name}: office hours and "
            "the reaper do not look there, whatever the deadline",
            file=sys.stderr,
        )


def _names(request: VmRequest) -> list[str]:
    names = expand(request.arguments["--name"], "--name")
    if names and request.arguments["--n"]:
        if len(names) > 1:
            raise UsageError("--n: give one --name with it")
        return [f"{names[0]}-{number}" for number in range(_count(request))]
    return names


def _count(request: VmRequest) -> int:
    text = str(request.arguments["--n"] or 1)
    if not text.isdecimal() or not 0 < int(text) <= _MOST_AT_ONCE:
        raise UsageError(f"--n={text}: give a number from 1 to {_MOST_AT_ONCE}")
    return int(text)


def _wanted(request: VmRequest, cloud: str) -> Request:
    arguments = request.arguments
    section = clouds.section(request.settings, cloud)
    defaults = section.get("default") or {}
    image = arguments["--image"] or defaults.get("image")
    flavor = arguments["--flavor"] or defaults.get("flavor") or defaults.get("size")
    if not image or not flavor:
        raise UsageError(f"boot: give --image and --flavor: {cloud} has no default for them")
    general = request.settings.data["cloudmesh"].get("default") or {}
    labels = {label: str(arguments[f"--{label}"] or "") for label in _LABELS}
    if labels["deadline"]:
        # One that nobody can read would never come.
        times.parse(labels["deadline"], "--deadline")
    for label in ("username", "group"):
        labels[label] = labels[label] or str(defaults.get(label) or "")
    return Request(
        image=str(image),
        flavor=str(flavor),
        key=str(arguments["--key"] or general.get("key") or ""),
        secgroup=_asked_group(request, section) or access.group_name(section),
        network=arguments["--network"] or "",
        public=bool(arguments["--public"]),
        labels=labels,
    )


def _asked_group(request: VmRequest, section: Mapping[str, Any]) -> str:
    return str(
        request.arguments["--secgroup"] or (section.get("default") or {}).get("secgroup") or ""
    )


def _ensure_key(request: VmRequest, driver: Driver, wanted: Request) -> None:
    """Give the cloud the key that lets us in; another one of that name is refused."""
    if wanted.key:
        access.ensure_upload(request.settings, _resources(request, driver), wanted.key)


def _ensure_group(request: VmRequest, driver: Driver, wanted: Request) -> None:
    """Make the group that the cloud's section names; one that was asked for must be there."""
    section = clouds.section(request.settings, driver.cloud)
    if wanted.secgroup and not _asked_group(request, section):
        access.ensure_group(_resources(request, driver), wanted.secgroup, wanted.network or "")


def _resources(request: VmRequest, driver: Driver) -> Resources:
    return clouds.open_resources(request.settings, driver.cloud, driver.owner)


def _plan(cloud: str, name: str, wanted: Request, there: Machine | None) -> Document:
    if there:
        return result(there, "would adopt" if there.state == "running" else "would start")
    plan = {"action": "would create", "cloud": cloud, "name": name, "image": wanted.image_id}
    return {**plan, "flavor": wanted.flavor, "key": wanted.key}
