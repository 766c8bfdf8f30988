"""What `make up` writes into .env, and what it leaves alone."""

import stat

import pytest


def mode_of(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_who_may_read_the_settings_stays(installation, mode):
    assert installation.up("docker").returncode == 0
    assert mode_of(installation.env_file) == 0o600
    installation.env_file.chmod(mode)
    assert installation.up("docker").returncode == 0
    assert mode_of(installation.env_file) == mode


def test_a_last_line_without_its_end_stays_a_line(installation):
    installation.env_file.write_text("# mine\nCLOUDMESH_USER=me")
    assert installation.up("docker").returncode == 0
    assert installation.env_file.read_text().startswith("# mine\nCLOUDMESH_USER=me\n")
    assert installation.settings()["CLOUDMESH_MODE"] == "docker"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ('"my secrets"', "my secrets"),
        ("'my secrets'", "my secrets"),
        ("my secrets", "my secrets"),
        ('"it\'s"', "it's"),
        ("\"'mine'\"", "'mine'"),
        ('"mine', '"mine'),
    ],
)
def test_quotes_around_a_value_are_no_part_of_it(installation, written, meant):
    installation.env_file.write_text(f"CLOUDMESH_SECRETS_DIR={written}\n")
    folder = installation.folder / meant
    folder.mkdir()
    (folder / "admin_password").write_text("the password")
    done = installation.run("scripts/password")
    assert (done.returncode, done.stdout) == (0, "the password\n")


DOCKER = "docker-compose.yaml"
OFFLINE = f"{DOCKER}:docker-compose.offline.yaml"


@pytest.mark.parametrize(
    ("before", "mode", "after"),
    [
        (None, "docker", DOCKER),
        (None, "offline", OFFLINE),
        (f"{DOCKER}:mine.yaml", "docker", f"{DOCKER}:mine.yaml"),
        (f'"{DOCKER}:my #1.yaml"', "docker", f'"{DOCKER}:my #1.yaml"'),
        (f"{OFFLINE}:mine.yaml:b|&c.yaml", "docker", f"{DOCKER}:mine.yaml:b|&c.yaml"),
        (f"{DOCKER}:mine.yaml", "offline", f"{OFFLINE}:mine.yaml"),
        (f"./{DOCKER}:my own.yaml", "offline", f"{OFFLINE}:my own.yaml"),
        ("mine.yaml", "docker", f"{DOCKER}:mine.yaml"),
    ],
)
def test_compose_files_that_the_user_added_stay(installation, before, mode, after):
    if before is not None:
        installation.env_file.write_text(f"COMPOSE_FILE={before}\n")
    for _ in range(2):
        done = installation.up(mode)
        assert done.returncode == 0, done.stderr
        assert installation.settings()["COMPOSE_FILE"] == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("CLOUDMESH_USER=me\n", "sandbox"),
        ("COMPOSE_PROFILES=\n", ""),
        ("COMPOSE_PROFILES=openstack\n", "openstack"),
    ],
)
def test_the_sandbox_starts_unless_the_settings_say_otherwise(installation, before, after):
    installation.env_file.write_text(before)
    assert installation.up("docker").returncode == 0
    assert installation.settings()["COMPOSE_PROFILES"] == after
