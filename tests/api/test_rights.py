"""Nobody without a login sees anything, and who may only look changes nothing."""

import pytest

READS = ["clouds", "vms", "vms/aws/web-0", "jobs", "office-hours", "vm-hours", "healthz", "metrics"]
WRITES = [
    ("POST", "vms", {"cloud": "aws"}),
    ("POST", "vms/aws/web-0/start", None),
    ("POST", "vms/aws/web-0/stop", None),
    ("POST", "vms/aws/web-0/reboot", None),
    ("POST", "vms/aws/web-0/snooze", {"until": "2h"}),
    ("DELETE", "vms/aws/web-0", None),
    ("POST", "storage/aws/listings", {"path": "runs"}),
    ("POST", "transfers", {"source": "aws:runs", "target": "azure:runs"}),
]
READS += ["storage", "storage/aws/files?path=runs", "transfers", "transfers/t-1"]


def operations(web):
    """Every route of the OpenAPI document, with something for its path's parameters."""
    given = {"{cloud}": "aws", "{name}": "web-0", "{job}": "vm_boot.none"}
    given |= {"{service}": "aws", "{identifier}": "t-1"}
    for path, methods in web("GET", "openapi.json").json()["paths"].items():
        for name, value in given.items():
            path = path.replace(name, value)
        for method in methods:
            yield method.upper(), f"/cloudmesh{path}"


def test_no_route_answers_without_a_login(web, inventory):
    found = list(operations(web))
    assert len(found) == len(READS) + len(WRITES) + 2
    base = "/cloudmesh/api/v1"
    hidden = [f"{base}/openapi.json", f"{base}/docs", f"{base}/none", "/cloudmesh/ui/"]
    hidden += ["/cloudmesh/ui/style.css", "/cloudmesh/docs", "/cloudmesh/openapi.json"]
    for method, path in [*found, *(("GET", path) for path in hidden)]:
        for headers in ({}, {"Authorization": "Bearer x"}, {"Cookie": "_token=x"}):
            answer = web(method, path, None, headers=headers)
            assert answer.status_code == 401, (method, path)
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.json()["status"] == 401


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("role", ["Viewer", "User", "Op"])
def test_who_has_a_role_may_look(web, inventory, role, path):
    assert web("GET", path, role).status_code == 200


@pytest.mark.parametrize("path", [*READS, "openapi.json", "docs"])
def test_who_has_no_right_may_not_look(web, inventory, path):
    answer = web("GET", path, "Public")
    assert answer.status_code == 403
    assert "public" in answer.json()["detail"].lower()


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_a_viewer_changes_nothing(web, inventory, method, path, body):
    before = web("GET", "jobs").json()["total"]
    assert web(method, path, "Viewer", json=body).status_code == 403
    assert web("GET", "jobs").json()["total"] == before


@pytest.mark.parametrize("role", ["User", "Op"])
@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_who_may_start_runs_may_act(web, inventory, role, method, path, body):
    answer = web(method, path, role, json=body)
    assert answer.status_code == 202, answer.text
    assert answer.json()["user"]


def test_a_viewer_cancels_nothing(web, inventory):
    job = web("POST", "vms", json={}).json()["id"]
    assert web("POST", f"jobs/{job}/cancel", "Viewer").status_code == 403
    assert web("GET", f"jobs/{job}").json()["state"] == "queued"


def test_the_cookie_is_as_good_as_the_token_but_not_from_another_site(web, inventory):
    cookie = {"Cookie": f"_token={web.token('Op')}"}
    assert web("GET", "vms", None, headers=cookie).json()["total"] == 3
    own = {**cookie, "Origin": web.url}
    assert web("POST", "vms/aws/web-0/stop", None, headers=own).status_code == 202
    other = {**cookie, "Origin": "http://127.0.0.1:1"}
    assert web("POST", "vms/aws/web-0/stop", None, headers=other).status_code == 403


def test_what_a_proxy_adds_for_everybody_is_nobodys_login(web, inventory):
    """With Basic in front every browser sends the same header to Airflow, too."""
    proxy = {"Authorization": "Basic dGVhbTpwcm94eQ=="}
    known = {**proxy, "Cookie": f"_token={web.token('Op')}"}
    assert web("GET", "vms", None, headers=proxy).status_code == 401
    assert web("GET", "vms", None, headers=known).json()["total"] == 3
    assert web("GET", "vms", None, headers=proxy).status_code == 401
    assert web("GET", "jobs", None, headers=known).status_code == 200
    assert web("POST", "vms/aws/web-0/stop", None, headers=known).status_code == 202
    other = {**known, "Origin": "http://127.0.0.1:1"}
    assert web("POST", "vms/aws/web-0/stop", None, headers=other).status_code == 403
