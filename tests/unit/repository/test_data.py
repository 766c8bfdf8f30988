"""Backup, restore and reset, as far as they go without an engine."""

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
