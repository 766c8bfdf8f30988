"""What changes a VM is a job, and a job is a run of a DAG."""

import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest


def key() -> dict[str, str]:
    return {"Idempotency-Key": secrets.token_hex(8)}


@pytest.mark.parametrize(
    ("method", "path", "body", "dag", "parameters"),
    [
        ("POST", "vms/aws/web-0/stop", None, "vm_power", {"action": "stop"}),
        ("POST", "vms/aws/web-0/snooze", {"until": "2h"}, "vm_snooze", {"until": "2h"}),
        ("DELETE", "vms/aws/web-0", None, "vm_delete", {}),
    ],
)
def test_an_action_on_a_vm_is_a_run_of_its_dag(web, inventory, method, path, body, dag, parameters):
    answer = web(method, path, json=body)
    assert answer.status_code == 202
    job = answer.json()
    assert (job["dag"], job["state"]) == (dag, "queued")
    assert job["parameters"] == {**parameters, "names": "web-0", "cloud": "aws"}
    run = job["id"].removeprefix(f"{dag}.")
    assert job["url"] == f"/dags/{dag}/runs/{run}"
    assert answer.headers["Location"].endswith(job["id"])
    airflows = web("GET", f"/api/v2/dags/{dag}/dagRuns/{run}").json()
    assert airflows["conf"] == job["parameters"]
    assert airflows["triggering_user_name"] == job["user"]


def test_a_boot_passes_the_whole_form_on(web, inventory):
    form = {"cloud": "aws", "n": 2, "name": "lab", "flavor": "t2.nano", "image": "", "hours": 1.5}
    job = web("POST", "vms", json=form).json()
    assert job["parameters"] == form


def test_a_job_tells_how_it_ended(web, inventory):
    job = web("POST", "vms", json={}).json()["id"]
    assert web("GET", f"jobs/{job}").json()["progress"]["done"] == 0
    web.finish(job, "failed")
    ended = web("GET", f"jobs/{job}?wait=20")
    assert ended.json()["state"] == "failed"
    assert ended.json()["ended"]
    assert web("POST", f"jobs/{job}/cancel").status_code == 409


def test_waiting_ends_with_the_job(web, inventory):
    headers = key()
    job = web("POST", "vms", json={}, headers=headers).json()["id"]
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(web, "POST", "vms?wait=30", json={}, headers=headers)
        web.finish(job)
        answer = waiting.result()
    assert answer.status_code == 200
    assert answer.json()["state"] == "success"


def test_what_a_job_did_while_one_waited_is_told(web, inventory):
    headers = key()
    job = web("POST", "vms", json={}, headers=headers).json()["id"]
    path = f"/api/v2/dags/vm_boot/dagRuns/{job.removeprefix('vm_boot.')}/taskInstances/boot"
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(web, "POST", "vms?wait=20", json={}, headers=headers)
        # It reads the same as the one that waits, and later: that one is waiting by then.
        before = web("GET", f"jobs/{job}").json()["progress"]
        assert web("PATCH", path, json={"new_state": "success"}).ok
        answer = waiting.result()
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    assert answer.json()["progress"] == {**before, "done": before["done"] + 1}


def test_a_job_that_went_well_has_its_result(web, inventory):
    job = web("POST", "vms", json={}).json()["id"]
    run = job.removeprefix("vm_boot.")
    path = f"/api/v2/dags/vm_boot/dagRuns/{run}/taskInstances/boot/xcomEntries"
    result = [{"name": "lab", "status": "running", "public_ips": ["192.0.2.9"]}]
    assert web("POST", path, json={"key": "return_value", "value": result}).status_code == 201
    assert web("GET", f"jobs/{job}").json()["result"] is None
    web.finish(job)
    assert web("GET", f"jobs/{job}").json()["result"] == result


def test_airflow_shows_the_link_that_a_task_has_left(web, inventory):
    run = web("POST", "vms", json={}).json()["id"].removeprefix("vm_boot.")
    path = f"/api/v2/dags/vm_boot/dagRuns/{run}/taskInstances/boot"
    link = "/cloudmesh/ui/?run=vm_boot"
    entry = {"key": "_link_CloudmeshVmLink", "value": link}
    assert web("POST", f"{path}/xcomEntries", json=entry).status_code == 201
    assert web("GET", f"{path}/links").json()["extra_links"] == {"VMs": link}


def test_a_cancelled_job_has_failed(web, inventory):
    job = web("POST", "vms", json={}).json()["id"]
    assert web("POST", f"jobs/{job}/cancel").json()["state"] == "failed"


def test_requests_at_once_with_one_key_make_one_job(web, inventory):
    headers = key()
    before = web("GET", "jobs").json()["total"]
    with ThreadPoolExecutor(100) as pool:
        answers = list(
            pool.map(lambda _: web("POST", "vms", json={"n": 2}, headers=headers), range(100))
        )
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert web("GET", "jobs").json()["total"] == before + 1


def test_different_orders_at_once_are_all_taken(web, inventory):
    before = web("GET", "jobs").json()["total"]
    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda _: web("POST", "vms", json={}, headers=key()), range(40)))
    assert {answer.status_code for answer in answers} == {202}
    assert web("GET", "jobs").json()["total"] == before + 40


def test_a_key_belongs_to_one_request_of_one_user(web, inventory):
    headers = key()
    first = web("POST", "vms", json={"n": 2}, headers=headers).json()["id"]
    assert web("POST", "vms", json={"n": 3}, headers=headers).status_code == 409
    assert web("POST", "vms", "Op", json={"n": 3}, headers=headers).json()["id"] != first


def test_a_repeated_deletion_is_the_same_job_though_the_vm_is_gone(web, change):
    headers = key()
    first = web("DELETE", "vms/aws/web-0", headers=headers).json()["id"]
    change(aws=[])
    assert web("DELETE", "vms/aws/web-0", headers=headers).json()["id"] == first
    assert web("GET", "jobs?limit=1").json()["items"][0]["id"] == first


@pytest.mark.parametrize("action", ["start", "stop", "reboot"])
def test_a_vm_that_is_not_there_is_not_found(web, inventory, action):
    answer = web("POST", f"vms/aws/none/{action}")
    assert answer.status_code == 404
    assert "'none' on 'aws'" in answer.json()["detail"]


def test_a_paused_dag_is_told_of(web, inventory):
    dag = "/api/v2/dags/vm_boot"
    assert web("PATCH", dag, json={"is_paused": True}).ok
    try:
        answer = web("POST", "vms", json={})
    finally:
        web("PATCH", dag, json={"is_paused": False})
    assert answer.status_code == 409
    assert "paused" in answer.json()["detail"]


def test_jobs_come_in_pages_the_newest_first(web, inventory):
    made = [web("POST", "vms", json={"n": n}).json()["id"] for n in (1, 2, 3)]
    page = web("GET", "jobs?limit=2&dag=vm_boot").json()
    assert [job["id"] for job in page["items"]] == made[:0:-1]
    assert page["total"] >= 3
    web.finish(made[0])
    assert web("GET", "jobs?state=success&limit=1").json()["items"][0]["id"] == made[0]


@pytest.mark.parametrize(
    "body",
    [
        {"cloud": "--x"},
        {"n": 0},
        {"n": 101},
        {"name": "a,b"},
        {"name": "a[1-9]"},
        {"name": "x" * 57},
        {"hours": 0},
        {"flavor": "-x"},
        {"unknown": 1},
        [],
    ],
)
def test_bad_orders_start_nothing(web, inventory, body):
    before = web("GET", "jobs").json()["total"]
    answer = web("POST", "vms", json=body)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert web("GET", "jobs").json()["total"] == before


@pytest.mark.parametrize("name", ["web[0-1]", "web-0,web-1", "-x"])
def test_a_path_names_one_vm(web, inventory, name):
    assert web("DELETE", f"vms/aws/{name}").status_code == 422
