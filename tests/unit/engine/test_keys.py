import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from cloudmesh_engine import keys


def test_a_pair_is_made_once(tmp_path: Path) -> None:
    directory = tmp_path / "a/ssh"
    assert keys.ensure_key_pair(directory)
    private = (directory / "id_rsa").read_bytes()
    assert not keys.ensure_key_pair(directory)
    assert (directory / "id_rsa").read_bytes() == private
    assert load_ssh_private_key(private, None).key_size == 3072
    assert (directory / "id_rsa.pub").read_text().startswith("ssh-rsa AAAA")
    assert {path.name for path in directory.iterdir()} == {"id_rsa", "id_rsa.pub"}
    for path in directory.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_lost_public_half_is_made_again(tmp_path: Path) -> None:
    keys.ensure_key_pair(tmp_path)
    public = (tmp_path / "id_rsa.pub").read_text()
    (tmp_path / "id_rsa.pub").unlink()
    assert not keys.ensure_key_pair(tmp_path)
    assert (tmp_path / "id_rsa.pub").read_text() == public


def test_two_at_once_agree_on_one_pair(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: keys.ensure_key_pair(tmp_path), range(4)))
    assert made.count(True) == 1
    public = (tmp_path / "id_rsa.pub").read_bytes()
    assert keys._public_half(tmp_path / "id_rsa") == public


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cloudmesh_engine.keys", *words],
        env={"PYTHONPATH": str(Path(keys.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_tells_what_it_did(tmp_path: Path) -> None:
    assert run(str(tmp_path)).stderr == f"keys: made {tmp_path}/id_rsa\n"
    assert run(str(tmp_path)).stderr == f"keys: kept {tmp_path}/id_rsa\n"
    assert run().returncode == 2
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/id_rsa").write_text("not a key")
    failed = run(str(tmp_path / "bad"))
    assert failed.returncode == 1
    assert "not an OpenSSH private key" in failed.stderr
    assert "Traceback" not in failed.stderr
