"""Backup, restore and reset, as far as they go without an engine."""

import os

import pytest


@pytest.mark.parametrize(
    ("name", "meant"),
    [("my own.tar.gz", "my own.tar.gz"), ("~/b$c.tar.gz", "/nonexistent/b$c.tar.gz")],
)
def test_make_restore_takes_the_name_of_a_backup_as_it_is(installation, name, meant):
    done = installation.run("make", "restore", f"FILE={name.replace('$', '$$')}")
    assert done.returncode != 0
    assert f"restore: {meant} cannot be read" in done.stderr


def test_make_restore_without_a_name_asks_for_one(installation):
    assert "which backup? make restore FILE=" in installation.run("make", "restore").stderr


@pytest.fixture
def running(installation):
    """A stack that runs, with one database."""
    database = installation.make_volume("postgres")
    (database / "PG_VERSION").write_text("17")
    assert installation.up("docker").returncode == 0
    return installation


def test_a_backup_stops_the_stack_and_starts_it_again(running):
    done = running.run("scripts/backup", "saved.tar.gz", CLOUDMESH_PORT="1")
    assert (done.returncode, done.stdout) == (0, "saved.tar.gz\n")
    assert running.is_running
    assert [line for line in running.asked() if " down " in line]


def test_a_backup_that_fails_leaves_no_half_and_the_stack_running(running):
    running.stand_in("tar", "#!/bin/sh\necho 'No space left on device' >&2\nexit 2\n")
    done = running.run("scripts/backup", "saved.tar.gz", CLOUDMESH_PORT="1")
    assert done.returncode != 0
    assert "volume postgres could not be read; nothing was saved" in done.stderr
    assert running.is_running
    assert not list(running.folder.glob("saved.tar.gz*"))


def test_a_backup_starts_no_stack_that_was_stopped(running):
    assert running.run("scripts/down").returncode == 0
    running.stand_in("tar", "#!/bin/sh\nexit 2\n")
    assert running.run("scripts/backup").returncode != 0
    assert not running.is_running


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_a_backup_of_another_user_is_restored_for_the_user_of_here(running):
    database = running.folder / "volumes/demo_postgres"
    file = database / "PG_VERSION"
    (database / "of-root").write_text("")
    os.chown(database, 1234, 0)
    os.chown(file, 1234, 0)
    there, here = ({"CLOUDMESH_UID": uid, "CLOUDMESH_PORT": "1"} for uid in ("1234", "4321"))
    assert running.run("scripts/backup", "saved.tar.gz", **there).returncode == 0
    file.write_text("18")
    done = running.run("scripts/restore", "saved.tar.gz", YES="1", **here)
    assert done.returncode == 0, done.stderr
    owners = {path.name: path.stat().st_uid for path in (database, *database.iterdir())}
    assert owners == {"demo_postgres": 4321, "PG_VERSION": 4321, "of-root": 0}
    assert file.read_text() == "17"


def test_a_backup_without_a_user_keeps_its_owners(running):
    """As those were that were made before a backup told it."""
    assert running.run("scripts/backup", "saved.tar.gz", CLOUDMESH_PORT="1").returncode == 0
    parts = running.folder / "parts"
    parts.mkdir()
    running.run("tar", "-xzf", "saved.tar.gz", "-C", "parts")
    (parts / "data/uid").unlink()
    running.run("tar", "-czf", "old.tar.gz", "-C", "parts", "mode", "config", "secrets", "data")
    file = running.folder / "volumes/demo_postgres/PG_VERSION"
    file.write_text("18")
    done = running.run("scripts/restore", "old.tar.gz", YES="1", CLOUDMESH_PORT="1")
    assert done.returncode == 0, done.stderr
    assert (file.read_text(), file.stat().st_uid) == ("17", os.getuid())


def reset(installation, **variables):
    done = installation.run("scripts/reset", YES="1", **variables)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_reset_deletes_data_and_secrets(running):
    assert "All data and secrets are gone" in reset(running)
    assert not list((running.folder / "volumes").iterdir())
    assert not (running.folder / ".secrets").exists()


def test_reset_keeps_the_secrets_that_another_docker_mode_needs(running):
    kept = running.make_volume("mongo-standin")
    told = reset(running)
    assert "in demo_mongo-standin: it stays" in told
    assert kept.exists()
    assert (running.folder / ".secrets/mongo_password").exists()


def test_reset_keeps_the_secrets_that_the_embedded_mode_needs(running):
    database = running.folder / ".run/airflow/airflow.db"
    database.parent.mkdir(parents=True)
    database.write_text("")
    assert "in .run: it stays" in reset(running)
    assert database.exists()
    assert (running.folder / ".secrets/mongo_password").exists()


@pytest.mark.parametrize("engine", [{}, {"NO_ENGINE": "1"}])
def test_reset_of_the_embedded_mode_keeps_the_secrets_that_docker_needs(running, engine):
    database = running.folder / ".run/airflow/airflow.db"
    database.parent.mkdir(parents=True)
    database.write_text("")
    told = reset(running, CLOUDMESH_MODE="embedded", **engine)
    assert ("engine that does not answer" if engine else "demo_postgres") in told
    assert not database.exists()
    assert (running.folder / "volumes/demo_postgres").exists()
    assert (running.folder / ".secrets/mongo_password").exists()


def test_reset_of_a_stack_that_never_knew_docker_deletes_its_secrets(installation):
    secrets = installation.folder / ".secrets"
    secrets.mkdir()
    assert "are gone" in reset(installation, CLOUDMESH_MODE="embedded", NO_ENGINE="1")
    assert not secrets.exists()
