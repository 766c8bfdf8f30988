"""The runner, driven with real small programs in the place of cms."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from cloudmesh_airflow.errors import CmsError, CmsTimeout
from cloudmesh_airflow.runner import environment, run_cms


@pytest.fixture
def cms(tmp_path, monkeypatch):
    """Puts a Python program in cms's place."""

    def install(source: str) -> None:
        program = tmp_path / "cms"
        program.write_text(f"#!{sys.executable}\n{source}")
        program.chmod(0o755)
        monkeypatch.setenv("CLOUDMESH_CMS", str(program))

    return install


def test_arguments_arrive_as_they_are(cms):
    cms("import json, sys; print(json.dumps(sys.argv[1:]))")
    arguments = ["vm", "ssh", "vm1", "--command=uname -a; echo 'x' \"y\" $HOME", "", "ä"]
    assert run_cms(arguments).json() == arguments


def test_stdin_is_empty(cms):
    cms("import sys; print(repr(sys.stdin.read()))")
    assert run_cms([]).stdout.strip() == "''"


def test_stdout_and_stderr_stay_apart(cms):
    cms("import sys; print('data'); print('chatter', file=sys.stderr)")
    result = run_cms([])
    assert (result.stdout, result.stderr) == ("data\n", "chatter\n")


def test_failure_carries_code_and_last_words(cms):
    cms("import sys; print('no such VM: vm9', file=sys.stderr); sys.exit(3)")
    with pytest.raises(CmsError, match="no such VM: vm9") as caught:
        run_cms(["vm", "start", "vm9"])
    assert caught.value.returncode == 3
    assert caught.value.command == ["vm", "start", "vm9"]


def test_bytes_that_are_no_text_do_not_hurt(cms):
    cms(r"import sys; sys.stdout.buffer.write(b'\xff\xfe ok\n')")
    assert run_cms([]).stdout == "\\xff\\xfe ok\n"


def test_timeout_ends_the_command_and_its_children(cms, tmp_path):
    pid_file = tmp_path / "pid"
    cms(
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([{sys.executable!r}, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(pid_file)!r}, 'w').write(str(child.pid))\n"
        "time.sleep(60)"
    )
    with pytest.raises(CmsTimeout, match="ended after 2 s"):
        run_cms([], timeout=2)
    pid = int(pid_file.read_text())
    deadline = time.monotonic() + 5
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            break
    else:
        assert not psutil.pid_exists(pid)


def test_airflows_settings_do_not_reach_the_command(cms, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CELERY__BROKER_URL_CMD", "cat /run/secrets/celery_broker_url")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    monkeypatch.setenv("CLOUDMESH_MONGO_HOST", "mongo")
    cms("import json, os; print(json.dumps(dict(os.environ)))")
    seen = run_cms([]).json()
    assert seen["CLOUDMESH_MONGO_HOST"] == "mongo"
    assert not [name for name in seen if name.startswith(("AIRFLOW", "AWS"))]


def test_environment_is_an_allow_list():
    given = {"PATH": "/bin", "SECRET": "x", "CLOUDMESH_USER": "ada", "LD_PRELOAD": "y"}
    kept = environment(given | {"CLOUDMESH_SHELL_DIR": "/variables-of-a-person"})
    assert kept == {
        "PATH": "/bin",
        "CLOUDMESH_USER": "ada",
        "TERM": "dumb",
        "NO_COLOR": "1",
        "PYTHONUNBUFFERED": "1",
    }


def test_importing_the_package_stays_light():
    source = str(Path(__file__).parents[3] / "src")
    listing = subprocess.run(
        [sys.executable, "-c", "import sys, cloudmesh_airflow.client as c; print(*sys.modules)"],
        env={**os.environ, "PYTHONPATH": source},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not {"airflow", "boto3", "pymongo", "requests", "sqlalchemy"} & set(listing)
