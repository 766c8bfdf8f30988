"""Asks every service for what a boot needs, as the sandbox's user."""

import http.client
import json
from collections.abc import Callable
from typing import Any

from layout import SERVICES
from seed import FLAVORS, IMAGES, NETWORK, PASSWORD, PROJECT, USER


class Client:
    """The services at an address.

    :param port: Keystone's
    :param seconds: how long each answer may take
    """

    def __init__(self, host: str, port: int, seconds: float) -> None:
        self._host = host
        self._port = port
        self._seconds = seconds
        self._token = ""

    def check(self) -> None:
        """Raise unless the services know the image, flavor, network and servers."""
        self._login()
        self._has("glance", "/v2/images", "images", lambda names: IMAGES[0] in names)
        self._has("nova", "/v2.1/flavors", "flavors", lambda names: FLAVORS[0][0] in names)
        self._has("neutron", "/v2.0/networks", "networks", lambda names: NETWORK in names)
        self._has("nova", "/v2.1/servers", "servers", lambda _: True)
        self._ask("placement", "GET", "/")

    def _has(self, service: str, path: str, kind: str, wanted: Callable[[list[str]], bool]) -> None:
        names = [one["name"] for one in self._ask(service, "GET", path)[1][kind]]
        if not wanted(names):
            raise ValueError(f"{service}: no {kind} that the sandbox should have: {names}")

    def _login(self) -> None:
        domain = {"id": "default"}
        user = {"name": USER, "domain": domain, "password": PASSWORD}
        identity = {"methods": ["password"], "password": {"user": user}}
        scope = {"project": {"name": PROJECT, "domain": domain}}
        content = {"auth": {"identity": identity, "scope": scope}}
        self._token = self._ask("keystone", "POST", "/v3/auth/tokens", content)[0]

    def _ask(self, service: str, method: str, path: str, content: Any = None) -> Any:
        """Return the answer's token, if it has one, and its content."""
        port = self._port + SERVICES.index(service)
        connection = http.client.HTTPConnection(self._host, port, timeout=self._seconds)
        headers = {"Content-Type": "application/json", "X-Auth-Token": self._token}
        try:
            body = json.dumps(content) if content else None
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status >= 300:
                raise ValueError(f"{service} answered {answer.status}: {text[:200]!r}")
            return answer.getheader("X-Subject-Token", ""), json.loads(text)
        finally:
            connection.close()
