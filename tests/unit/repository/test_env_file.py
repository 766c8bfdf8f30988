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
        ("\"it's\"", "it's"),
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
