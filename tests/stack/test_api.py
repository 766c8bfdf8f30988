"""The REST API of the running stack, whatever it is sent."""

import urllib.error
import urllib.request

import pytest

from ..api.fuzzing import fuzz
from .conftest import wait_until

API = "/cloudmesh/api/v1"


@pytest.fixture
def nobody_works(stack, client):
    """No scheduler, so what is asked for is queued and never done."""
    assert stack.run("stop", "scheduler").returncode == 0
    yield
    while jobs := client.call("GET", f"{API}/jobs?state=queued&limit=100")["items"]:
        for job in jobs:
            client.call("POST", f"{API}/jobs/{job['id']}/cancel")
    assert stack.run("start", "scheduler").returncode == 0
    health = ("ps", "--format={{.Health}}", "scheduler")
    wait_until(lambda: stack.run(*health).stdout.strip() == "healthy", "the scheduler is healthy")


def test_nothing_breaks_it_and_every_answer_is_documented(stack, client, nobody_works, tmp_path):
    login = {"username": "admin", "password": stack.secret("admin_password")}
    token = client.call("POST", "/auth/token", login)["access_token"]
    fuzz(stack.url, token, tmp_path)
    assert client.call("GET", f"{API}/jobs?limit=1")["total"] > 0


def test_no_route_answers_without_a_login(stack, client):
    paths = client.call("GET", f"{API}/openapi.json")["paths"]
    routes = [(method.upper(), f"/cloudmesh{path}") for path in paths for method in paths[path]]
    hidden = [f"{API}/openapi.json", f"{API}/docs", "/cloudmesh/ui/", "/cloudmesh/ui/main.js"]
    for method, path in [*routes, *(("GET", path) for path in hidden)]:
        address = stack.url + path.replace("{", "").replace("}", "")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(address, method=method), timeout=120)
        with refused.value as error:
            assert error.code == 401, (method, path)
