"""A real sshd that stands for the VMs: its addresses are those that the sandbox says they have."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from .conftest import PATIENCE, Cms, Ec2, free_port, wait_until

PROGRAM = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
ADDRESSES = [f"127.0.0.{number}" for number in range(2, 6)]
USER = pwd.getpwuid(os.getuid()).pw_name
_CONFIG = """\
Port {port}
{listen}
HostKey {root}/host_key
PidFile none
AuthorizedKeysFile {root}/authorized_keys
AuthenticationMethods publickey
StrictModes no
UsePAM no
Subsystem sftp internal-sftp
"""


@dataclass
class Sshd:
    """The server; `root` is a folder of its own in which tests may do as they like."""

    root: Path
    port: int

    process: subprocess.Popen[bytes] | None = None

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        self.process = process = subprocess.Popen(
            [str(PROGRAM), "-D", "-E", self.root / "log", "-f", self.root / "sshd_config"],
            stdin=subprocess.DEVNULL,
        )

        def answers() -> bool:
            assert process.poll() is None, (self.root / "log").read_text()
            with socket.socket() as client:
                return client.connect_ex((ADDRESSES[0], self.port)) == 0

        wait_until(answers)
        yield
        self.stop()

    def stop(self) -> None:
        assert self.process
        self.process.terminate()
        self.process.wait(PATIENCE)

    def new_host_key(self) -> None:
        key = self.root / "host_key"
        for file in (key, key.with_suffix(".pub")):
            file.unlink(missing_ok=True)
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key]
        subprocess.run(words, check=True)

    def stand_for(self, ec2: Ec2) -> None:
        """Give the VMs, by name, the addresses at which this server answers."""
        named = sorted(ec2.instances(), key=ec2.word)
        for instance, address in zip(named, ADDRESSES, strict=False):
            made = ec2.client.allocate_address(Domain="vpc", Address=address)["AllocationId"]
            ec2.client.associate_address(AllocationId=made, InstanceId=instance["InstanceId"])


def make(root: Path, authorized_key: Path) -> Sshd:
    if not PROGRAM or not shutil.which("scp"):
        pytest.skip("no OpenSSH server and client here: apt-get install openssh-server")
    if os.getuid() == 0:
        # What the package's service makes; only root's sshd wants it.
        Path("/run/sshd").mkdir(exist_ok=True)
    root.mkdir()
    shutil.copy(authorized_key, root / "authorized_keys")
    server = Sshd(root, free_port())
    server.new_host_key()
    listen = "\n".join(f"ListenAddress {address}" for address in ADDRESSES)
    config = _CONFIG.format(port=server.port, listen=listen, root=root)
    (root / "sshd_config").write_text(config)
    return server


def configure(cms: Cms, server: Sshd) -> None:
    file = cms.root / "cloudmesh.yaml"
    text = file.read_text().replace("username: ubuntu\n", f"username: {USER}\n", 1)
    file.write_text(text.replace("ssh_port: 22 ", f"ssh_port: {server.port} ", 1))
