"""Azure's resource manager: its calls as JSON, and how long to wait for what they begin.

Not by azure-mgmt-compute and azure-mgmt-network: of their 2600 calls the driver makes 40, and
importing them takes five times as long as all else here.
"""

import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from azure.core.exceptions import HttpResponseError
from azure.core.rest import HttpRequest

from cloudmesh_engine.clouds import OWNER_TAG
from cloudmesh_engine.clouds.azure_errors import code, explained, is_absent
from cloudmesh_engine.errors import DependencyDown

Document = dict[str, Any]

COMPUTE, NETWORK = "Microsoft.Compute", "Microsoft.Network"
# Each part of Azure has versions of its own; what is not here is asked as its provider is.
_VERSIONS = {
    "Microsoft.Resources": "2021-04-01",
    COMPUTE: "2024-07-01",
    f"{COMPUTE}/disks": "2024-03-02",
    f"{COMPUTE}/skus": "2021-07-01",
    NETWORK: "2024-05-01",
    "Microsoft.Insights": "2015-04-01",
}
# Seconds that an operation may take, and between two questions about it.
_BUDGET = 300.0
_FIRST_PAUSE, _GROWTH, _LONGEST_PAUSE, _PATIENCE = 0.1, 1.6, 5.0, 30.0


class Arm:
    """A subscription, and in it the resource group that holds what is ours.

    Every method raises what Azure's client raises.
    """

    def __init__(
        self,
        client: Any,
        address: str,
        *,
        subscription: str,
        location: str,
        group: str,
        owner: str,
    ) -> None:
        self._client = client
        self._address = address
        # Who writes down an address without TLS means it: the sandbox's.
        self._options = {"enforce_https": False} if address.startswith("http://") else {}
        self.location = location
        self.owner = owner
        self.root = f"/subscriptions/{subscription}"
        self.group = f"{self.root}/resourceGroups/{group}"

    def id(self, kind: str, name: str) -> str:
        """Give the id of a resource in our group; `kind` is as `Microsoft.Compute/disks`."""
        return f"{self.group}/providers/{kind}/{name}"

    @property
    def owned(self) -> dict[str, str]:
        """The tag of all that is ours."""
        return {OWNER_TAG: self.owner}

    def get(self, place: str, **query: str) -> Any:
        """Give what is at a place."""
        return self._send("GET", place, query=query).json()

    def find(self, place: str, **query: str) -> Document | None:
        """Give what is at a place, or nothing if nothing is there."""
        try:
            found: Document = self.get(place, **query)
        except HttpResponseError as error:
            if is_absent(error):
                return None
            raise
        return found

    def every(self, place: str, **query: str) -> list[Document]:
        """Give all pages of a list; what is in a group that is not there is nothing."""
        page = self.find(place, **query)
        found: list[Document] = []
        while page:
            found += page.get("value") or []
            page = self.get(page["nextLink"]) if page.get("nextLink") else None
        return found

    def listed(self, kind: str) -> list[Document]:
        """Give the resources of a kind in our group."""
        return self.every(f"{self.group}/providers/{kind}")

    def put(self, place: str, body: Document, headers: Mapping[str, str] | None = None) -> Document:
        """Make or change a resource, and its group where that is missing; wait for nothing."""
        return dict(self._put(place, body, headers or {}).json())

    def put_whole(
        self, place: str, body: Document, headers: Mapping[str, str] | None = None
    ) -> Document:
        """Make or change a resource, and wait until it is there."""
        reply = self._put(place, body, headers or {})
        self._follow(reply)
        return dict(reply.json())

    def patch(self, place: str, body: Document) -> None:
        """Change a resource, and wait until it is changed."""
        self._follow(self._send("PATCH", place, body))

    def post(self, place: str, wait: bool = True) -> Document:
        """Do something with a resource; give what it says."""
        reply = self._send("POST", place)
        if wait:
            self._follow(reply)
        return dict(reply.json()) if reply.text() else {}

    def delete(self, place: str, wait: bool = True) -> None:
        """Delete a resource; one that is not there is no failure."""
        try:
            reply = self._send("DELETE", place)
        except HttpResponseError as error:
            if is_absent(error):
                return
            raise
        if wait:
            self._follow(reply)

    def _put(self, place: str, body: Document, headers: Mapping[str, str]) -> Any:
        try:
            return self._send("PUT", place, body, headers)
        except HttpResponseError as error:
            if code(error) != "ResourceGroupNotFound" or not place.startswith(self.group):
                raise
        group = {"location": self.location, "tags": self.owned}
        self._send("PUT", self.group, group)
        return self._send("PUT", place, body, headers)

    def _send(
        self,
        method: str,
        place: str,
        body: Document | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Any:
        """Make a call; a place that is a whole address has its version in it."""
        asked = {key.replace("_", "$"): value for key, value in (query or {}).items()}
        if "://" not in place:
            asked["api-version"] = _version(place)
            place = self._address + place
        request = HttpRequest(method, place, json=body, headers=dict(headers or {}), params=asked)
        reply = self._client.send_request(request, **self._options)
        if reply.status_code >= 400:
            raise HttpResponseError(response=reply)
        return reply

    def _follow(self, reply: Any) -> None:
        """Wait until an operation has ended, at Azure's own pace; raise if it failed."""
        place = reply.headers.get("Azure-AsyncOperation")
        deadline, pause = time.monotonic() + _BUDGET, _FIRST_PAUSE
        while place:
            reply = self._send("GET", place)
            told = reply.json()
            if told["status"] in ("Failed", "Canceled"):
                error = told.get("error") or {}
                raise explained(str(error.get("code")), str(error.get("message")))
            if told["status"] == "Succeeded":
                return
            if time.monotonic() > deadline:
                raise DependencyDown(f"Azure: an operation does not end in {_BUDGET:g} s: repeat")
            time.sleep(min(float(reply.headers.get("Retry-After") or pause), _PATIENCE))
            pause = min(pause * _GROWTH, _LONGEST_PAUSE)


def read(address: str) -> str:
    """Give a text at an address that itself lets in; nothing if it is not there yet."""
    try:
        with urllib.request.urlopen(address, timeout=20) as reply:
            return str(reply.read().decode("utf-8", "replace"))
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return ""
        raise DependencyDown(f"Azure: its storage answers {error.code}: repeat") from error
    except OSError as error:
        raise DependencyDown(f"Azure's storage does not answer: {error}") from error


def _version(place: str) -> str:
    provider = place.rpartition("/providers/")[2] if "/providers/" in place else ""
    namespace, kind = ([*provider.split("/"), ""])[:2] if provider else ("Microsoft.Resources", "")
    return _VERSIONS.get(f"{namespace}/{kind}") or _VERSIONS[namespace]
