"""Google: Compute Engine's own REST interface, from a cloud's section of cloudmesh.yaml.

The login is Google's library. Google's library for Compute Engine itself, which would send and read
the same JSON, takes 1.3 s of processor time to import, whatever is used of it, so that each `cms`
command would; the tests hold what is said here against its models.
"""

import random
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from google.auth.transport import requests

from cloudmesh_engine.clouds import google_login
from cloudmesh_engine.clouds.google_errors import Problem, problem, translated
from cloudmesh_engine.config import given
from cloudmesh_engine.errors import ConfigError, DependencyDown

Document = dict[str, Any]

_ADDRESS = "https://compute.googleapis.com"
_CONNECT_SECONDS, _READ_SECONDS = 3.0, 20.0
_ATTEMPTS = 3
_OPERATION_SECONDS = 300.0
_FIRST_PAUSE, _GROWTH, _LONGEST_PAUSE = 0.1, 1.6, 5.0
# How many failures of one change, which Google repeats for an hour, a new try walks past.
_MOST_FAILURES = 20


def connect(cloud: str, configuration: Mapping[str, Any]) -> "Compute":
    """Open Compute Engine in a project and a zone."""
    credentials = given(configuration.get("credentials"))
    zone = str(credentials.get("datacenter") or credentials.get("zone") or "")
    if not zone:
        raise ConfigError(f"{cloud}: credentials.datacenter is not given: name the zone")
    with translated():
        login, home = google_login.login(credentials)
    project = str(credentials.get("project") or home)
    if not project:
        raise ConfigError(f"{cloud}: credentials.project is not given: name the project")
    address = str(credentials.get("endpoint") or _ADDRESS).rstrip("/")
    # Half of this library has types.
    transport: Any = requests
    session = transport.AuthorizedSession(
        login,
        # A bare token cannot be renewed, and Google says better than the library why it is none.
        refresh_status_codes=() if credentials.get("access_token") else (401,),
        refresh_timeout=_READ_SECONDS,
    )
    return Compute(session, address, project, zone)


class Compute:
    """Asks for things and for changes; a call without an answer is repeated.

    :param session: what sends requests with the login in them
    """

    def __init__(self, session: Any, address: str, project: str, zone: str) -> None:
        self._session = session
        self._root = f"{address}/compute/v1/"
        self.project = f"projects/{project}"
        self.zone = zone
        self.region = zone.rpartition("-")[0]

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def zonal(self, *parts: str) -> str:
        """Give the path of a thing in the zone."""
        return "/".join([self.project, "zones", self.zone, *parts])

    def regional(self, *parts: str) -> str:
        """Give the path of a thing in the zone's region."""
        return "/".join([self.project, "regions", self.region, *parts])

    def everywhere(self, *parts: str) -> str:
        """Give the path of a thing that belongs to no place."""
        return "/".join([self.project, "global", *parts])

    def get(self, path: str, **query: str) -> Document:
        """Ask for one thing."""
        return self._ask("GET", path, query)

    def every(self, path: str, **query: str) -> Iterator[Document]:
        """Ask for all things of a kind, page by page."""
        page: Document = {"nextPageToken": ""}
        while "nextPageToken" in page:
            if page["nextPageToken"]:
                query["pageToken"] = page["nextPageToken"]
            page = self._ask("GET", path, query)
            yield from page.get("items", [])

    def in_all_zones(self, kind: str) -> Iterator[Document]:
        """Ask for all things of a kind that each zone has its own of, as instances."""
        query: dict[str, str] = {}
        while True:
            page = self._ask("GET", f"{self.project}/aggregated/{kind}", query)
            for zone in page.get("items", {}).values():
                yield from zone.get(kind, [])
            if not page.get("nextPageToken"):
                return
            query = {"pageToken": str(page["nextPageToken"])}

    def change(self, method: str, path: str, body: Document | None = None, **query: str) -> None:
        """Ask for a change, and wait until it is done."""
        query["requestId"] = str(uuid.uuid4())
        self._done(self._ask(method, path, query, body))

    def change_once(self, method: str, path: str, seed: str, body: Document | None = None) -> str:
        """Ask for a change that is made once, whoever asks for it again; give the id of its target.

        :param seed: what tells this change from others
        """
        for _ in range(_MOST_FAILURES):
            operation = self._ask(method, path, {"requestId": _request_id(seed)}, body)
            if not (operation["status"] == "DONE" and operation.get("error")):
                break
            # An earlier try has failed, and Google says so again instead of trying.
            seed = f"{seed}/{operation['name']}"
        return str(self._done(operation)["targetId"])

    def _done(self, operation: Document) -> Document:
        deadline, pause = time.monotonic() + _OPERATION_SECONDS, _FIRST_PAUSE
        place = f"{self.project}/{_place(operation)}/operations/{operation['name']}"
        while operation["status"] != "DONE":
            if time.monotonic() + pause > deadline:
                raise DependencyDown(
                    f"Google: {operation['operationType']} is not done after "
                    f"{_OPERATION_SECONDS:g} s: repeat the command"
                )
            time.sleep(pause)
            pause = min(pause * _GROWTH, _LONGEST_PAUSE)
            operation = self.get(place)
        if operation.get("error"):
            raise problem(int(operation.get("httpErrorStatusCode") or 400), operation)
        return operation

    def _ask(
        self, method: str, path: str, query: Mapping[str, str], body: Document | None = None
    ) -> Document:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._send(method, path, query, body)
            except OSError:  # as requests says that nobody answered
                if attempt == _ATTEMPTS:
                    raise
            except Problem as refusal:
                if attempt == _ATTEMPTS or not refusal.passes:
                    raise
            time.sleep(random.uniform(0, 0.25 * 2**attempt))  # noqa: S311 - no secret
        raise AssertionError("unreachable")

    def _send(
        self, method: str, path: str, query: Mapping[str, str], body: Document | None
    ) -> Document:
        answer = self._session.request(
            method,
            self._root + path,
            params=query,
            json=body,
            headers={"User-Agent": "cloudmesh-airflow"},
            timeout=(_CONNECT_SECONDS, _READ_SECONDS),
            allow_redirects=False,
        )
        content = _content(answer)
        if answer.status_code != 200:
            raise problem(answer.status_code, content)
        return content


def _content(answer: Any) -> Document:
    try:
        content = answer.json()
    except ValueError:
        content = None
    if isinstance(content, dict):
        return content
    if answer.status_code == 200:
        # Nobody knows whether it happened.
        raise DependencyDown("Google: an answer that is no JSON: check credentials.endpoint")
    return {}


def _place(operation: Document) -> str:
    for kind in ("zone", "region"):
        if operation.get(kind):
            return f"{kind}s/{str(operation[kind]).rpartition('/')[2]}"
    return "global"


def _request_id(seed: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, seed))
