"""Logs in to VMs by OpenSSH.

The host key is pinned at the first login and never taken anew by itself; nothing of the user's
or the machine's own ssh configuration counts.
"""

import os
import pwd
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

from cloudmesh_engine import home, processes
from cloudmesh_engine.errors import ActionFailed, EngineError, NotSupported, Refused
from cloudmesh_engine.processes import Done

CONNECT_SECONDS = 10
# ssh's own failures; a command on the VM may end with this code, too.
_FAILED = 255
_GLOB = re.compile(r"([\\*?\[\]{}])")


@dataclass(frozen=True)
class Login:
    """How to get into one VM.

    :param pin: the file with the VM's host key
    :param alias: what the key is filed under, because addresses change
    """

    name: str
    address: str
    port: int
    user: str
    key: Path
    pin: Path
    alias: str

    @property
    def place(self) -> str:
        """The VM as people write it."""
        port = "" if self.port == 22 else f" port {self.port}"
        return f"{self.user}@{self.address}{port}"


def run(
    login: Login, command: str, *, timeout: float, stdin: bytes = b"", show: bool = False
) -> Done:
    """Run a command line on a VM and give what it said, or raise why it could not begin.

    :param timeout: seconds
    :param show: pass its output on as it comes, instead of giving it
    """
    # What ssh itself says goes apart, so that it can be told from what the command says.
    with os.fdopen(os.memfd_create("ssh"), "w+b") as log:
        words = ["ssh", "-E", f"/proc/{os.getpid()}/fd/{log.fileno()}", *_options(login)]
        words += ["-o", "BatchMode=yes", "-T", "-p", str(login.port), "--", _host(login), command]
        done = _start(words, login, timeout, stdin, show)
        said = _read(log)
    if done.exit_code == _FAILED and said:
        raise _explain(login, said)
    return done


def check(login: Login) -> None:
    """Make sure that the login works."""
    run(login, "exit 0", timeout=3 * CONNECT_SECONDS)


def put(login: Login, source: Path, target: str, *, timeout: float) -> None:
    """Copy a file or folder to a VM."""
    folder = ["-r"] if source.is_dir() else []
    _copy(login, [*folder, "--", str(source.absolute()), f"{_remote(login)}:{target}"], timeout)


def get(login: Login, source: str, target: Path, *, timeout: float) -> None:
    """Copy a file or folder from a VM."""
    # scp would take these as a pattern.
    exact = _GLOB.sub(r"\\\1", source)
    _copy(login, ["-r", "--", f"{_remote(login)}:{exact}", str(target.absolute())], timeout)


def hand_over(login: Login) -> NoReturn:
    """Become ssh: the terminal is the VM's."""
    words = ["ssh", *_options(login), "-p", str(login.port), "--", _host(login)]
    sys.stdout.flush()
    os.execvpe(words[0], words, _environment())  # noqa: S606 - no shell is wanted


def _options(login: Login) -> list[str]:
    login.pin.parent.mkdir(parents=True, exist_ok=True)
    options = {
        "ConnectTimeout": str(CONNECT_SECONDS),
        "ServerAliveInterval": "15",
        "ServerAliveCountMax": "3",
        "StrictHostKeyChecking": "accept-new",
        "UserKnownHostsFile": _quoted(login.pin),
        "GlobalKnownHostsFile": "none",
        "HostKeyAlias": login.alias,
        "CheckHostIP": "no",
        "UpdateHostKeys": "no",
        "IdentitiesOnly": "yes",
        "IdentityFile": _quoted(login.key),
        "PreferredAuthentications": "publickey",
        "LogLevel": "ERROR",
    }
    # "none" keeps other configuration files out.
    return ["-F", "none", *(word for pair in options.items() for word in ("-o", "=".join(pair)))]


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("%", "%%") + '"'


def _host(login: Login) -> str:
    return f"{login.user}@{login.address}"


def _remote(login: Login) -> str:
    address = f"[{login.address}]" if ":" in login.address else login.address
    return f"{login.user}@{address}"


def _copy(login: Login, words: list[str], timeout: float) -> None:
    command = ["scp", *_options(login), "-o", "BatchMode=yes", "-P", str(login.port), *words]
    done = _start(command, login, timeout, b"", show=False)
    if done.exit_code:
        raise _explain(login, done.stderr or f"scp ended with exit code {done.exit_code}")


def _start(words: list[str], login: Login, timeout: float, stdin: bytes, show: bool) -> Done:
    if not shutil.which(words[0]):
        raise NotSupported(f"{words[0]} is not installed here: install openssh-client")
    environ = _environment()
    try:
        return processes.run(words, timeout=timeout, stdin=stdin, show=show, environ=environ)
    except TimeoutError:
        raise ActionFailed(
            f"{login.name}: {login.place}: not done after {timeout:g} s: "
            "raise cloudmesh.limits.ssh_seconds if it needs longer"
        ) from None


def _environment() -> dict[str, str]:
    """Give ssh a name for its user, without which it refuses to run.

    A container's user has none when it was started with the uid of somebody on the host.
    """
    try:
        pwd.getpwuid(os.getuid())
    except KeyError:
        names = {"NSS_WRAPPER_PASSWD": str(_passwd()), "NSS_WRAPPER_GROUP": "/etc/group"}
        return {**os.environ, "LD_PRELOAD": "libnss_wrapper.so", **names}
    return dict(os.environ)


def _passwd() -> Path:
    file = home.state_dir() / f"ssh/passwd-{os.getuid()}"
    if not file.exists():
        handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=".passwd-")
        with os.fdopen(handle, "w") as stream:
            stream.write(f"cms:x:{os.getuid()}:{os.getgid()}:cms:/nonexistent:/bin/sh\n")
        os.replace(temporary, file)
    return file


def _read(log: BinaryIO) -> str:
    log.seek(0)
    return processes.text(log.read())


def _explain(login: Login, said: str) -> EngineError:
    who = f"{login.name}: {login.place}"
    if "HOST IDENTIFICATION HAS CHANGED" in said or "Host key verification failed" in said:
        return Refused(
            f"{who}: has another host key than at the first login, so it may be another machine: "
            f"if you changed it yourself, delete {login.pin} and repeat"
        )
    if "Permission denied (" in said:
        return ActionFailed(f"{who}: lets us not in with {login.key}: check --username and --key")
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    reason = "; ".join(dict.fromkeys(lines[-2:])).removeprefix("ssh: ")
    hint = "" if reason.startswith("scp: ") else f": is port {login.port} open to us?"
    return ActionFailed(f"{who}: {reason}{hint}")
