"""Variables of a person's shell: kept, whole, and unknown to everything else."""

import json
import os
import signal
from pathlib import Path

import pytest

from .conftest import OWNER, PATIENCE, Cms, Ec2, wait_until


@pytest.fixture
def shell(cms: Cms) -> Cms:
    """`cms` as a person's shell runs it."""
    cms.environ["CLOUDMESH_SHELL_DIR"] = str(cms.root / "state/shell")
    return cms


def folder(cms: Cms) -> Path:
    return cms.root / "state/shell" / str(os.getuid())


def listed(cms: Cms, **environ: str) -> dict[str, str]:
    done = cms("var", "list", "--output=json", **environ)
    assert done.returncode == 0, done.stderr
    return {record["name"]: record["value"] for record in json.loads(done.stdout)}


def test_a_variable_lasts_until_it_is_deleted(shell: Cms) -> None:
    assert listed(shell)["cloud"] == "aws"
    done = shell("set", "cloud=chameleon")
    assert (done.returncode, done.stdout, done.stderr) == (0, "cloud='chameleon'\n", "")
    assert shell("set", "note=two  words = $HOME 'q'").returncode == 0
    assert shell("var", "note").stdout == "note='two  words = $HOME 'q''\n"
    assert shell("set", "cloud").stdout == "cloud='chameleon'\n"
    assert "cloud='chameleon'\n" in shell("set").stdout
    assert shell("var", "delete", "note").returncode == 0
    assert "note" not in listed(shell)
    assert shell("set", "clear").returncode == 0
    assert listed(shell)["cloud"] == "aws"


def test_values_can_refer_to_others(shell: Cms) -> None:
    assert shell("set", "a=one").returncode == 0
    for text in ("$a", "value.a", "val.a"):
        assert shell("set", f"b={text}").stdout == "b='one'\n"
    assert shell("set", "b=cloudmesh.cloud.aws.default.size").stdout == "b='t2.micro'\n"
    assert len(shell("set", "b=date").stdout) == len("b='2017-04-14'\n")
    assert shell("set", "debug=on").stdout == "debug='True'\n"
    assert listed(shell)["b"].count("-") == 2


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["cloud=nosuch"], 2, "nosuch: no such cloud"),
        (["a b=c"], 2, "is no name of a variable"),
        (["=c"], 2, "is no name of a variable"),
        (["a=one\ntwo"], 2, "not one line"),
        (["debug=maybe"], 2, "give True or False"),
        (["a=!id"], 5, "would run code"),
        (["a=py 1"], 5, "would run code"),
        (["a=cloudmesh.data.mongo.MONGO_PASSWORD"], 5, "is a secret"),
        (["a=cloudmesh.cloud.aws"], 2, "more than one value"),
        (["a=cloudmesh.nosuch"], 1, "no such setting"),
        (["a=$nosuch"], 1, "no variable 'nosuch'"),
        (["nosuch"], 1, "no variable 'nosuch'"),
        (["delete", "cloud"], 1, "no variable 'cloud' was set"),
        (["list", "--output=nope"], 2, "unknown format"),
    ],
)
def test_what_cannot_be_set_changes_nothing(
    shell: Cms, words: list[str], code: int, message: str
) -> None:
    before = listed(shell)
    for command in ("set", "var"):
        done = shell(command, *words)
        assert (done.returncode, done.stdout) == (code, "")
        assert message in done.stderr
        assert done.stderr.count("\n") == 1
    assert listed(shell) == before


def test_without_a_shell_nothing_is_kept_and_nothing_is_known(shell: Cms) -> None:
    shell("set", "cloud=chameleon")
    del shell.environ["CLOUDMESH_SHELL_DIR"]
    assert listed(shell)["cloud"] == "aws"
    for words in (["set", "a=b"], ["var", "clear"], ["var", "delete", "cloud"]):
        done = shell(*words)
        assert (done.returncode, done.stdout) == (3, "")
        assert "give options" in done.stderr
    # Upstream's commands see no more than ours.
    assert shell("image", "list", CLOUDMESH_MONGO_PORT="9").returncode == 4


def test_twenty_sets_at_once_all_survive(shell: Cms) -> None:
    running = [shell.start("set", f"name{number}={number}") for number in range(20)]
    told = [process.communicate(timeout=PATIENCE) for process in running]
    assert [process.returncode for process in running] == [0] * 20, told
    kept = listed(shell)
    assert [kept[f"name{number}"] for number in range(20)] == [str(n) for n in range(20)]
    assert sorted(os.listdir(folder(shell))) == ["variables.json", "variables.lock"]


def test_a_set_that_is_killed_anywhere_leaves_the_old_or_the_new(shell: Cms) -> None:
    shell("set", "a=old")
    for number in range(1, 6):
        # Dies at its n-th call of the kind that changes files.
        code = (
            "import os, signal, sys, itertools\n"
            "count = itertools.count(1)\n"
            "def hook(event, arguments):\n"
            "    wanted = event in ('os.rename', 'tempfile.mkstemp') or (\n"
            "        event == 'open' and 'variables' in str(arguments[0]))\n"
            f"    if wanted and next(count) == {number}:\n"
            "        os.kill(os.getpid(), signal.SIGKILL)\n"
            "sys.addaudithook(hook)\n"
        )
        (shell.root / "work/sitecustomize.py").write_text(code)
        path = f"{shell.root}/work:{shell.environ['PYTHONPATH']}"
        done = shell("set", "a=new", PYTHONPATH=path)
        assert done.returncode in (0, -signal.SIGKILL)
        assert listed(shell)["a"] in ("old", "new")
        assert shell("set", "a=old").returncode == 0
    assert done.returncode == -signal.SIGKILL


def test_a_set_waits_for_its_turn(shell: Cms) -> None:
    import fcntl

    shell("set", "a=1")
    with (folder(shell) / "variables.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = shell.start("set", "b=2")
        holders = Path("/proc/locks")
        wait_until(lambda: "->" in holders.read_text() or process.poll() is not None)
        assert listed(shell).get("b") is None
    assert process.communicate(timeout=PATIENCE)[0] == "b='2'\n"
    assert {"a", "b"} <= set(listed(shell))


def test_the_files_are_the_users_alone(shell: Cms) -> None:
    shell("set", "a=1")
    for path in (folder(shell), *folder(shell).iterdir()):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_damaged_file_is_named(shell: Cms) -> None:
    shell("set", "a=1")
    file = folder(shell) / "variables.json"
    file.write_text("{")
    done = shell("set", "b=2")
    assert done.returncode == 1
    assert f"{file}: not JSON" in done.stderr
    assert file.read_text() == "{"


@pytest.fixture
def shell_aws(cms_aws: Cms) -> Cms:
    cms_aws.environ["CLOUDMESH_SHELL_DIR"] = str(cms_aws.root / "state/shell")
    return cms_aws


def planned(cms: Cms, *words: str) -> dict[str, str]:
    done = cms("vm", "boot", "--name=web", "--dryrun", "--output=json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)[0]


@pytest.mark.parametrize("size", ["size", "flavor"])
def test_an_option_wins_over_a_variable_and_that_over_the_file(
    shell_aws: Cms, ec2: Ec2, size: str
) -> None:
    assert [planned(shell_aws)[key] for key in ("flavor", "key")] == ["t2.micro", "cloudmesh"]
    for text in (f"{size}=t3.small", "key=other", "image=ami-03cf127a"):
        assert shell_aws("set", text).returncode == 0
    plan = planned(shell_aws)
    assert [plan[key] for key in ("flavor", "key", "image")] == [
        "t3.small", "other", "ami-03cf127a",
    ]  # fmt: skip
    plan = planned(shell_aws, "--flavor=m5.large", "--key=third")
    assert [plan[key] for key in ("flavor", "key")] == ["m5.large", "third"]


def test_the_cloud_and_the_labels_are_taken_from_variables(shell_aws: Cms, ec2: Ec2) -> None:
    for text in ("group=blue", "username=ada"):
        assert shell_aws("set", text).returncode == 0
    assert shell_aws("vm", "boot", "--name=web").returncode == 0
    (instance,) = ec2.instances()
    tags = {pair["Key"]: pair["Value"] for pair in instance["Tags"]}
    assert (tags["cm-group"], tags["cm-username"], tags["cm-owner"]) == ("blue", "ada", OWNER)
    assert shell_aws("set", "cloud=nimbus").returncode == 0
    done = shell_aws("vm", "stop", "web")
    assert done.returncode == 3
    assert "nimbus: not supported" in done.stderr
    assert shell_aws("vm", "stop", "web", "--cloud=aws").returncode == 0


def test_what_a_shell_sets_never_reaches_a_command_of_airflows(shell_aws: Cms, ec2: Ec2) -> None:
    shell_aws("set", "size=t3.small")
    assert planned(shell_aws)["flavor"] == "t3.small"
    del shell_aws.environ["CLOUDMESH_SHELL_DIR"]
    assert planned(shell_aws)["flavor"] == "t2.micro"
