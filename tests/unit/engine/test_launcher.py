"""What needs no database."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from .conftest import CANARY, PATIENCE, SOON, Cms, wait_until

NEVER = ("Traceback", "Warning", "Timer", "\x1b")


@pytest.mark.parametrize("words", [["help"], ["-h"], ["--help"]])
def test_help_lists_every_command(cms: Cms, words: list[str]) -> None:
    result = cms(*words)
    assert (result.returncode, result.stderr) == (0, "")
    shown = result.stdout.split()
    assert {
        "vm",
        "storage",
        "transfer",
        "key",
        "sec",
        "image",
        "flavor",
        "config",
        "banner",
    } <= set(shown)


def test_help_imports_no_cloud_sdk_and_no_plugin(cms: Cms) -> None:
    result = cms("help", PYTHONPROFILEIMPORTTIME="1")
    for heavy in ("boto3", "openstack", "azure", "pymongo", "cloudmesh.common", "yaml"):
        assert f"| {heavy}" not in result.stderr.replace("|   ", "| ")
    assert "cloudmesh.vm" not in result.stderr


def test_python_scripts_have_all_of_pymongo(cms: Cms) -> None:
    """What `cms` leaves out is left out of its own process only."""
    script = "import cloudmesh_engine.mongo, pymongo; pymongo.AsyncMongoClient('127.0.0.1')"
    done = subprocess.run([sys.executable, "-c", script], env=cms.environ, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_plugin_that_cannot_be_imported_breaks_only_itself(cms: Cms) -> None:
    plugin = cms.root / "plugins/cloudmesh/broken/command"
    plugin.mkdir(parents=True)
    (plugin / "broken.py").write_text(
        "import no_such_sdk\n\nclass BrokenCommand:\n    def do_broken(self, args):\n"
        '        """Usage: broken"""\n'
    )
    path = f"{cms.environ['PYTHONPATH']}:{cms.root}/plugins"
    result = cms("help", PYTHONPATH=path)
    assert result.returncode == 0
    assert {"broken", "vm"} <= set(result.stdout.split())
    result = cms("broken", PYTHONPATH=path)
    assert result.returncode == 3
    assert "no_such_sdk" in result.stderr
    assert cms("banner", "hi", PYTHONPATH=path).returncode == 0


def test_help_explains_one_command(cms: Cms) -> None:
    result = cms("help", "vm")
    assert result.returncode == 0
    assert "vm boot" in result.stdout
    assert cms("key", "--help").stdout.lstrip().startswith("Usage:")


def test_version_names_every_package(cms: Cms) -> None:
    assert "cloudmesh-cloud" in cms("version").stdout
    assert cms("--version").stdout == cms("version").stdout
    assert cms("version", "--output=json").stdout.startswith("[\n")
    assert cms("version", "--output=nope").returncode == 2


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["kye"], 2, "cms: kye: no such command: did you mean key"),
        (["frobnicate-xyz"], 2, "cms help lists the commands"),
        (["help", "vmm"], 2, "did you mean vm"),
        (["key", "bogus"], 2, "wrong usage\nUsage:"),
        (["key", "list", "--output=nope"], 2, "unknown output format"),
        (["start"], 3, "service of the stack"),
        (["inventory", "list"], 3, "lasts for one command only"),
        (["man"], 3, "use cms help"),
        (["py", "1"], 3, "use python"),
        (["image", "list", "--query=x"], 5, "run its text as code"),
        (["key", "gen", "ssh"], 3, "does not implement it: use ssh-keygen"),
        (["config", "set", "a=b"], 3, "read-only here"),
        (["config", "value", "no.such"], 1, "no attribute no.such"),
    ],
)
def test_a_failure_has_its_code_and_says_why(
    cms: Cms, words: list[str], code: int, message: str
) -> None:
    result = cms(*words)
    assert (result.returncode, result.stdout) == (code, "")
    assert message in result.stderr
    if "Usage:" not in message:
        assert result.stderr.count("\n") == 1
    assert not any(word in result.stderr for word in NEVER)


def test_banner_prints_its_text(cms: Cms) -> None:
    result = cms("banner", "-c", "*", "-n", "10", "two  blanks", 'it\'s $HOME; "q"')
    assert result.returncode == 0
    assert result.stdout.splitlines() == ["*" * 10, '* two  blanks it\'s $HOME; "q"', "*" * 10]
    assert not any(word in result.stdout + result.stderr for word in NEVER)


def test_config_cat_shows_no_secret(cms: Cms) -> None:
    password = (cms.root / "secrets/mongo_password").read_text().strip()
    result = cms("config", "cat")
    assert result.returncode == 0
    assert "MONGO_PASSWORD: '********'" in result.stdout
    assert "secret_access_key: '********'" in result.stdout
    assert "AZURE_SECRET_KEY: TBD" in result.stdout
    assert cms("config", "value", "data.mongo.MONGO_PASSWORD").stdout == "********\n"
    listed = cms("config", "cloud", "list", "aws")
    assert "EC2_SECRET_KEY: '********'" in listed.stdout
    for text in (result.stdout, listed.stdout):
        assert password not in text
        assert CANARY not in text


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda root: (root / "cloudmesh.yaml").unlink(), "no such file"),
        (lambda root: (root / "secrets/mongo_password").unlink(), "secret file"),
        (lambda root: (root / "cloudmesh.yaml").write_text("a: [\n"), "line 2"),
    ],
)
def test_a_broken_configuration_is_a_usage_error(cms: Cms, break_it, message: str) -> None:
    break_it(cms.root)
    result = cms("key", "list")
    assert result.returncode == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert cms("help").returncode == 0


@pytest.mark.parametrize(
    "words",
    [["key", "list"], ["key", "list", "--output=json"], ["key", "add"], ["vm", "list"],
     ["sec", "group", "list"], ["image", "list"]],
)  # fmt: skip
def test_without_mongo_it_fails_soon(cms: Cms, words: list[str]) -> None:
    (cms.root / "state/ssh").mkdir()
    (cms.root / "state/ssh/id_rsa.pub").write_text("ssh-rsa AAAA me\n")
    begin = time.monotonic()
    result = cms(*words)
    assert time.monotonic() - begin < SOON
    assert result.returncode == 4
    assert "+--" not in result.stdout
    address = f"127.0.0.1:{cms.environ['CLOUDMESH_MONGO_PORT']}"
    assert f"MongoDB at {address} does not answer" in result.stderr
    assert (cms.root / "secrets/mongo_password").read_text().strip() not in result.stderr
    assert cms.leftovers() == []


def test_a_mongo_that_never_answers_is_down_too(cms: Cms) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begin = time.monotonic()
        result = cms("key", "list", CLOUDMESH_MONGO_PORT=str(silent.getsockname()[1]))
    assert result.returncode == 4
    assert time.monotonic() - begin < SOON


def test_a_traceback_needs_the_debug_switch_and_shows_no_secret(cms: Cms) -> None:
    result = cms("key", "list", CLOUDMESH_DEBUG="1")
    assert "Traceback" in result.stderr
    assert (cms.root / "secrets/mongo_password").read_text().strip() not in result.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_command_and_removes_its_home(cms: Cms, number: int) -> None:
    process = cms.start("sleep", "60")
    wait_until(lambda: any((cms.root / "tmp").glob("cms-home-*/.ssh")))
    process.send_signal(number)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == -number
    assert cms.leftovers() == []


def test_what_a_killed_command_left_is_removed_by_the_next(cms: Cms) -> None:
    process = cms.start("sleep", "60")
    wait_until(lambda: any((cms.root / "tmp").glob("cms-home-*/.ssh")))
    alive = cms.start("sleep", "60")
    wait_until(lambda: len(list((cms.root / "tmp").glob("cms-home-*/.ssh"))) == 2)
    process.kill()
    process.communicate()
    assert len(cms.leftovers()) == 2
    assert cms("banner", "hi").returncode == 0
    assert len(cms.leftovers()) == 1
    assert alive.poll() is None
    alive.terminate()
    alive.communicate()


def test_what_was_killed_before_it_had_its_lock_is_removed_an_hour_later(cms: Cms) -> None:
    for name in ("cms-new-old", "cms-new-bare", "cms-new-fresh", "cms-new-foreign"):
        (cms.root / "tmp" / name).mkdir()
    (cms.root / "tmp/cms-new-old/.lock").touch()
    (cms.root / "tmp/cms-new-foreign/file").touch()
    for name in ("old", "bare", "foreign"):
        os.utime(cms.root / "tmp" / f"cms-new-{name}", (0, 0))
    assert cms("banner", "hi").returncode == 0
    assert sorted(cms.leftovers()) == ["cms-new-foreign", "cms-new-fresh"]


def test_the_home_is_private_and_neither_home_nor_cwd_is_touched(cms: Cms) -> None:
    trap = cms.root / "work/.cloudmesh"
    trap.mkdir()
    process = cms.start("sleep", "60")
    wait_until(lambda: any((cms.root / "tmp").glob("cms-home-*/.ssh")))
    (home,) = (cms.root / "tmp").iterdir()
    modes = [(path, path.lstat().st_mode) for path in (home, *home.rglob("*"))]
    assert not [path for path, mode in modes if mode & 0o077 and not path.is_symlink()]
    process.terminate()
    process.communicate()
    assert cms("var", "list").returncode == 0
    assert list(trap.iterdir()) == []
    assert os.listdir(cms.root / "home") == []


def test_a_full_disk_is_a_failure(cms: Cms) -> None:
    for words in (["version"], ["config", "cat"]):
        process = cms.start(*words, to="/dev/full")
        assert "No space left" in process.communicate(timeout=PATIENCE)[1]
        assert process.returncode == 1


@pytest.mark.parametrize("words", [["help", "vm"], ["config", "cat"]])
def test_a_closed_pipe_is_no_traceback(cms: Cms, words: list[str]) -> None:
    process = cms.start(*words)
    assert process.stdout
    process.stdout.close()
    assert process.stderr
    assert process.stderr.read() == ""
    process.stderr.close()
    process.wait(PATIENCE)
