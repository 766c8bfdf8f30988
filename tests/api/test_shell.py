"""`cms airflow` on a real Airflow that runs DAGs."""

import contextlib
import csv
import json
import os
import pty
import secrets
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import REPOSITORY, Mongo, Web, free_port, serving
from .edges import elsewhere, unreliable

CMS_PYTHON = os.environ.get("CMS_PYTHON")
PROGRAM = "from cloudmesh_engine.launcher import main; main()"

Result = subprocess.CompletedProcess[str]


@dataclass
class Shell:
    """A person's shell with `cms`."""

    root: Path
    web: Web

    @property
    def environ(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root),
            "TMPDIR": str(self.root),
            "PYTHONPATH": str(REPOSITORY / "src"),
            "CLOUDMESH_CONFIG": str(REPOSITORY / "config/cloudmesh.yaml"),
            "CLOUDMESH_SECRETS_DIR": str(self.root),
            "CLOUDMESH_STATE_DIR": str(self.root),
            "CLOUDMESH_SHELL_DIR": str(self.root / "shell"),
            "CLOUDMESH_AIRFLOW_URL": self.web.url,
        }

    @property
    def words(self) -> list[str]:
        return [str(CMS_PYTHON), "-c", PROGRAM, "airflow"]

    def __call__(self, *words: str, stdin: str = "", **environ: str | None) -> Result:
        env = {name: text for name, text in {**self.environ, **environ}.items() if text is not None}
        done = subprocess.run(
            [*self.words, *words], env=env, input=stdin, capture_output=True, text=True, timeout=600
        )
        for login in self.kept():
            assert login["token"] not in done.stdout + done.stderr
        assert self.web.password not in done.stdout + done.stderr
        return done

    def json(self, *words: str) -> Any:
        """What a command gives, as one document."""
        done = self(*words, "--output=json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def login(self, role: str = "Admin", **environ: str) -> None:
        done = self("login", role.lower(), stdin=f"{self.web.password}\n", **environ)
        assert done.returncode == 0, done.stderr

    def files(self) -> list[Path]:
        return sorted(path for path in self.root.glob("shell/*/airflow/*"))

    def kept(self) -> list[dict[str, str]]:
        return [json.loads(file.read_text()) for file in self.files()]


@pytest.fixture(scope="module")
def airflow(mongo: Mongo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """An Airflow that runs what it is asked for."""
    if not CMS_PYTHON:
        pytest.skip("CMS_PYTHON is not set: a Python with what cms needs")
    root = tmp_path_factory.mktemp("shell")
    with serving(root, mongo, REPOSITORY / "tests/api/dags") as web:
        environ = {
            **web.environ,
            "AIRFLOW__CORE__PARALLELISM": "2",
            # A busy machine is no reason to give a task up.
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "600",
            "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "600",
            "AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS": "600",
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "120",
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(free_port()),
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_HOST": "127.0.0.1",
        }
        words = [sys.executable, "-m", "airflow", "scheduler", "--skip-serve-logs"]
        with web.log.open("a") as log:
            process = subprocess.Popen(
                words, env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        yield web
        process.terminate()
        process.wait(120)


@pytest.fixture
def visitor(airflow: Web, tmp_path: Path) -> Shell:
    """A shell of somebody who has not logged in."""
    # cloudmesh.yaml names it; nothing here asks MongoDB.
    (tmp_path / "mongo_password").write_text("unused")
    return Shell(tmp_path, airflow)


@pytest.fixture
def cms(visitor: Shell) -> Shell:
    """A shell of the administrator."""
    visitor.login()
    return visitor


def told(done: Result, code: int) -> str:
    """The one line that a failure is told in."""
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    (line,) = done.stderr.splitlines()
    return line


def test_without_a_login_the_way_to_one_is_told(visitor: Shell) -> None:
    assert "not logged in" in (line := told(visitor("dags"), 4))
    assert line.endswith("cms airflow login")


def test_a_login_is_kept_for_its_owner_alone_until_logout(visitor: Shell) -> None:
    done = visitor("login", "viewer", "--output=json", stdin=visitor.web.password)
    assert done.returncode == 0, done.stderr
    (shown,) = json.loads(done.stdout)
    assert (shown["url"], shown["user"]) == (visitor.web.url, "viewer")
    (file,) = visitor.files()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    (login,) = visitor.kept()
    assert login["ends"] == shown["ends"] > "2026"
    assert visitor.web.password not in file.read_text()
    assert visitor("dags").returncode == 0
    assert visitor("logout").returncode == 0
    assert visitor.files() == []
    assert "not logged in" in told(visitor("dags"), 4)
    # Nor does the token work for somebody who has copied it.
    file.write_text(json.dumps(login))
    assert "does not know the login" in told(visitor("dags"), 4)
    assert visitor("logout").returncode == 0
    assert visitor("logout").returncode == 0


def test_a_login_that_has_ended_is_told_without_a_request(cms: Shell) -> None:
    (file,), (login,) = cms.files(), cms.kept()
    file.write_text(json.dumps({**login, "ends": "2026-01-02T03:04:05+00:00"}))
    line = told(cms("runs", "speaks", CLOUDMESH_AIRFLOW_URL=cms.web.url), 4)
    assert "the login of admin" in line
    assert "ended at 2026-01-02T03:04:05+00:00: cms airflow login" in line


def test_a_wrong_password_is_refused_and_nothing_is_kept(visitor: Shell, tmp_path: Path) -> None:
    line = told(visitor("login", stdin="wrong\n"), 4)
    assert "Invalid credentials" in line
    assert "no password" in told(visitor("login"), 2)
    assert "none: No such file" in told(visitor("login", "--password-file=none"), 2)
    assert visitor.files() == []
    file = tmp_path / "password"
    file.write_text(f"{visitor.web.password}\n")
    assert visitor("login", f"--password-file={file}").returncode == 0


def test_a_terminal_is_asked_and_shows_no_password(visitor: Shell) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(visitor.words[0], [*visitor.words, "login"], visitor.environ)
    seen = b""
    while b"Password of admin at" not in seen:
        seen += os.read(terminal, 1024)
    os.write(terminal, visitor.web.password.encode() + b"\n")
    # At its end a terminal gives an error and not nothing.
    with contextlib.suppress(OSError), os.fdopen(terminal, "rb", buffering=0) as rest:
        while piece := rest.read(1024):
            seen += piece
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert visitor.web.password.encode() not in seen
    assert [login["user"] for login in visitor.kept()] == ["admin"]


def test_dags_have_no_shell_and_so_no_login(visitor: Shell) -> None:
    done = visitor("login", stdin=visitor.web.password, CLOUDMESH_SHELL_DIR=None)
    assert "CLOUDMESH_SHELL_DIR is not set" in told(done, 3)


def test_dags_are_listed_in_every_format(cms: Shell) -> None:
    assert [dag["dag"] for dag in cms.json("dags")] == ["breaks", "speaks", "waits"]
    (dag,) = cms.json("dags", "--tag=talkative")
    assert (dag["dag"], dag["tags"], dag["broken"]) == ("speaks", ["talkative"], False)
    assert [one["dag"] for one in cms.json("dags", "ai")] == ["waits"]
    listed = yaml.safe_load(cms("dags", "--output=yaml").stdout)
    assert [one["dag"] for one in listed] == ["breaks", "speaks", "waits"]
    rows = list(csv.DictReader(cms("dags", "--output=csv").stdout.splitlines()))
    assert [row["tags"] for row in rows] == ["", "talkative", ""]
    assert "| speaks " in cms("dags").stdout
    assert "unknown format" in told(cms("dags", "--output=xml"), 2)


def test_a_paused_dag_is_refused_until_it_is_switched_on(cms: Shell) -> None:
    assert cms.json("pause", "waits") == [{"dag": "waits", "paused": True}]
    assert "waits is paused" in told(cms("trigger", "waits"), 5)
    assert cms.json("runs", "waits") == []
    assert cms.json("unpause", "waits") == [{"dag": "waits", "paused": False}]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["runs", "none"], 1, "none"),
        (["trigger", "none"], 1, "none"),
        (["pause", "none"], 1, "none"),
        (["state", "speaks", "none"], 1, "none"),
        (["logs", "speaks", "none"], 1, "none"),
        (["clear", "speaks", "none"], 1, "none"),
        (["trigger", "breaks", "--param=n=1"], 2, "breaks has no parameter 'n': it has none"),
        (["trigger", "speaks", "--param=m=1"], 2, "it has n, name, hours"),
        (["trigger", "speaks", "--param=n"], 2, "--param=n: give NAME=VALUE"),
        (["trigger", "speaks", "--conf=[1]"], 2, "--conf: give a JSON object"),
        (["trigger", "speaks", "--conf={1"], 2, "--conf: not JSON"),
        (["trigger", "speaks", "--logs"], 2, "--logs: goes with --wait"),
        (["runs", "speaks", "--limit=0"], 2, "--limit=0: give a number"),
        (["runs", "speaks", "--state=good"], 2, "--state=good: use queued"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    cms: Shell, words: list[str], code: int, said: str
) -> None:
    assert said in told(cms(*words), code)


@pytest.mark.parametrize("value", ["none", "0", "1.5", ""])
def test_a_value_that_the_schema_forbids_is_refused_in_airflows_words(
    cms: Shell, value: str
) -> None:
    assert cms("unpause", "speaks").returncode == 0
    line = told(cms("trigger", "speaks", f"--param=n={value}"), 2)
    assert "Invalid input for param n" in line


def test_a_run_is_waited_for_with_its_logs_and_can_be_read_afterwards(cms: Shell) -> None:
    given = ["--param=n=3", "--param=name=7", "--param=hours=1.5", '--param=days=["mon"]']
    given += ["--param=loud=true", "--param=choice=2", '--conf={"more": 1, "n": 2}']
    done = cms("trigger", "speaks", *given, "--unpause", "--wait", "--logs", "--output=json")
    assert done.returncode == 0, done.stderr
    (run,) = json.loads(done.stdout)
    assert (run["state"], run["type"], run["user"]) == ("success", "manual", "admin")
    values = {"n": 3, "name": "7", "hours": 1.5, "days": ["mon"], "loud": True, "choice": "2"}
    assert run["parameters"] == {**values, "more": 1}
    printed = next(line for line in done.stderr.splitlines() if '"choice"' in line)
    assert printed.startswith("say | ")
    assert json.loads(printed[printed.index("{") :]) == {**values, "more": 1}
    for number in (0, 1):
        assert f"load[{number}] | " in done.stderr
        assert done.stderr.count(f"the number is {number + 4}") == 1

    name = run["run"]
    state = cms.json("state", "speaks", name)
    assert (state["run"], state["state"]) == (name, "success")
    assert {task["task"]: task["state"] for task in state["tasks"]} == dict.fromkeys(
        ("say", "count", "load[0]", "load[1]"), "success"
    )
    assert cms.json("state", "speaks", "latest") == state
    assert cms("state", "speaks", name).stdout.count("success") == 5
    newest = cms.json("runs", "speaks", "--state=success", "--limit=1")
    assert [one["run"] for one in newest] == [name]

    said = cms("logs", "speaks", name, "load[1]").stdout
    assert "the number is 5" in said
    assert "the number is 4" not in said
    assert "::" not in said
    both = cms.json("logs", "speaks", name, "load")
    assert {line["task"] for line in both} == {"load[0]", "load[1]"}
    whole = cms("logs", "speaks", name).stdout
    assert "say | " in whole
    assert "load[0] | " in whole
    assert "no task 'nobody': it has" in told(cms("logs", "speaks", name, "nobody"), 1)


def test_a_failed_run_is_a_failure_with_its_log_and_can_be_cleared(cms: Shell) -> None:
    done = cms("trigger", "breaks", "--run=first", "--wait", "--logs", "--output=json")
    assert done.returncode == 1
    (run,) = json.loads(done.stdout)
    assert (run["run"], run["state"]) == ("first", "failed")
    last = done.stderr.splitlines()[-1]
    assert last == "cms: breaks first failed in fail: cms airflow logs breaks first"
    for attempt in (1, 2):
        assert done.stderr.count(f"this is attempt {attempt}") == 1
        said = cms("logs", "breaks", "first", "fail", f"--try={attempt}").stdout
        assert f"this is attempt {attempt}" in said
        assert "ValueError: it broke\\x07" in said
        assert "in fail" in said
    assert "attempt 2" in cms("logs", "breaks", "first", "fail").stdout
    assert "has written no log: it is upstream_failed" in told(
        cms("logs", "breaks", "first", "after"), 1
    )

    cleared = cms.json("clear", "breaks", "first", "--failed", "--dryrun")
    assert {task["task"] for task in cleared} == {"fail", "after"}
    assert cms.json("state", "breaks", "first")["state"] == "failed"
    (task,) = cms.json("clear", "breaks", "first", "fail")
    assert task["task"] == "fail"
    followed = cms("logs", "breaks", "first", "--follow")
    assert followed.returncode == 0, followed.stderr
    assert "this is attempt 4" in followed.stdout
    for attempt in (1, 2):
        assert f"this is attempt {attempt}" not in followed.stdout
    assert cms.json("state", "breaks", "first")["state"] == "failed"


def test_a_log_is_followed_while_it_grows(cms: Shell, tmp_path: Path) -> None:
    go = tmp_path / "go"
    (run,) = cms.json("trigger", "waits", f"--param=file={go}")
    words = [*cms.words, "logs", "waits", run["run"], "look", "--follow"]
    with subprocess.Popen(words, env=cms.environ, stdout=subprocess.PIPE, text=True) as follow:
        assert follow.stdout
        lines = iter(follow.stdout)
        assert any("not yet" in line for line in lines)
        line = told(cms("clear", "waits", run["run"]), 5)
        assert "running" in line.lower()
        go.touch()
        rest = list(lines)
    assert follow.returncode == 0
    assert any("there it is" in line for line in rest)
    assert not any("not yet" in line for line in rest)


def test_a_run_is_started_once_when_the_answer_is_lost(cms: Shell) -> None:
    with unreliable(cms.web.url, "POST", "/dagRuns") as (url, lost):
        cms.login(CLOUDMESH_AIRFLOW_URL=url)
        before = len(cms.json("runs", "speaks"))
        done = cms("trigger", "speaks", "--unpause", CLOUDMESH_AIRFLOW_URL=url)
        assert done.returncode == 0, done.stderr
    assert len(lost) == 1
    assert len(cms.json("runs", "speaks")) == before + 1


def test_a_wait_outlives_a_web_server_that_starts_anew(cms: Shell, tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    # More than the seven times that one request is tried.
    with unreliable(cms.web.url, "GET", "/dagRuns/", times=9) as (url, lost):
        cms.login(CLOUDMESH_AIRFLOW_URL=url)
        words = ("trigger", "waits", f"--param=file={tmp_path / 'go'}", "--wait", "--output=json")
        done = cms(*words, CLOUDMESH_AIRFLOW_URL=url)
    assert done.returncode == 0, done.stderr
    assert [run["state"] for run in json.loads(done.stdout)] == ["success"]
    assert len(lost) == 9


def test_the_same_run_is_not_started_twice(cms: Shell) -> None:
    assert cms("unpause", "speaks").returncode == 0
    name = f"mine-{secrets.token_hex(4)}"
    first = cms.json("trigger", "speaks", f"--run={name}", "--param=n=2")
    second = cms.json("trigger", "speaks", f"--run={name}", "--param=n=2")
    assert first[0]["run"] == second[0]["run"] == name
    line = told(cms("trigger", "speaks", f"--run={name}", "--param=n=3"), 5)
    assert "with other parameters" in line


def test_who_may_only_look_is_told_so(visitor: Shell) -> None:
    visitor.login("Viewer")
    assert visitor.json("dags")
    assert "role" in told(visitor("trigger", "breaks"), 4)
    visitor.login("Public")
    assert "role" in told(visitor("dags"), 4)


def test_an_airflow_that_is_not_there_is_a_dependency_that_is_down(visitor: Shell) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert "does not answer" in told(visitor("login", f"--url={url}", stdin="x"), 4)
    assert "no http://" in told(visitor("login", "--url=there", stdin="x"), 2)


def test_an_address_where_no_airflow_is_gets_no_second_request(visitor: Shell) -> None:
    with elsewhere() as url:
        line = told(visitor("login", f"--url={url}", stdin="x"), 2)
    assert "is not Airflow's web server (HTTP 302)" in line
