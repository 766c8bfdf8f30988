"""Which call does what. All calls go one after the other, so that no two ever see a half of one."""

import re
import threading
from collections.abc import Callable
from typing import Any

import catalogue
import filters
from answers import Document, Refusal, invalid, not_found
from instances import Instances
from marked import Marked, put_metadata
from networks import NETWORK, Networks
from operations import Operations
from store import ROOT, Store, kind_of, now, shown

_PREFIX = "/compute/v1/projects/"
_READ = {"alt", "prettyPrint", "fields"}
_LIST = _READ | {"filter", "maxResults", "pageToken", "orderBy", "returnPartialSuccess"}
_CHANGE = _READ | {"requestId"}
_LISTED = (
    r"zones/[^/]+/(?:disks|instances|machineTypes|operations)"
    r"|regions/[^/]+/(?:addresses|subnetworks|operations)"
    r"|global/(?:firewalls|images|networks|operations)|zones|regions"
)
_MOST = 500
_POWER = "start|stop|reset|suspend|resume"
_INSTANCES = r"zones/[^/]+/instances"

Query = dict[str, str]


class Service:
    """The project, and the publishers' projects of which it reads the images."""

    def __init__(self, cpus: int) -> None:
        self._lock = threading.Lock()
        self._store = Store()
        self._operations = Operations(self._store)
        self._project = _project()
        self._networks = Networks(self._store, self._operations)
        self._instances = Instances(self._store, self._operations, self._networks, cpus)
        self._marked = Marked(self._store, self._operations, self._project)
        self._fill()

    def answer(
        self, method: str, path: str, query: Query, body: Document | None, origin: str
    ) -> Document:
        """Answer a call."""
        if not path.startswith(_PREFIX):
            raise Refusal(404, "notFound", "Not Found")
        project, _, rest = path.removeprefix(_PREFIX).partition("/")
        with self._lock:
            self._operations.settle()
            if method == "GET":
                return shown(self._read(project, rest, query, origin), origin)
            if project != catalogue.PROJECT:
                raise _no_project(project)
            _only(query, _CHANGE | {"accessConfig", "networkInterface"})
            again = self._operations.known(query.get("requestId", ""))
            return shown(again or self._change(method, rest, query, body), origin)

    def _read(self, project: str, rest: str, query: Query, origin: str) -> Document:
        if project != catalogue.PROJECT:
            return self._published(project, rest, query)
        if not rest:
            return self._project
        if rest == "aggregated/instances":
            return self._instances_of_all_zones(query)
        self._check_place(rest)
        if re.fullmatch(_LISTED, rest):
            return self._list(rest, self._store.all(rest), query, origin)
        if found := re.fullmatch(rf"({_INSTANCES})/([^/]+)/serialPort", rest):
            _only(query, _READ | {"port", "start"})
            return self._instances.console(found[1], found[2], query.get("port", ""))
        place, _, name = rest.rpartition("/")
        if place and re.fullmatch(_LISTED, place):
            _only(query, _READ)
            return self._store.find(place, name)
        raise not_found(f"{ROOT}/{rest}")

    def _published(self, project: str, rest: str, query: Query) -> Document:
        """Give images of another project, which is all that others may read there."""
        found = [image for image in catalogue.images() if image["project"] == project]
        if not found:
            raise _no_project(project)
        images = [_image(image) for image in found]
        if rest == "global/images":
            return self._list(rest, images, query, "")
        name = rest.removeprefix("global/images/")
        if family := name.removeprefix("family/") if name.startswith("family/") else "":
            images = [one for one in images if one["family"] == family and "deprecated" not in one]
        else:
            images = [one for one in images if one["name"] == name]
        if not images:
            raise not_found(f"projects/{project}/{rest}")
        return images[-1]

    def _list(self, place: str, things: list[Document], query: Query, origin: str) -> Document:
        _only(query, _LIST)
        judge = filters.parse(query.get("filter", ""))
        first, most = _number(query, "pageToken", 0), _number(query, "maxResults", _MOST)
        # As a client sees them: a filter may name a zone by its address.
        chosen = [thing for thing in things if judge(shown(thing, origin))]
        page: Document = {"kind": f"{kind_of(place)}List", "id": place}
        if items := chosen[first : first + min(most, _MOST)]:
            page["items"] = items
        if first + most < len(chosen):
            page["nextPageToken"] = str(first + most)
        return page

    def _instances_of_all_zones(self, query: Query) -> Document:
        """Give the instances by zone; one without any says so."""
        _only(query, _READ)
        place, none = "aggregated/instances", {"code": "NO_RESULTS_ON_PAGE"}
        zones: Document = {}
        for zone in catalogue.ZONES:
            found = self._store.all(f"zones/{zone}/instances")
            zones[f"zones/{zone}"] = {"instances": found} if found else {"warning": none}
        return {"kind": "compute#instanceAggregatedList", "id": place, "items": zones}

    def _change(self, method: str, rest: str, query: Query, body: Document | None) -> Document:
        self._check_place(rest)
        asked, content = query.get("requestId", ""), body or {}
        interface, way = query.get("networkInterface", ""), query.get("accessConfig", "")
        instances, marked, networks = self._instances, self._marked, self._networks
        one = rf"({_INSTANCES})/([^/]+)"
        actions: list[tuple[str, Callable[..., Document]]] = [
            (rf"POST ({_INSTANCES})", lambda p: instances.insert(p, content, asked)),
            (rf"DELETE {one}", lambda p, n: instances.delete(p, n, asked)),
            (rf"POST {one}/({_POWER})", lambda p, n, a: instances.power(p, n, a, asked)),
            (rf"POST {one}/setMachineType",
             lambda p, n: instances.set_machine_type(p, n, content, asked)),
            (rf"POST {one}/setName", lambda p, n: instances.set_name(p, n, content, asked)),
            (rf"POST {one}/setLabels", lambda p, n: marked.set_labels(p, n, content, asked)),
            (rf"POST {one}/setMetadata", lambda p, n: marked.set_metadata(p, n, content, asked)),
            (rf"POST {one}/addAccessConfig",
             lambda p, n: networks.add_way(p, n, interface, content, asked)),
            (rf"POST {one}/deleteAccessConfig",
             lambda p, n: networks.delete_way(p, n, interface, way, asked)),
            ("POST setCommonInstanceMetadata", lambda: marked.set_common(content, asked)),
            ("POST global/firewalls", lambda: networks.insert_firewall(content, asked)),
            (r"DELETE (global/firewalls|regions/[^/]+/addresses|zones/[^/]+/disks)/([^/]+)",
             lambda p, n: networks.delete(p, n, asked)),
            (r"POST (regions/[^/]+/addresses)",
             lambda p: networks.insert_address(p, content, asked)),
        ]  # fmt: skip
        for pattern, action in actions:
            if found := re.fullmatch(pattern, f"{method} {rest}"):
                return action(*found.groups())
        raise not_found(f"{ROOT}/{rest}")

    def _check_place(self, rest: str) -> None:
        kind, _, more = rest.partition("/")
        name = more.partition("/")[0]
        places: Any = {"zones": catalogue.ZONES, "regions": catalogue.REGIONS}.get(kind, {name})
        if name and name not in places:
            raise invalid(kind.removesuffix("s"), name, f"Unknown {kind.removesuffix('s')}.")

    def _fill(self) -> None:
        add = self._store.add
        add("global/networks", {"name": catalogue.NETWORK, "autoCreateSubnetworks": True})
        for region, block in catalogue.REGIONS.items():
            add("regions", {"name": region, "status": "UP"})
            place = f"regions/{region}/subnetworks"
            add(place, {"name": catalogue.NETWORK, "network": NETWORK, "ipCidrRange": block})
        for zone, region in catalogue.ZONES.items():
            add("zones", {"name": zone, "region": f"{ROOT}/regions/{region}", "status": "UP"})
            for machine_type in catalogue.machine_types():
                add(f"zones/{zone}/machineTypes", machine_type)


def _project() -> Document:
    project: Document = {
        "kind": "compute#project",
        "id": "1234567890123456789",
        "name": catalogue.PROJECT,
        "creationTimestamp": now(),
        "selfLink": ROOT,
    }
    put_metadata(project, "commonInstanceMetadata", [])
    return project


def _image(image: Document) -> Document:
    project = image["project"]
    shown_image = {key: value for key, value in image.items() if key != "project"}
    number = str(4 * 10**18 + sum(image["name"].encode()) * 10**9)
    path = f"projects/{project}/global/images/{image['name']}"
    return {"kind": "compute#image", "id": number, "selfLink": path, **shown_image}


def _no_project(project: str) -> Refusal:
    return not_found(f"projects/{project}")


def _only(query: Query, known: set[str]) -> None:
    for name in query:
        if name not in known:
            raise Refusal(400, "invalidParameter", f"Invalid JSON payload received. Unknown name "
                          f'"{name}": Cannot bind query parameter.')  # fmt: skip


def _number(query: Query, name: str, default: int) -> int:
    text = query.get(name) or str(default)
    if not text.isdecimal():
        raise invalid(name, text, "Must be a number.")
    return int(text)
