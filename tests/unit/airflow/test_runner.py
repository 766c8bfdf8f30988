"""The runner, driven with real small programs in the place of cms."""

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from airflow.sdk.log import redact

from cloudmesh_airflow.errors import CmsError, CmsTimeout
from cloudmesh_airflow.failures import CmsDependencyDown, CmsFailed, CmsRefused, PauseLonger
from cloudmesh_airflow.lines import PIECE
from cloudmesh_airflow.runner import MARK, environment, run_cms

SOURCE = Path(__file__).parents[3] / "src"
# A command that starts a stubborn child in its own group, and one that leaves the tree.
FAMILY = """
import os, signal, subprocess, sys, time
stubborn = (
    "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "os.write(%d, b'.'); time.sleep(600)"
)
heard, said = os.pipe()
os.set_inheritable(said, True)
subprocess.Popen([sys.executable, "-c", stubborn % said], close_fds=False)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv(sys.executable, [sys.executable, "-c", stubborn % said])
    os._exit(0)
os.wait()
os.read(heard, 1), os.read(heard, 1)
print("ready", flush=True)
time.sleep(600)
"""


def marked() -> list[int]:
    """The processes that some command started, wherever they are in the tree."""
    found = []
    for process in psutil.process_iter():
        try:
            seen = process.environ()
            ours = MARK in seen and seen.get("CLOUDMESH_CMS") == os.environ["CLOUDMESH_CMS"]
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


@pytest.fixture
def task(tmp_path):
    """Starts a program that runs cms as a task does, in a process of its own."""
    running = []

    def start(source: str) -> subprocess.Popen:
        # A shell in the background lets its children ignore SIGINT.
        header = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        header += "import logging, sys\nfrom cloudmesh_airflow.runner import run_cms\n"
        running.append(
            subprocess.Popen(
                [sys.executable, "-c", header + source],
                env={**os.environ, "PYTHONPATH": str(SOURCE), "AIRFLOW_HOME": str(tmp_path)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


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


def test_a_timeout_ends_the_whole_family(cms):
    cms(FAMILY)
    with pytest.raises(CmsTimeout, match="ended after 2 s"):
        run_cms([], timeout=2)
    assert marked() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_killed_task_leaves_nothing_behind(cms, task, number):
    cms(FAMILY)
    running = task("logging.basicConfig(stream=sys.stdout, level='INFO')\nrun_cms(['vm', 'boot'])")
    while "ready" not in running.stdout.readline():
        assert running.poll() is None
    assert len(marked()) == 3
    running.send_signal(number)
    assert running.wait(120) == -number
    assert marked() == []


def test_airflows_own_handler_is_called_after_the_family_has_ended(cms, task):
    cms(FAMILY)
    running = task(
        "import signal\n"
        "signal.signal(signal.SIGTERM, lambda *_: print('on_kill', flush=True))\n"
        "logging.basicConfig(stream=sys.stdout, level='INFO')\n"
        "try:\n    run_cms(['vm', 'boot'])\nexcept Exception as error:\n    print(error)"
    )
    while "ready" not in running.stdout.readline():
        assert running.poll() is None
    running.terminate()
    told, _ = running.communicate(timeout=120)
    assert told.splitlines()[:2] == ["on_kill", "cms vm boot: ended by signal 15"]


def test_what_a_command_leaves_behind_neither_holds_nor_outlives_it(cms):
    cms("import subprocess; subprocess.Popen(['sleep', '600']); print('done', flush=True)")
    assert run_cms([]).stdout == "done\n"
    assert marked() == []


def test_100_mb_need_no_memory_and_every_line_is_logged(cms, task, tmp_path):
    cms("for number in range(100_000): print(f'{number:0999d}')")
    running = task(
        "runner = logging.getLogger('cloudmesh_airflow.runner')\n"
        f"runner.addHandler(logging.FileHandler({str(tmp_path / 'log')!r}))\n"
        "runner.propagate = False\n"
        "result = run_cms(['vm', 'list'])\n"
        "print(result.cut, len(result.stdout))\n"
        # Not of getrusage: that counts the test's own memory in, from before the exec.
        "print(*(line.split()[1] for line in open('/proc/self/status') if 'VmHWM' in line))"
    )
    told, _ = running.communicate(timeout=300)
    cut, length, size = told.split()
    assert cut == "True"
    assert 0 < int(length) < 9 << 20
    assert int(size) < 150_000
    with (tmp_path / "log").open() as lines:
        assert next(lines) == "cms vm list\n"
        assert [int(line) for line in lines] == list(range(100_000))


def test_json_that_is_too_long_is_an_error_not_half_a_document(cms):
    cms("print('[' + '1,' * 5_000_000 + '1]')")
    with pytest.raises(ValueError, match="longer than 8 MB"):
        run_cms([], log_stdout=False).json()


def logged(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records][1:]


def test_a_line_without_end_is_logged_in_pieces(cms, caplog):
    caplog.set_level(logging.INFO)
    cms("print('ä' * 100_000, end='')")
    run_cms([])
    pieces = logged(caplog)
    assert "".join(pieces) == "ä" * 100_000
    assert max(map(len, pieces)) <= PIECE


def test_a_progress_bar_is_logged_step_by_step(cms, caplog):
    caplog.set_level(logging.INFO)
    cms(r"print('10 %\r50 %\r\nend', end='')")
    run_cms([])
    assert logged(caplog) == ["10 %", "50 %", "end"]


def test_data_for_a_program_stays_out_of_the_log(cms, caplog):
    caplog.set_level(logging.INFO)
    cms("import sys; print('[1]'); print('chatter', file=sys.stderr)")
    assert run_cms([], log_stdout=False).json() == [1]
    assert logged(caplog) == ["chatter"]


@pytest.mark.parametrize("code", [1, 4, 7])
def test_what_may_pass_is_tried_again(cms, code):
    cms(f"import sys; sys.exit({code})")
    with pytest.raises(AirflowException) as caught:
        run_cms([])
    assert not isinstance(caught.value, AirflowFailException)
    assert caught.value.returncode == code


@pytest.mark.parametrize("code", [2, 3, 5])
def test_what_would_fail_again_is_not_tried_again(cms, code):
    cms(f"import sys; sys.exit({code})")
    with pytest.raises(AirflowFailException) as caught:
        run_cms([])
    assert isinstance(caught.value, CmsError)
    assert caught.value.returncode == code


def test_the_pause_grows_while_a_dependency_is_down():
    down, policy = CmsDependencyDown(["vm"], 4, "MongoDB does not answer"), PauseLonger()
    pauses = [
        policy.evaluate(down, number, 9).retry_delay.total_seconds() for number in range(1, 9)
    ]
    assert pauses == [15, 30, 60, 120, 240, 480, 600, 600]
    for other in (CmsFailed(["vm"], 1, ""), CmsRefused(["vm"], 5, "")):
        assert policy.evaluate(other, 1, 9).retry_delay is None


def test_secrets_that_the_command_is_given_are_masked(cms, monkeypatch):
    monkeypatch.setenv("CLOUDMESH_SOME_TOKEN", "canary-in-environment")
    cms("")
    run_cms(["x", "--password=canary-in-option", "--url=https://me:canary-in-url@host/"])
    for where in ("environment", "option", "url"):
        assert redact(f"it is canary-in-{where}.") == "it is ***."


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


def test_a_command_is_told_to_which_run_it_belongs():
    task = {"AIRFLOW_CTX_DAG_ID": "move_file", "AIRFLOW_CTX_DAG_RUN_ID": "manual__2026"}
    kept = environment(task)
    assert kept["CLOUDMESH_RUN"] == "move_file/manual__2026"
    assert not kept.keys() & task.keys()


def test_importing_the_package_stays_light():
    listing = subprocess.run(
        [sys.executable, "-c", "import sys, cloudmesh_airflow.client as c; print(*sys.modules)"],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not {"airflow", "boto3", "pymongo", "requests", "sqlalchemy"} & set(listing)
