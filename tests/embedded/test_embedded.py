"""The stack without Docker, from a fresh copy: every make target a newcomer meets."""

import json
import os
import stat
from pathlib import Path

DAG = "hello_cloudmesh"
JSON = "--output=json"


def fail_line(text: str) -> str:
    (line,) = [line for line in text.splitlines() if line.startswith("FAIL")]
    return line


def test_bad_input_is_one_clear_line_and_starts_nothing(copy, taken_port):
    """Before the first start: a taken port, too little memory, no cloudmesh.yaml, a wrong mode."""
    refused = copy.make("up", "MODE=embedded", CLOUDMESH_PORT=str(taken_port))
    assert refused.returncode != 0
    assert f"port {taken_port}: another program listens" in fail_line(refused.stderr)

    refused = copy.make("up", "MODE=embedded", CLOUDMESH_MIN_MEMORY_MB="99999999")
    assert refused.returncode != 0
    assert "needs 99999999 MB" in fail_line(refused.stderr)

    config = copy.folder / "config/cloudmesh.yaml"
    aside = config.rename(config.with_suffix(".aside"))
    refused = copy.make("up", "MODE=embedded")
    aside.rename(config)
    assert refused.returncode != 0
    assert "config/cloudmesh.yaml: it is missing" in fail_line(refused.stderr)

    refused = copy.make("up", "MODE=sideways")
    assert refused.returncode != 0
    assert "unknown mode 'sideways'" in refused.stderr

    refused = copy.make("status")
    assert refused.returncode != 0
    assert "run 'make up' first" in refused.stderr

    for made in (".env", ".secrets", ".run"):
        assert not (copy.folder / made).exists()


def test_the_first_dag_goes_from_airflow_to_mongodb(embedded):
    hello = embedded.make("hello")
    assert hello.returncode == 0, hello.stdout + hello.stderr
    assert "hello_cloudmesh: success" in hello.stdout
    listed = embedded.run("scripts/shell", "cms", "key", "list", "--output=json")
    assert listed.returncode == 0, listed.stderr
    assert "hello-cloudmesh" in [key["name"] for key in json.loads(listed.stdout)]


def test_a_task_log_can_be_read_in_the_ui(embedded):
    client = embedded.client()
    client.wait_for_dag(DAG)
    run_id = client.trigger(DAG)
    assert client.wait(DAG, run_id, timeout=600) == "success"
    assert "hello-cloudmesh" in "\n".join(client.log(DAG, run_id, "check"))


def test_a_run_is_started_and_read_from_the_shell(embedded):
    def cms(*words):
        done = embedded.run("scripts/shell", "cms", "airflow", *words)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout or "null"), done.stderr

    cms("login", "--password-file=.secrets/admin_password", JSON)
    (run,), told = cms("trigger", DAG, "--unpause", "--wait", "--logs", JSON)
    assert (run["state"], run["user"]) == ("success", "admin")
    assert "check | " in told
    state, _ = cms("state", DAG, run["run"], JSON)
    assert {task["state"] for task in state["tasks"]} == {"success"}
    lines, _ = cms("logs", DAG, run["run"], "check", JSON)
    assert any("hello-cloudmesh" in line["event"] for line in lines)
    cms("logout")


def test_vms_boot_without_an_account_and_the_reaper_deletes_them(embedded):
    def cms(*words):
        done = embedded.run("scripts/shell", "cms", *words, JSON)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    clouds = ("aws", "azure", "google")
    for cloud in clouds:
        cms("vm", "boot", f"--cloud={cloud}", "--name=web")
    there = [(vm["cloud"], vm["status"]) for vm in cms("vm", "list", "--refresh")]
    assert there == [(cloud, "running") for cloud in clouds]
    for cloud in clouds:
        cms("fleet", "deadline", "web", "--until=now", f"--cloud={cloud}")
    reaped = cms("fleet", "reap", "--yes")
    assert [one["action"] for one in reaped if one["kind"] == "vm"] == ["deleted"] * 3
    assert cms("vm", "list", "--refresh") == []


def test_up_again_changes_nothing(embedded):
    secrets = {path: path.read_text() for path in (embedded.folder / ".secrets").iterdir()}
    before = embedded.processes()
    assert embedded.make("up", "MODE=embedded").returncode == 0
    assert embedded.processes() == before
    assert {path: path.read_text() for path in (embedded.folder / ".secrets").iterdir()} == secrets


def test_secrets_are_for_their_owner_alone_and_not_in_git(embedded):
    folder = embedded.folder / ".secrets"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert "/.secrets/" in (embedded.folder / ".gitignore").read_text().splitlines()


def test_the_password_is_printed_again(embedded):
    printed = embedded.make("password").stdout.strip()
    assert printed == (embedded.folder / ".secrets/admin_password").read_text()


def test_doctor_finds_nothing(embedded):
    doctor = embedded.make("doctor")
    assert doctor.returncode == 0, doctor.stderr
    assert "All is well." in doctor.stderr


def test_reset_without_consent_changes_nothing(embedded):
    refused = embedded.make("reset")
    assert refused.returncode != 0
    assert "nothing was changed" in refused.stderr
    assert embedded.make("status").returncode == 0


def test_backup_and_restore_bring_the_key_back(embedded):
    saved = embedded.make("backup")
    assert saved.returncode == 0, saved.stderr
    file = saved.stdout.strip()
    deleted = embedded.run("scripts/shell", "cms", "key", "delete", "hello-cloudmesh")
    assert deleted.returncode == 0, deleted.stderr
    restored = embedded.make("restore", f"FILE={file}", YES="1")
    assert restored.returncode == 0, restored.stderr
    listed = embedded.run("scripts/shell", "cms", "key", "list", "--output=json")
    assert "hello-cloudmesh" in [key["name"] for key in json.loads(listed.stdout)]


def test_down_leaves_no_process_and_keeps_the_data(embedded):
    assert embedded.make("down").returncode == 0
    mark = f"CLOUDMESH_STACK={embedded.folder}/.run".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            assert mark not in (process / "environ").read_bytes(), process
        except OSError:  # ended meanwhile, or somebody else's
            continue
    assert (embedded.folder / ".run/airflow/airflow.db").exists()
    assert os.listdir(embedded.folder / ".run/data/mongo")
