"""The operator that runs commands on VMs, through the real cms and a real sshd."""

import pytest


@pytest.fixture
def vms(ec2, sshd):
    """Two VMs, db and web, at the first two addresses of the sshd."""
    ec2.make("db web")
    sshd.stand_for(ec2)


def said(airflow, command, names="db,web"):
    """What a command said on each VM, and how the run ended."""
    before = len(airflow.log.read_text())
    done = airflow("ssh", names=names, command=command)
    return done, airflow.log.read_text()[before:]


@pytest.mark.usefixtures("vms")
def test_a_command_runs_on_every_vm_and_its_words_are_returned_and_logged(airflow):
    for _ in range(2):
        done, log = said(airflow, 'echo "at ${SSH_CONNECTION#* * }"; echo careful >&2')
        assert done.state == "success", log[-3000:]
        told = {one["name"]: one["stdout"].split()[1] for one in done.returned["do"]}
        assert told == {"db": "127.0.0.2", "web": "127.0.0.3"}
        assert {one["exit_code"] for one in done.returned["do"]} == {0}
        assert "db: at 127.0.0.2" in log
        assert "web: careful" in log


@pytest.mark.usefixtures("vms")
def test_a_script_of_several_lines_runs_as_it_is(airflow, sshd):
    file = sshd.root / "made"
    script = f"set -e\ncat > {file} <<'END'\n\"$HOME\" `id` \\n é\nEND\ntest -s {file}\n"
    done, log = said(airflow, script, "web")
    assert done.state == "success", log[-3000:]
    assert file.read_text() == '"$HOME" `id` \\n é\n'


@pytest.mark.usefixtures("vms")
def test_a_file_beside_the_dag_is_rendered_and_run(airflow):
    done = airflow("ssh_file", names="web")
    assert done.state == "success", airflow.log.read_text()[-3000:]
    (one,) = done.returned["do"]
    first, *numbers = one["stdout"].splitlines()
    assert first.startswith("do on ")
    assert numbers == ["1 of 3", "2 of 3", "3 of 3"]


@pytest.mark.usefixtures("vms")
def test_a_command_that_fails_on_one_vm_fails_the_task_and_tells_of_all(airflow):
    command = 'case $SSH_CONNECTION in *" 127.0.0.2 "*) echo broken; exit 3;; esac; echo fine'
    done, log = said(airflow, command)
    assert done.tasks == {"do": "failed"}
    assert "db: broken" in log
    assert "web: fine" in log
    assert "db: the command ended with exit code 3" in log


@pytest.mark.usefixtures("vms")
def test_a_vm_that_cannot_be_reached_fails_the_task(airflow, sshd):
    sshd.stop()
    done, log = said(airflow, "true", "web")
    assert done.tasks == {"do": "failed"}
    assert "web" in log
    assert "Connection refused" in log


@pytest.mark.usefixtures("vms")
def test_a_vm_that_shows_another_host_key_is_refused(airflow, sshd):
    assert said(airflow, "true", "web")[0].state == "success"
    sshd.stop()
    sshd.new_host_key()
    with sshd.running():
        done, log = said(airflow, "true", "web")
    assert done.tasks == {"do": "failed"}
    assert "exit code 5" in log


def test_no_vm_and_no_command_are_refused(airflow, ec2):
    ec2.make("web")
    for names, command in (("", "true"), ("web", " "), ("nosuch", "true")):
        assert said(airflow, command, names)[0].tasks == {"do": "failed"}
