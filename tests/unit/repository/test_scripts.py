"""The scripts, run for real in scratch folders."""

import os
import re
import socket
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SECRETS = {
    "admin_password",
    "airflow_database_url",
    "api_secret_key",
    "celery_broker_url",
    "celery_result_backend",
    "fernet_key",
    "flower_basic_auth",
    "jwt_secret",
    "mongo_password",
    "mongo_reader_password",
    "postgres_password",
    "redis_conf",
    "redis_password",
    "session_key",
}


def run(script: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "scripts" / script, *arguments],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def secrets(tmp_path) -> Path:
    folder = tmp_path / "secrets"
    made = run("secrets", CLOUDMESH_SECRETS_DIR=str(folder), CLOUDMESH_UID=str(os.getuid()))
    assert made.returncode == 0, made.stderr
    return folder


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_every_secret_is_made_for_its_owner_alone(secrets):
    assert set(contents(secrets)) == SECRETS
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets.iterdir()} == {0o600}
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700


def test_a_second_run_overwrites_nothing_and_fills_the_gap(secrets):
    (secrets / "jwt_secret").unlink()
    before = contents(secrets)
    assert run("secrets", CLOUDMESH_SECRETS_DIR=str(secrets)).returncode == 0
    after = contents(secrets)
    assert after.pop("jwt_secret")
    assert after == before


def test_two_installations_share_no_secret(secrets, tmp_path):
    other = tmp_path / "other"
    assert run("secrets", CLOUDMESH_SECRETS_DIR=str(other)).returncode == 0
    assert not set(contents(secrets).values()) & set(contents(other).values())


def test_the_secrets_have_the_shape_their_readers_want(secrets):
    values = contents(secrets)
    assert re.fullmatch(r"[\w-]{43}=", values["fernet_key"])
    assert len(values["jwt_secret"]) >= 64
    assert values["airflow_database_url"].endswith("@postgres:5432/airflow")
    assert values["postgres_password"] in values["airflow_database_url"]
    assert values["redis_conf"] == f"requirepass {values['redis_password']}\n"


@pytest.mark.parametrize("content", [None, ""])
def test_the_entrypoint_names_a_secret_that_is_missing_or_empty(tmp_path, content):
    file = tmp_path / "fernet_key"
    if content is not None:
        file.write_text(content)
    done = run("entrypoint", "true", AIRFLOW__CORE__FERNET_KEY_CMD=f"cat {file}")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert str(file) in done.stderr
    assert "make up" in done.stderr


def test_the_entrypoint_hands_over(tmp_path):
    file = tmp_path / "fernet_key"
    file.write_text("x")
    done = run("entrypoint", "echo", "a b", "$c", AIRFLOW__CORE__FERNET_KEY_CMD=f"cat {file}")
    assert (done.returncode, done.stdout) == (0, "a b $c\n")


def test_what_a_service_starts_knows_no_variables_of_a_persons_shell():
    done = run("entrypoint", "env", CLOUDMESH_SHELL_DIR="/var/lib/cloudmesh/shell")
    assert (done.returncode, "CLOUDMESH_SHELL_DIR" in done.stdout) == (0, False)
    assert "CLOUDMESH_SHELL_DIR=/var/lib/cloudmesh/shell" in (ROOT / "Dockerfile").read_text()


def test_preflight_names_a_taken_port():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        done = run("preflight", "embedded", CLOUDMESH_PORT=port)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"FAIL  port {port}: another program listens")
    assert "CLOUDMESH_PORT=" in line


def test_preflight_says_how_much_memory_is_missing():
    done = run("preflight", "embedded", CLOUDMESH_MIN_MEMORY_MB="99999999", CLOUDMESH_PORT="1")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert re.match(r"FAIL  memory: found \d+ MB, needs 99999999 MB\.", line)


@pytest.fixture
def no_engine(tmp_path) -> str:
    """A PATH on which docker exists and answers that it reaches no engine."""
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2\nexit 1\n")
    docker.chmod(0o755)
    return f"{tmp_path}:{os.environ['PATH']}"


def test_without_an_engine_the_embedded_mode_is_chosen_and_why_is_said(no_engine):
    done = run("mode", PATH=no_engine, CLOUDMESH_MODE="")
    assert done.returncode == 0
    assert done.stdout.startswith("embedded no Docker engine answers")


def test_a_stopped_engine_does_not_hide_the_data_in_another_mode(no_engine):
    done = run("mode", PATH=no_engine, CLOUDMESH_MODE="docker")
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "the Docker engine does not answer; start it (the data is kept)" in line


@pytest.mark.parametrize("script", ["down", "status", "logs", "shell", "reset", "backup", "hello"])
def test_a_stopped_engine_is_one_clear_line(script, no_engine):
    done = run(script, PATH=no_engine, CLOUDMESH_MODE="docker")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "the Docker engine does not answer" in line


def test_restore_refuses_what_is_no_backup(tmp_path):
    file = tmp_path / "notes.tar.gz"
    file.write_text("no archive")
    done = run("restore", str(file), CLOUDMESH_MODE="embedded", YES="1")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "is no complete backup; nothing was changed" in line
