"""Files: what is in the stores, and what is moved between them."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest


def look(web, path, service="aws", **query):
    more = "".join(f"&{key}={value}" for key, value in query.items())
    return web("GET", f"storage/{service}/files?path={quote(path)}{more}")


def test_services_are_those_that_were_noted(web, files):
    services = web("GET", "storage").json()
    assert [(one["name"], one["kind"]) for one in services] == [
        ("aws", "awss3"),
        ("azure", "azureblob"),
        ("local", "local"),
    ]
    files(storage=[])
    shipped = web("GET", "storage").json()
    assert [one["name"] for one in shipped] == ["aws", "azure", "google", "local"]


def test_a_folder_is_shown_as_it_was_last_seen(web, inventory):
    root = look(web, "").json()
    assert [(one["name"], one["kind"], one["size"]) for one in root["items"]] == [
        ("runs/", "folder", 0),
        ("readme.txt", "file", 2048),
    ]
    assert (root["taken_at"], root["place"], root["truncated"]) == (
        "2026-11-21T08:00:00.000000+00:00",
        "bucket",
        False,
    )
    runs = look(web, root["items"][0]["path"]).json()
    assert [one["name"] for one in runs["items"]][:2] == ["deep er/", "a.csv"]
    assert [one["place"] for one in runs["items"]][:2] == ["aws:runs/deep er/", "aws:runs/a.csv"]
    for same in ("runs", "/runs", "/runs/"):
        assert look(web, same).json() == runs


def test_a_folder_that_nobody_has_looked_into_says_what_to_do(web, inventory):
    answer = look(web, "never")
    assert answer.status_code == 404
    assert "POST storage/aws/listings" in answer.json()["detail"]


def test_a_thousand_names_come_in_pages_and_may_be_searched(web, files, notes):
    names = [f"{number:04}.csv" for number in range(1000)]
    files(listings=[notes.listing("aws", "many/", *names, truncated=True)])
    page = look(web, "many", limit=2, offset=998).json()
    assert [one["name"] for one in page["items"]] == names[998:]
    assert (page["total"], page["truncated"]) == (1000, True)
    found = look(web, "many", name="99.CSV").json()
    assert (found["total"], found["items"][0]["name"]) == (10, "0099.csv")
    assert look(web, "many", limit=501).status_code == 422


@pytest.mark.parametrize("key", ["/", "./", "//x/", "a//", "[x]*?/", "<b>&/", "é ~/"])
def test_awkward_folders_are_reached_by_what_is_told_of_them(web, files, notes, key):
    files(listings=[notes.listing("aws", "", key), notes.listing("aws", key, "file")])
    (folder,) = look(web, "").json()["items"]
    (file,) = look(web, folder["path"]).json()["items"]
    assert file["name"] == "file"
    path = "/" + key if key.startswith(("/", "./")) else key
    assert (folder["place"], file["place"]) == (f"aws:{path}", f"aws:{path}file")
    job = web("POST", "storage/aws/listings", json={"path": folder["path"]}).json()
    assert job["parameters"] == {"service": "aws", "path": path}


def test_looking_is_a_run_of_its_dag(web, inventory):
    answer = web("POST", "storage/aws/listings", json={"path": "runs"})
    assert answer.status_code == 202
    job = answer.json()
    assert (job["dag"], job["state"]) == ("storage_listing", "queued")
    assert job["parameters"] == {"service": "aws", "path": "runs/"}
    result = [{"action": "recorded", "files": 2}]
    run = job["id"].removeprefix("storage_listing.")
    path = f"/api/v2/dags/storage_listing/dagRuns/{run}/taskInstances/look/xcomEntries"
    assert web("POST", path, json={"key": "return_value", "value": result}).status_code == 201
    web.finish(job["id"])
    assert web("GET", f"jobs/{job['id']}?wait=20").json()["result"] == result
    found = web("GET", "jobs?dag=storage_listing&state=success").json()
    assert job["id"] in [one["id"] for one in found["items"]]


def test_moving_is_a_run_of_its_dag_and_one_key_makes_one(web, inventory):
    order = {"source": "aws:runs/[1].csv", "target": "azure:<b>", "verify": "read", "delete": True}
    headers = {"Idempotency-Key": "move-1"}
    answer = web("POST", "transfers", json=order, headers=headers)
    assert answer.status_code == 202
    job = answer.json()
    assert (job["dag"], job["parameters"]) == ("move_file", order)
    assert web("POST", "transfers", json=order, headers=headers).json()["id"] == job["id"]
    other = {**order, "target": "azure:other"}
    assert web("POST", "transfers", json=other, headers=headers).status_code == 409


@pytest.mark.parametrize(
    "order",
    [
        {"source": "aws:a"},
        {"source": "a", "target": "azure:b"},
        {"source": "aws:a", "target": "--delete:b"},
        {"source": "aws:a\x00", "target": "azure:b"},
        {"source": "aws:a", "target": "azure:b\n"},
        {"source": "aws:a", "target": "azure:b", "verify": "no"},
        {"source": "aws:a", "target": "azure:b", "move": True},
    ],
)
def test_an_order_that_is_none_makes_no_job(web, inventory, order):
    before = web("GET", "jobs?dag=move_file").json()["total"]
    assert web("POST", "transfers", json=order).status_code == 422
    assert web("GET", "jobs?dag=move_file").json()["total"] == before


def test_a_body_that_is_no_text_is_told(web, inventory):
    headers = {"Content-Type": "application/json"}
    answer = web("POST", "transfers", data=b'{"source": "aws:\xff"}', headers=headers)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_transfers_are_shown_with_how_far_they_are(web, files, notes):
    known = {"files_known": 9, "bytes_known": 9000, "listed": False}
    going = notes.transfer("going", "running", **known)
    killed = notes.transfer("killed", "running", **known)
    ago = datetime.now(UTC) - timedelta(minutes=2)
    killed["updated"] = ago.isoformat(timespec="microseconds")
    failures = [{"name": "b", "error": "store: no"}]
    failed = notes.transfer("failed", "failed", failures=failures, failed=1, error="why")
    old = {"_id": "old", "source": "a:b:c", "target": "d:e:f"}
    files(transfers=[killed, going, failed, old])
    page = web("GET", "transfers").json()
    assert page["total"] == 4
    by_id = {one["id"]: one for one in page["items"]}
    assert list(by_id)[2:] == ["killed", "old"]
    assert {name: one["state"] for name, one in by_id.items()} == {
        "going": "running",
        "killed": "interrupted",
        "failed": "failed",
        "old": "done",
    }
    shown = by_id["going"]
    assert (shown["source"], shown["target"]) == ("aws:runs", "azure:going")
    assert (shown["files"], shown["files_known"], shown["listed"]) == (3, 9, False)
    assert (shown["job"], shown["run"]) == ("move_file.api__going", "move_file/api__going")
    assert shown["url"] == "/dags/move_file/runs/api__going"
    (running,) = web("GET", "transfers?state=running").json()["items"]
    assert running["id"] == "going"
    details = web("GET", "transfers/failed").json()
    assert (details["failures"], details["error"]) == (failures, "why")
    assert web("GET", "transfers/none").status_code == 404
    assert web("GET", "transfers?limit=1&offset=3").json()["items"][0]["id"] == "old"


def test_metrics_count_transfers(web, files, notes):
    one, two = notes.transfer("one", bytes=123456789), notes.transfer("two", bytes=1)
    files(transfers=[one, two, notes.transfer("three", "failed", bytes=0)])
    lines = web("GET", "metrics").text.splitlines()
    assert 'cloudmesh_transfers{source="aws",target="azure",state="done"} 2' in lines
    assert 'cloudmesh_transfers{source="aws",target="azure",state="failed"} 1' in lines
    assert 'cloudmesh_transfer_bytes{source="aws",target="azure"} 123456790' in lines
