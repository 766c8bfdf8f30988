"""The whole stack in Docker, as a user has it."""

import base64
import hashlib
import hmac
import json
import subprocess
import urllib.error
import urllib.request

import pytest
import requests

from cloudmesh_airflow.client import AirflowClient, ApiError

from .conftest import ROOT

SERVICES = {
    "dag-processor",
    "faults",
    "faults-azure",
    "faults-chameleon",
    "faults-google",
    "flower",
    "mongo",
    "openstack",
    "postgres",
    "reaper",
    "redis",
    "sandbox",
    "scheduler",
    "triggerer",
    "webserver",
    "worker",
}
DAG = "hello_cloudmesh"


def inspect(stack) -> dict[str, dict]:
    """Docker's word on every container of the project, by service."""
    ids = stack.run("ps", "--all", "--quiet").stdout.split()
    listing = subprocess.run(
        ["docker", "inspect", *ids],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    label = "com.docker.compose.service"
    return {c["Config"]["Labels"][label]: c for c in json.loads(listing.stdout)}


@pytest.fixture(scope="module")
def hello(stack) -> tuple[AirflowClient, str]:
    """A finished run of the first DAG."""
    client = stack.client()
    client.wait_for_dag(DAG)
    run_id = client.trigger(DAG)
    state = client.wait(DAG, run_id, timeout=600)
    tasks = {task["task_id"]: task["state"] for task in client.tasks(DAG, run_id)}
    assert state == "success", tasks
    return client, run_id


def mongo_keys(stack) -> list[dict]:
    """The keys in MongoDB, read past cms."""
    program = (
        "import json, pymongo\n"
        "password = open('/run/secrets/mongo_password').read().strip()\n"
        "client = pymongo.MongoClient('mongo', username='cloudmesh', password=password,\n"
        "    authSource='admin', authMechanism='SCRAM-SHA-256')\n"
        "db = client['cloudmesh']\n"
        "print(json.dumps([d['cm'] for n in db.list_collection_names() if n.endswith('-key')\n"
        "    for d in db[n].find()], default=str))\n"
    )
    done = stack.execute("worker", "/opt/venv-cms/bin/python", "-c", program)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_service_is_healthy(stack):
    containers = inspect(stack)
    healthy = {
        n for n, c in containers.items() if c["State"].get("Health", {}).get("Status") == "healthy"
    }
    assert healthy == SERVICES
    for name in ("prepare", "init"):
        assert containers[name]["State"]["ExitCode"] == 0
    assert not [name for name, c in containers.items() if c["RestartCount"]]
    assert not [name for name, c in containers.items() if c["State"]["OOMKilled"]]


def test_the_first_dag_goes_from_airflow_to_mongodb(stack, hello):
    client, run_id = hello
    hosts = {task["hostname"] for task in client.tasks(DAG, run_id)}
    worker = inspect(stack)["worker"]["Config"]["Hostname"]
    assert hosts == {worker}
    assert "hello-cloudmesh" in [key["name"] for key in mongo_keys(stack)]


def test_a_task_log_can_be_read_in_the_ui(hello):
    client, run_id = hello
    log = "\n".join(client.log(DAG, run_id, "check"))
    assert "hello-cloudmesh" in log


@pytest.mark.parametrize(("key", "logs_in"), [("session_key", True), ("api_secret_key", False)])
def test_a_key_that_workers_hold_makes_no_login(stack, key, logs_in):
    """Flask takes the number of a user and its signature for a login that was remembered."""
    user = "1"
    signed = hmac.new(stack.secret(key).encode(), user.encode(), hashlib.sha512).hexdigest()
    with requests.Session() as browser:
        browser.cookies.set("remember_token", f"{user}|{signed}")
        browser.get(f"{stack.url}/auth/login/", allow_redirects=False, timeout=60)
        assert ("_token" in browser.cookies) == logs_in


def test_a_run_is_started_and_read_from_a_worker_with_a_users_own_login(stack, hello):
    login = ["exec", "--no-TTY", "worker", "cms", "airflow", "login"]
    done = subprocess.run(
        [*stack.compose_command_property, *login],
        cwd=ROOT,
        input=stack.secret("admin_password"),
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    words = ("trigger", DAG, "--unpause", "--wait", "--logs", "--output=json")
    done = stack.execute("worker", "cms", "airflow", *words)
    assert done.returncode == 0, done.stderr
    assert "check | " in done.stderr
    (run,) = json.loads(done.stdout)
    state = json.loads(stack.cms("airflow", "state", DAG, run["run"], "--output=json"))
    assert {task["state"] for task in state["tasks"]} == {"success"}
    assert "hello-cloudmesh" in stack.cms("airflow", "logs", DAG, run["run"], "check")
    kept = stack.execute("worker", "find", "/var/lib/cloudmesh/shell", "-name", "*.json",
                         "-path", "*/airflow/*", "-perm", "600")  # fmt: skip
    assert len(kept.stdout.split()) == 1
    stack.cms("airflow", "logout")


def test_the_page_answers_and_the_api_wants_a_login(stack):
    with urllib.request.urlopen(stack.url, timeout=120) as page:
        assert b"<html" in page.read().lower()
    with pytest.raises(urllib.error.HTTPError, match="401") as refused:
        urllib.request.urlopen(f"{stack.url}/api/v2/dags", timeout=120)
    refused.value.close()
    with pytest.raises(ApiError, match="401"):
        AirflowClient(stack.url, "admin", "wrong")


def test_flower_wants_a_login_and_knows_the_worker(stack, hello):
    address = f"{stack.flower_url}/api/workers?refresh=1"
    with pytest.raises(urllib.error.HTTPError, match="401") as refused:
        urllib.request.urlopen(address, timeout=120)
    refused.value.close()
    request = urllib.request.Request(address)
    login = base64.b64encode(stack.secret("flower_basic_auth").encode()).decode()
    request.add_header("Authorization", f"Basic {login}")
    with urllib.request.urlopen(request, timeout=120) as answer:
        workers = json.load(answer)
    assert list(workers) == [f"celery@{inspect(stack)['worker']['Config']['Hostname']}"]


def test_the_key_survives_down_and_up(stack, hello):
    assert stack.run("down").returncode == 0
    up = stack.run("up", "--detach", "--wait", "--wait-timeout", "600")
    assert up.returncode == 0, up.stderr
    assert "init: database ready, nothing to do" in stack.run("logs", "init").stdout
    done = stack.execute("worker", "cms", "key", "list", "--output=json")
    assert done.returncode == 0, done.stderr
    assert "hello-cloudmesh" in [key["name"] for key in json.loads(done.stdout)]
    # The clouds of the sandbox begin anew, and answer.
    assert json.loads(stack.cms("vm", "list", "--refresh", "--output=json")) == []


def test_the_containers_are_confined(stack):
    for name, container in inspect(stack).items():
        host = container["HostConfig"]
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert "no-new-privileges:true" in host["SecurityOpt"], name
        assert host["Memory"] > 0, name
        assert host["PidsLimit"] > 0, name
        assert not host["Privileged"], name
        if name != "prepare":
            assert not container["Config"]["User"].startswith("0"), name
            assert not host["CapAdd"], name


def test_a_process_has_no_capability(stack):
    status = stack.execute("worker", "cat", "/proc/1/status").stdout
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status


def test_no_secret_in_a_log_an_environment_or_a_command_line(stack, hello):
    values = {path.name: path.read_text().strip() for path in stack.secrets.iterdir()}
    assert len(values) >= 10
    places = {
        "logs": stack.run("logs", "--no-color").stdout,
        "inspect": json.dumps(inspect(stack)),
        "processes": stack.run("top").stdout,
    }
    task_logs = stack.execute("worker", "sh", "-c", "cat /opt/airflow/logs/*/*/*/*.log")
    assert "hello-cloudmesh" in task_logs.stdout
    places["task logs"] = task_logs.stdout
    for place, text in places.items():
        assert text
        assert not [name for name, value in values.items() if value in text], place


def test_a_worker_cannot_reach_airflows_database(stack):
    reach = "import socket; socket.create_connection(('postgres', 5432), 3)"
    done = stack.execute("worker", "python3", "-c", reach)
    assert done.returncode != 0
    assert "gaierror" in done.stderr


def test_nothing_can_be_written_below_the_config_mount(stack):
    done = stack.execute("worker", "touch", "/config/new")
    assert done.returncode != 0
    assert "Read-only file system" in done.stderr


def test_a_wrong_mongo_password_is_one_clear_line(stack):
    command = (
        "mkdir -p /tmp/wrong && echo nonsense > /tmp/wrong/mongo_password"
        " && CLOUDMESH_SECRETS_DIR=/tmp/wrong cms key list"
    )
    done = stack.execute("worker", "sh", "-c", command)
    assert done.returncode == 4
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "refuses user 'cloudmesh'" in done.stderr
    assert "nonsense" not in done.stderr


def test_a_missing_cloudmesh_yaml_is_one_clear_line(stack):
    done = stack.execute("worker", "sh", "-c", "CLOUDMESH_CONFIG=/config/gone.yaml cms key list")
    assert done.returncode != 0
    assert len(done.stderr.splitlines()) == 1
    assert "/config/gone.yaml" in done.stderr


def test_the_sandbox_clouds_answer_in_the_worker(stack):
    program = (
        "import urllib.request, urllib.error\n"
        "print(urllib.request.urlopen('http://sandbox:5000/moto-api/', timeout=5).status)\n"
        "try: urllib.request.urlopen('http://sandbox:10000/devstoreaccount1?comp=list')\n"
        "except urllib.error.HTTPError as error: print(error.headers['Server'])\n"
    )
    done = stack.execute("worker", "python3", "-c", program)
    assert done.stdout.splitlines()[0] == "200"
    assert done.stdout.splitlines()[1].startswith("Azurite-Blob/")
