"""Speaks with Airflow's REST API, and says what its refusals mean."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

from cloudmesh_engine.errors import (
    ActionFailed,
    ConfigError,
    DependencyDown,
    EngineError,
    Refused,
    UsageError,
)
from cloudmesh_engine.stores.answers import Reply
from cloudmesh_engine.stores.wire import Wire

API = "/api/v2"
LOGIN = "cms airflow login"
# What Airflow gives at most ([api] maximum_page_limit), whatever is asked for.
_PAGE = 100


class Unknown(ActionFailed):
    """Airflow has nothing of that name."""


class NoEntry(DependencyDown):
    """Airflow answers, but does not let us in."""


class Client:
    """The web server at one address.

    :param token: of a login; without one only a login can be asked for
    """

    def __init__(self, url: str, token: str = "") -> None:
        self.url = url
        self._wire = Wire(url, "Airflow")
        self._headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def ask(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """Send one request; give the document it is answered with."""
        reply = self.send(method, path, body, **query)
        if not 200 <= reply.status < 300:
            raise _explain(self.url, reply)
        try:
            return json.loads(reply.text or "null")
        except ValueError:
            raise _no_airflow(self.url, "its answer is not JSON") from None

    def send(self, method: str, path: str, body: Any = None, **query: Any) -> Reply:
        """Send one request; give the answer, whatever it is."""
        given = {name: value for name, value in query.items() if value is not None}
        target = self._wire.path + path + (f"?{urlencode(given)}" if given else "")
        data = b"" if body is None else json.dumps(body).encode()
        return self._wire.ask(method, target, lambda: self._headers, data)

    def all(self, path: str, key: str, most: int | None = None, **query: Any) -> Iterator[Any]:
        """Give the entries of a list, page by page.

        :param most: how many are enough
        """
        seen = 0
        while most is None or seen < most:
            limit = _PAGE if most is None else min(_PAGE, most - seen)
            page = self.ask("GET", path, limit=limit, offset=seen, **query)
            yield from page[key]
            seen += len(page[key])
            if not page[key] or seen >= page["total_entries"]:
                return


def dag_path(dag: str) -> str:
    """Where the API has a DAG."""
    return f"{API}/dags/{quote(dag, safe='')}"


def run_path(dag: str, run: str) -> str:
    """Where the API has a run."""
    return f"{dag_path(dag)}/dagRuns/{quote(run, safe='')}"


def _explain(url: str, reply: Reply) -> EngineError:
    said = _said(reply)
    # Airflow answers 403 to a token that was ended by a logout, or signed by another Airflow.
    if reply.status == 401 or said == "Invalid JWT token":
        return NoEntry(f"Airflow at {url} does not know the login ({said}): {LOGIN}")
    if reply.status == 403:
        return NoEntry(f"Airflow: {said}: log in as a user whose role may do that")
    if reply.status == 404:
        return Unknown(f"Airflow: {said}")
    if reply.status == 409:
        return Refused(f"Airflow: {said}")
    if reply.status in (400, 422):
        return UsageError(f"Airflow: {said}")
    if reply.status == 429 or reply.status >= 500:
        return DependencyDown(f"Airflow: {said}: try later, or look at the web server's log")
    return _no_airflow(url, f"HTTP {reply.status}")


def _no_airflow(url: str, why: str) -> ConfigError:
    return ConfigError(f"{url} is not Airflow's web server ({why}): correct the address")


def _said(reply: Reply) -> str:
    """Give Airflow's reason in one line."""
    try:
        detail = json.loads(reply.text)["detail"]
    except (ValueError, KeyError, TypeError):
        return f"HTTP {reply.status}"
    if isinstance(detail, list):
        return "; ".join(_field(one) for one in detail)
    if isinstance(detail, dict):
        detail = detail.get("reason") or detail.get("message") or json.dumps(detail)
    # What follows the first paragraph repeats the whole schema.
    return " ".join(str(detail).split("\n\n")[0].split()).rstrip(".")


def _field(problem: Any) -> str:
    place = ".".join(str(part) for part in problem.get("loc", ())[1:])
    return f"{place}: {problem.get('msg')}" if place else str(problem.get("msg"))
