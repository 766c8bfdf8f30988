"""What we send to Google and what its fake answers, as Google's own library sees it."""

import importlib
import inspect
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from google.cloud import compute_v1

from cloudmesh_engine.clouds import Machine, Request, google, google_leftovers, google_resources
from cloudmesh_engine.clouds.leftovers import Leftovers
from cloudmesh_engine.clouds.resources import Rule

from .gce import OWNER, TOKEN, ZONE, Gce, compute_of

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL2yGKjyyBbmzf9b5DYRVdBCEuhJ7BlsScYQzCuxEhZs someone"
# What each call has as its body, by the end of its path.
BODIES = {
    "/instances": compute_v1.Instance,
    "/setLabels": compute_v1.InstancesSetLabelsRequest,
    "/setMetadata": compute_v1.Metadata,
    "/setMachineType": compute_v1.InstancesSetMachineTypeRequest,
    "/setName": compute_v1.InstancesSetNameRequest,
    "/setCommonInstanceMetadata": compute_v1.Metadata,
    "/addAccessConfig": compute_v1.AccessConfig,
    "/addresses": compute_v1.Address,
    "/firewalls": compute_v1.Firewall,
}
SERVICES = (
    "addresses", "disks", "firewalls", "global_operations", "images", "instances", "machine_types",
    "projects", "region_operations", "zone_operations",
)  # fmt: skip


class Recorder:
    """Sends what a session sends, and keeps it with its answer."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.calls: list[tuple[str, str, Any, Any]] = []

    def request(self, method: str, address: str, **more: Any) -> Any:
        answer = self.session.request(method, address, **more)
        self.calls.append((method, address, more["json"], answer))
        return answer

    def close(self) -> None:
        self.session.close()


@pytest.fixture
def recorder(google_project: Gce) -> Iterator[Recorder]:
    """All calls of the three parts of the driver."""
    given = {"access_token": TOKEN, "project": "sandbox", "datacenter": ZONE.rpartition("/")[2]}
    configuration = {"credentials": {**given, "endpoint": google_project.address}}
    driver = google.connect("google", configuration, OWNER)
    resources = google_resources.connect("google", configuration, OWNER)
    leftovers = google_leftovers.connect("google", configuration, OWNER)
    recorder = Recorder(driver._compute._session)
    third = compute_of(leftovers)
    sessions = [recorder, resources._compute._session, third._session]
    driver._compute._session = resources._compute._session = third._session = recorder
    use_all(driver, resources, leftovers)
    yield recorder
    for session in sessions:
        session.close()


def use_all(driver: Any, resources: Any, leftovers: Leftovers) -> None:
    assert resources.images()
    assert resources.flavors()
    assert resources.add_key("mine", KEY)
    assert resources.keys()[0]["fingerprint"].startswith("SHA256:")
    rules = [Rule("tcp", "22:22", "0.0.0.0/0"), Rule("icmp", "", "::/0")]
    resources.ensure_group("web", "in", rules)
    labels = {"group": "Blue Team", "run": "one", "username": "me"}
    wanted = Request("debian-12", "e2-micro", "mine", secgroup="web", public=True, labels=labels)
    machine: Machine = driver.create("web", driver.resolve(wanted), "0123456789abcdef" * 4)
    assert {one.kind for one in leftovers.look() if one.used} == {"disk", "group", "key"}
    driver.tag(machine, "a", "b")
    driver.tag(machine, "a", "B")
    driver.assign_address(machine)
    driver.reboot(machine)
    driver.stop(machine)
    driver.resize(machine, "e2-small")
    driver.rename(machine, "www")
    driver.start(machine)
    assert driver.console_output(machine)
    driver.terminate(machine)
    driver.release_addresses(machine.id)
    resources.delete_group("web")
    resources.delete_key("mine")


def test_every_body_is_what_googles_library_would_send(recorder: Recorder) -> None:
    used = set()
    for method, address, body, _ in recorder.calls:
        if method == "POST" and body is not None:
            end = "/" + address.rpartition("/")[2]
            assert BODIES[end].from_json(json.dumps(body)) != BODIES[end]()
            used.add(end)
    assert used == set(BODIES)


def test_every_answer_is_what_googles_library_would_read(recorder: Recorder) -> None:
    kinds = set()
    for _, _, _, answer in recorder.calls:
        if answer.status_code == 200:
            kind = answer.json()["kind"].removeprefix("compute#")
            message = getattr(compute_v1, kind[0].upper() + kind[1:])
            assert message.from_json(answer.text) != message()
            kinds.add(kind)
    assert kinds == {
        "address", "addressList", "diskList", "firewallList", "imageList", "instance",
        "instanceAggregatedList", "machineTypeList", "operation", "project", "serialPortOutput",
    }  # fmt: skip


def test_every_place_is_one_that_googles_library_asks(recorder: Recorder) -> None:
    known = {place for service in SERVICES for place in places(service)}
    assert known
    for method, address, _, _ in recorder.calls:
        path = address.partition("/compute/v1/")[2]
        assert any(method == one and re.fullmatch(place, path) for one, place in known), path


def places(service: str) -> set[tuple[str, str]]:
    """The methods of a service and their paths, with a pattern for each name."""
    root = "google.cloud.compute_v1.services"
    source = inspect.getsource(importlib.import_module(f"{root}.{service}.transports.rest_base"))
    found = re.findall(r'"method": "(\w+)",\s+"uri": "/compute/v1/([^"]+)"', source)
    return {(method.upper(), re.sub(r"{[^}]+}", "[^/]+", path)) for method, path in found}
