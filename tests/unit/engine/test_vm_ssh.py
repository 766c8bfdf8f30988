"""Logging in to VMs, through a real sshd: what arrives, what is refused, what is left."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cloudmesh_engine import keys

from .conftest import PATIENCE, Cms, Ec2, Result, wait_until
from .sshd import ADDRESSES, USER, Sshd

MAIN = "from cloudmesh_engine.launcher import main; main()"
NASTY = 'it\'s "two" $HOME `id` $(id) \\ * ? [a] {b} ~ ; & | < > \n\t# é'


@pytest.fixture
def web(cms_aws: Cms, ec2: Ec2, sshd: Sshd) -> Cms:
    """One VM, named web, at the address of the sshd."""
    ec2.make("web")
    sshd.stand_for(ec2)
    return cms_aws


@pytest.fixture
def both(cms_aws: Cms, ec2: Ec2, sshd: Sshd) -> Cms:
    """Two VMs, db and web."""
    ec2.make("web db")
    sshd.stand_for(ec2)
    return cms_aws


def ssh(cms: Cms, command: str, *words: str) -> Result:
    return cms("vm", "ssh", *(words or ["web"]), f"--command={command}")


def records(result: Result) -> list[dict[str, Any]]:
    return json.loads(result.stdout)


def pins(cms: Cms) -> list[Path]:
    return sorted((cms.root / "state/ssh/known_hosts").rglob("i-*"))


def test_a_command_says_what_it_said_on_the_vm(web: Cms) -> None:
    result = ssh(web, "echo out; echo err >&2")
    assert (result.returncode, result.stdout, result.stderr) == (0, "out\n", "err\n")


@pytest.mark.parametrize("code", [1, 3, 255])
def test_the_exit_code_on_the_vm_is_told(web: Cms, code: int) -> None:
    result = ssh(web, f"exit {code}")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"cms: web: the command ended with exit code {code}\n"
    (record,) = records(ssh(web, f"exit {code}", "web", "--output=json"))
    assert record == {"name": "web", "exit_code": code, "stdout": "", "stderr": ""}


def test_a_command_arrives_exactly_as_given(web: Cms, sshd: Sshd) -> None:
    file = sshd.root / "arrived"
    word = "'" + NASTY.replace("'", "'\\''") + "'"
    assert ssh(web, f"printf %s {word} > {file}").returncode == 0
    assert file.read_text() == NASTY


def test_a_command_sees_no_terminal_and_no_input(web: Cms) -> None:
    assert ssh(web, "test -t 0 || test -t 1 || cat; echo done").stdout == "done\n"


def test_several_vms_are_asked_at_once(both: Cms, sshd: Sshd) -> None:
    # Each waits for the other, so one after the other would never end.
    command = (
        "me=${SSH_CONNECTION% *}; me=${me##* }; cd " + str(sshd.root) + " && touch at-$me && "
        "until [ $(ls -d at-* | wc -l) = 2 ]; do :; done; echo $me"
    )
    result = ssh(both, command, "db,web", "--output=json")
    assert (result.returncode, result.stderr) == (0, "")
    assert {(one["name"], one["stdout"].strip()) for one in records(result)} == {
        ("db", ADDRESSES[0]), ("web", ADDRESSES[1]),
    }  # fmt: skip


def test_one_of_several_that_fails_is_told(both: Cms) -> None:
    result = ssh(both, f"case $SSH_CONNECTION in *{ADDRESSES[0]}*) exit 4;; esac", "db,web",
                 "--output=json")  # fmt: skip
    assert {one["name"]: one["exit_code"] for one in records(result)} == {"db": 4, "web": 0}
    assert (result.returncode, result.stderr) == (
        1, "cms: db: the command ended with exit code 4\n",
    )  # fmt: skip


def test_without_a_name_the_vm_booted_last_is_taken(cms_aws: Cms, ec2: Ec2, sshd: Sshd) -> None:
    ec2.make("web")
    sshd.stand_for(ec2)
    result = ssh(cms_aws, "echo here", "--cloud=aws")
    assert (result.returncode, result.stdout) == (0, "here\n")
    assert re.fullmatch(r"cms: note: web \(i-\w+\) was booted last\n", result.stderr)
    assert ssh(cms_aws, "echo here", "--quiet").stderr == ""
    assert ssh(cms_aws, "echo here", f"--ip={ADDRESSES[0]}").stderr == ""
    other = ssh(cms_aws, "echo here", f"--ip={ADDRESSES[1]}")
    assert (other.returncode, other.stdout) == (5, "")


def test_a_foreign_vm_is_not_logged_in_to(cms_aws: Cms, ec2: Ec2, sshd: Sshd) -> None:
    ec2.make("~web")
    sshd.stand_for(ec2)
    result = ssh(cms_aws, "touch " + str(sshd.root / "touched"))
    assert result.returncode == 5
    assert "not booted by this appliance" in result.stderr
    assert not (sshd.root / "touched").exists()


def test_a_host_key_is_pinned_at_the_first_login(web: Cms, ec2: Ec2, sshd: Sshd) -> None:
    assert ssh(web, "true").returncode == 0
    (instance,) = ec2.instances()
    (pin,) = pins(web)
    host_key = (sshd.root / "host_key.pub").read_text().split()[:2]
    assert pin.name == instance["InstanceId"]
    assert pin.read_text().split()[-2:] == host_key


@pytest.mark.parametrize(
    "words",
    [["ssh", "web"], ["ssh", "web", "--command=true"], ["check", "web"], ["get", "/x", ".", "web"]],
)
def test_a_changed_host_key_is_refused(web: Cms, sshd: Sshd, words: list[str]) -> None:
    assert ssh(web, "true").returncode == 0
    (pin,) = pins(web)
    before = pin.read_bytes()
    sshd.stop()
    sshd.new_host_key()
    with sshd.running():
        result = web("vm", *words)
        assert (result.returncode, result.stdout) == (5, "")
        assert re.fullmatch(
            rf"cms: web: {USER}@\S+ port \d+: has another host key .* delete {pin} and repeat\n",
            result.stderr,
        )
        assert pin.read_bytes() == before
        pin.unlink()
        assert ssh(web, "true").returncode == 0


def test_an_address_that_another_vm_takes_over_is_no_changed_key(
    cms_aws: Cms, ec2: Ec2, sshd: Sshd
) -> None:
    for name in ("web", "db"):
        ec2.make(name)
        sshd.stand_for(ec2)
        assert ssh(cms_aws, "true", name).returncode == 0
        assert len(pins(cms_aws)) == 1
        assert cms_aws("vm", "delete", name).returncode == 0
        assert pins(cms_aws) == []


def test_a_refresh_forgets_the_keys_of_vms_that_are_gone(both: Cms, ec2: Ec2) -> None:
    assert ssh(both, "true", "db,web").returncode == 0
    ids = {ec2.word(one): one["InstanceId"] for one in ec2.instances()}
    ec2.client.terminate_instances(InstanceIds=[ids["db"]])
    assert both("vm", "list", "--refresh").returncode == 0
    assert [pin.name for pin in pins(both)] == [ids["web"]]


def test_a_login_that_is_not_possible_is_told_in_one_line(web: Cms, tmp_path: Path) -> None:
    keys.ensure_key_pair(tmp_path / "other")
    other = tmp_path / "other/id_rsa"
    for words, says in (
        ([f"--key={other}"], f"lets us not in with {other}: check --username and --key"),
        (["--username=nosuch"], "nosuch@127.0.0.2 port .*: lets us not in"),
        (["--ip=127.0.0.9"], "127.0.0.9 port .*: Connection refused"),
        (["--ip=nosuch.invalid"], "Could not resolve hostname nosuch.invalid"),
        (["--key=/nosuch"], "/nosuch: no such key file: give the path"),
    ):
        result = ssh(web, "true", "web", *words)
        assert (result.returncode, result.stdout) == (1, ""), result.stderr
        assert re.search(says.replace("connect to host", ".*"), result.stderr), result.stderr
        assert result.stderr.count("\n") == 1


def test_the_terminal_is_handed_over(web: Cms) -> None:
    process = subprocess.run(
        [sys.executable, "-c", MAIN, "vm", "ssh", "web"],
        env=web.environ, input="echo from the shell; exit 7\n", capture_output=True, text=True,
        timeout=PATIENCE,
    )  # fmt: skip
    assert (process.returncode, process.stdout) == (7, "from the shell\n")


def test_a_user_without_a_name_can_log_in(web: Cms) -> None:
    # As in a container that was started with the uid of somebody on the host.
    nameless = ["unshare", "--user", "--map-user=54321", "--map-group=0"]
    if subprocess.run([*nameless, "true"], capture_output=True).returncode:
        pytest.skip("this machine lets nobody take another uid: unshare --user fails")
    for words in (["ssh", "web", "--command=echo here"], ["get", "/etc/hostname", "got", "web"]):
        process = subprocess.run(
            [*nameless, sys.executable, "-c", MAIN, "vm", *words],
            env=web.environ, cwd=web.root / "work", capture_output=True, text=True,
            timeout=PATIENCE,
        )  # fmt: skip
        assert (process.returncode, process.stderr) == (0, "")
    assert (web.root / "work/got").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_killed_command_leaves_no_process(web: Cms, sshd: Sshd, number: int) -> None:
    begun = sshd.root / "begun"
    process = web.start("vm", "ssh", "web", f"--command=echo $$ > {begun}; exec sleep 600")
    wait_until(lambda: begun.exists() and begun.read_text().endswith("\n"))
    assert ours(web), "nothing to end"
    process.send_signal(number)
    process.communicate(timeout=PATIENCE)
    wait_until(lambda: not ours(web))
    os.kill(int(begun.read_text()), signal.SIGKILL)  # the VM's own affair


def ours(cms: Cms) -> list[str]:
    """The ssh processes that the commands of this test started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if words[0] in ("ssh", "scp") and str(cms.root / "state") in " ".join(words):
            found.append(" ".join(words))
    return found


def test_a_command_that_takes_too_long_is_ended(web: Cms, sshd: Sshd) -> None:
    file = web.root / "cloudmesh.yaml"
    file.write_text(file.read_text() + "\n  limits:\n    ssh_seconds: 1\n")
    pid = sshd.root / "pid"
    result = ssh(web, f"echo $$ > {pid}; exec sleep 60")
    # On a busy machine the login alone may take that long.
    if pid.exists() and pid.read_text().endswith("\n"):
        os.kill(int(pid.read_text()), signal.SIGKILL)
    assert result.returncode == 1
    assert "web: " in result.stderr
    assert "not done after 1 s: raise cloudmesh.limits.ssh_seconds" in result.stderr
    assert not ours(web)


NAMES = ["plain", "with space", "it's", "[a]*?{b}", "back\\slash", "-r", "a:b", "$HOME `id`", "é"]


@pytest.mark.parametrize("name", NAMES)
def test_files_arrive_byte_for_byte_whatever_their_names(web: Cms, sshd: Sshd, name: str) -> None:
    content = os.urandom(100_000) + b"\r\n\0"
    (web.root / "work" / name).write_bytes(content)
    there, back = sshd.root / "there", web.root / "work/back"
    there.mkdir()
    back.mkdir()
    put = web("vm", "put", f"./{name}", f"{there}/", "web")
    assert (put.returncode, put.stderr) == (0, "")
    assert {path.name: path.read_bytes() for path in there.iterdir()} == {name: content}
    got = web("vm", "get", f"{there}/{name}", str(back), "web")
    assert (got.returncode, got.stderr) == (0, "")
    assert {path.name: path.read_bytes() for path in back.iterdir()} == {name: content}


def test_folders_are_copied_whole(web: Cms, sshd: Sshd) -> None:
    folder = web.root / "work/folder/inner"
    folder.mkdir(parents=True)
    (folder / "file").write_text("content")
    assert web("vm", "put", "folder", str(sshd.root / "copy"), "web").returncode == 0
    assert (sshd.root / "copy/inner/file").read_text() == "content"
    assert web("vm", "get", str(sshd.root / "copy"), "again", "web").returncode == 0
    assert (web.root / "work/again/inner/file").read_text() == "content"


def test_what_comes_from_several_vms_is_kept_apart(both: Cms, sshd: Sshd) -> None:
    (sshd.root / "result").write_text("same name")
    result = both("vm", "get", str(sshd.root / "result"), "all", "db,web", "--output=json")
    assert (result.returncode, result.stderr) == (0, "")
    assert {one["destination"] for one in records(result)} == {"all/db", "all/web"}
    found = sorted((both.root / "work/all").rglob("result"))
    assert [str(path.relative_to(both.root / "work")) for path in found] == [
        "all/db/result", "all/web/result",
    ]  # fmt: skip


def test_a_copy_that_fails_says_why(web: Cms, sshd: Sshd) -> None:
    (web.root / "work/file").write_text("content")
    for words, says in (
        (["put", "nosuch", "/tmp"], "nosuch: no such file"),
        (["put", "file", f"{sshd.root}/no/such/"], "web: .*no/such"),
        (["get", f"{sshd.root}/nosuch", "."], "web: .*nosuch.*[Nn]o such file"),
        (["get", f"{sshd.root}/log", "no/such/folder"], "web: .*no/such/folder"),
        (["put", "file", "/tmp", "--ip=127.0.0.9"], "Connection refused"),
    ):
        result = web("vm", *words, "web")
        assert (result.returncode, result.stdout) == (1, ""), result.stderr
        assert re.search(says, result.stderr), result.stderr
        assert result.stderr.count("\n") == 1


def test_a_dry_run_copies_and_runs_nothing(both: Cms, sshd: Sshd) -> None:
    (both.root / "work/run.sh").write_text(f"touch {sshd.root}/touched\n")
    for words in (["put", "run.sh", f"{sshd.root}/touched", "db,web"],
                  ["get", f"{sshd.root}/log", "touched", "db,web"],
                  ["script", "db,web", "run.sh"]):  # fmt: skip
        result = both("vm", *words, "--dryrun", "--output=json")
        assert result.returncode == 0, result.stderr
        assert {one["name"] for one in records(result)} == {"db", "web"}
        assert {one["action"][:6] for one in records(result)} == {"would "}
    assert not (sshd.root / "touched").exists()
    assert not (both.root / "work/touched").exists()
    assert "Accepted" not in (sshd.root / "log").read_text()


@pytest.mark.parametrize("content", ["#!/bin/sh\necho ran $0", "echo ran $0"])
def test_a_script_runs_and_leaves_nothing(web: Cms, sshd: Sshd, content: str) -> None:
    (web.root / "work/my run.sh").write_text(content + "\ntest -t 0 || cat\nexit 6\n")
    result = web("vm", "script", "web", "my run.sh")
    assert result.returncode == 1
    assert result.stderr == "cms: web: the command ended with exit code 6\n"
    path = Path(result.stdout.removeprefix("ran ").removesuffix("\n"))
    assert path.name == "my run.sh"
    assert not path.parent.exists()


def test_a_script_stays_in_the_folder_that_is_given(web: Cms, sshd: Sshd) -> None:
    script = "#!/bin/sh\necho $0\n"
    (web.root / "work/run.sh").write_text(script)
    folder = sshd.root / "a b/c"
    result = web("vm", "script", "web", "run.sh", f"--dir={folder}")
    assert (result.returncode, result.stdout) == (0, f"{folder}/run.sh\n")
    assert (folder / "run.sh").read_text() == script


def test_check_tells_whether_the_login_works(both: Cms, ec2: Ec2, sshd: Sshd) -> None:
    result = both("vm", "check", "--output=json")
    assert result.returncode == 0, result.stderr
    assert {one["login"] for one in records(result)} == {
        f"{USER}@{address} port {sshd.port}" for address in ADDRESSES[:2]
    }
    wrong = both("vm", "check", "web", "--username=nosuch")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "lets us not in" in wrong.stderr
    ids = {ec2.word(one): one["InstanceId"] for one in ec2.instances()}
    ec2.client.stop_instances(InstanceIds=[ids["db"]])
    half = both("vm", "check", "--output=json")
    assert (half.returncode, [one["name"] for one in records(half)]) == (1, ["web"])
    assert "db on aws is stopped: use cms vm start db" in half.stderr


def test_ping_tells_whether_the_port_answers(web: Cms) -> None:
    (record,) = records(web("vm", "ping", "web", "--count=3", "--output=json"))
    assert (record["address"], record["sent"], record["received"]) == (ADDRESSES[0], 3, 3)
    # A busy machine may take its time.
    assert 0 < record["milliseconds"] < 60_000
    silent = web("vm", "ping", "web", "--ip=127.0.0.9", "--output=json")
    assert (silent.returncode, records(silent)[0]["received"]) == (1, 0)
    assert "web does not answer on port" in silent.stderr


def test_logging_in_needs_no_database(web: Cms) -> None:
    result = web("vm", "ssh", "web", "--command=echo here", CLOUDMESH_MONGO_PORT="9")
    assert (result.returncode, result.stdout) == (0, "here\n")
