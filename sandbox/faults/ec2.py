"""What EC2 promises and the emulator does not keep: client tokens and delayed visibility."""

import contextlib
import re
import threading
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from typing import Any

from upstream import Answer, Request, Upstream, error

INSTANCE = re.compile(rb"<instanceId>(i-\w+)</instanceId>")
ZONE = re.compile(rb"<availabilityZone>([\w-]+)</availabilityZone>")
LISTS = {"DescribeInstances": "reservationSet", "DescribeInstanceStatus": "instanceStatusSet"}


@dataclass
class Launch:
    """What a client token stands for; no instances: nothing was launched with it yet."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    parameters: dict[str, str] = field(default_factory=dict)
    instances: list[str] = field(default_factory=list)


class Cloud:
    """EC2 as its documentation has it, over the emulator."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._lock = threading.Lock()
        self._visibility = threading.Lock()
        self._launches: dict[tuple[str, str, str], Launch] = {}
        self._hidden: dict[str, float] = {}
        self._launched: list[dict[str, Any]] = []

    def launched(self) -> list[dict[str, Any]]:
        """Return every launch that took effect: time, region, token (null: none), instances."""
        with self._lock:
            return list(self._launched)

    def forget(self) -> None:
        """Forget all tokens, for after the emulator was emptied."""
        with self._lock:
            self._launches, self._hidden, self._launched = {}, {}, []

    def call(self, request: Request, hide: float) -> Answer:
        """Answer an EC2 call; what it launches is not to be seen for so many seconds."""
        now = time.monotonic()
        for name, value in request.parameters.items():
            # "Eventual consistency in the Amazon EC2 API" names describing and terminating; other
            # actions on the id fail the same way.
            if name.startswith("InstanceId") and self._hidden.get(value, 0) > now:
                message = f"The instance ID '{value}' does not exist"
                return error(400, "InvalidInstanceID.NotFound", message)
        if request.action == "RunInstances":
            return self._run(request, hide)
        if request.action in LISTS:
            return self._list(request)
        return self._upstream.forward(request)

    # What AWS documents ("Ensuring idempotency in Amazon EC2 API requests", "Error codes"): up to
    # 64 ASCII characters; same token and parameters: the same instances with their current state;
    # other parameters: IdempotentParameterMismatch; a token counts per region, and per zone when
    # the request names one, itself or through a subnet. It is valid for at least 24 hours after
    # the termination. What a repeat gets then is not on those pages: until January 2025 it was the
    # dead instance, since then IdempotentInstanceTerminated (boto3 issue 4406), which we give. Not
    # documented: one of several instances terminated (here: the same error), a launch that failed
    # (here: the token stays unused).
    def _run(self, request: Request, hide: float) -> Answer:
        token = request.parameters.get("ClientToken", "")
        if not token:
            return self._launch(request, hide)[0]
        if len(token) > 64 or not token.isascii():
            return error(400, "InvalidParameterValue", "clientToken: up to 64 ASCII characters")
        key = (request.region, self._zone(request), token)
        with self._lock:
            launch = self._launches.setdefault(key, Launch())
        parameters = {k: v for k, v in request.parameters.items() if k != "ClientToken"}
        # Identical requests at the same time: one launches, the others wait for its instances.
        with launch.lock:
            if not launch.instances:
                answer, launch.instances = self._launch(request, hide)
                launch.parameters = parameters
                return answer
            if launch.parameters != parameters:
                message = (
                    "Arguments on this idempotent request are inconsistent "
                    "with arguments used in previous request(s)."
                )
                return error(400, "IdempotentParameterMismatch", message)
            return self._again(request, launch.instances)

    def _zone(self, request: Request) -> str:
        given = request.parameters
        if zone := given.get("Placement.AvailabilityZone"):
            return zone
        subnet = given.get("SubnetId") or given.get("NetworkInterface.1.SubnetId")
        if not subnet:
            return ""
        found = self._upstream.forward(request.asking("DescribeSubnets", **{"SubnetId.1": subnet}))
        zones = ZONE.findall(found.body)
        return zones[0].decode() if zones else subnet

    def _launch(self, request: Request, hide: float) -> tuple[Answer, list[str]]:
        # A list read meanwhile must not show the new instance before we know its id.
        with self._visibility if hide else contextlib.nullcontext():
            answer = self._upstream.forward(request)
            if answer.status != 200:
                return answer, []
            instances = [one.decode() for one in dict.fromkeys(INSTANCE.findall(answer.body))]
            with self._lock:
                if hide:
                    self._hidden |= dict.fromkeys(instances, time.monotonic() + hide)
                self._launched.append(
                    {
                        "time": time.time(),
                        "region": request.region,
                        "token": request.parameters.get("ClientToken"),
                        "instances": instances,
                    }
                )
        return answer, instances

    def _again(self, request: Request, instances: list[str]) -> Answer:
        named = {f"InstanceId.{number}": one for number, one in enumerate(instances, 1)}
        found = self._upstream.forward(request.asking("DescribeInstances", **named))
        # EC2 itself forgets a dead instance within the hour.
        if b"InvalidInstanceID.NotFound" in found.body:
            return _terminated()
        if found.status != 200:
            return found
        tree, space = _parse(found.body)
        states = {one.text for one in tree.iterfind(".//{*}instanceState/{*}name")}
        if states & {"shutting-down", "terminated"}:
            return _terminated()
        # A reservation is an item in one answer and the whole of the other.
        again = ET.Element(f"{{{space}}}RunInstancesResponse")
        again.extend(tree.iterfind("{*}requestId"))
        for reservation in tree.iterfind("{*}reservationSet/{*}item"):
            again.extend(reservation)
        return Answer(200, found.headers, _text(again, space))

    def _list(self, request: Request) -> Answer:
        with self._visibility:
            answer = self._upstream.forward(request)
            now = time.monotonic()
            with self._lock:
                hidden = {one for one, until in self._hidden.items() if until > now}
        if answer.status != 200 or not hidden & {x.decode() for x in INSTANCE.findall(answer.body)}:
            return answer
        tree, space = _parse(answer.body)
        for outer in tree.findall("{*}" + LISTS[request.action]):
            for item in outer.findall("{*}item"):
                inner = item.find("{*}instancesSet")
                if inner is None:
                    if item.findtext("{*}instanceId") in hidden:
                        outer.remove(item)
                    continue
                for one in inner.findall("{*}item"):
                    if one.findtext("{*}instanceId") in hidden:
                        inner.remove(one)
                if not len(inner):
                    outer.remove(item)
        return Answer(200, answer.headers, _text(tree, space))


def _terminated() -> Answer:
    message = (
        "The client token you have provided is associated with a terminated instance. "
        "Please use a different client token."
    )
    return error(400, "IdempotentInstanceTerminated", message)


def _parse(body: bytes) -> tuple[ET.Element, str]:
    tree = ET.fromstring(body)  # noqa: S314  # the emulator's own answer
    return tree, tree.tag.partition("}")[0].lstrip("{")


def _text(tree: ET.Element, space: str) -> bytes:
    text = ET.tostring(tree, "UTF-8", xml_declaration=True, default_namespace=space or None)
    return bytes(text)
