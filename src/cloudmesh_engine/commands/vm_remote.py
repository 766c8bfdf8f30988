"""The verbs of `cms vm` that do something on VMs by ssh: ssh, script, put, get."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from cloudmesh_engine import limits, ssh
from cloudmesh_engine.commands.vm_login import logins
from cloudmesh_engine.commands.vm_request import VmRequest
from cloudmesh_engine.errors import ActionFailed, EngineError, Refused, UsageError
from cloudmesh_engine.ledger import Document
from cloudmesh_engine.processes import Done
from cloudmesh_engine.ssh import Login

_COLUMNS = ("name", "exit_code", "stdout", "stderr")
_COPIED = ("name", "source", "destination")
_SECONDS = 3600

# A script that arrived only in part must not run, and what was copied must not stay.
_RUN_ONCE = """\
folder=$(mktemp -d) || exit
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' HUP INT TERM
file=$folder/{name}
{receive}
"""
_RUN_KEPT = """\
mkdir -p {folder} || exit
file={folder}/{name}
{receive}
"""
_RECEIVE = """\
cat > "$file" || exit
if [ "$(wc -c < "$file")" -ne {size} ]; then echo "the script did not arrive whole" >&2; exit 1; fi
chmod u+x "$file" || exit
"$file" < /dev/null"""


def login(request: VmRequest) -> None:
    """Run a command on VMs, or hand the terminal over to one."""
    command, targets = request.arguments["--command"], logins(request)
    if command is None:
        if len(targets) > 1:
            raise UsageError("ssh: several VMs: give --command, or name one")
        # ssh alone cannot tell us why it failed once it has taken our place.
        ssh.check(targets[0])
        ssh.hand_over(targets[0])
    if not command.strip():
        raise UsageError("--command: is empty")
    _run_on_all(request, targets, command)


def script(request: VmRequest) -> None:
    """Copy a script to VMs and run it there; without --dir nothing of it stays."""
    if not request.arguments["SCRIPT"]:
        raise Refused("vm script: name the VMs before the script: none is ever guessed")
    file = Path(request.arguments["SCRIPT"])
    content = _content(file)
    targets = logins(request, "script")
    if request.dryrun:
        _plan(request, targets, "would run", file, request.arguments["--dir"] or "")
        return
    _run_on_all(request, targets, _script_command(request, file.name, content), content)


def put(request: VmRequest) -> None:
    """Copy a file or folder to VMs."""
    source, target = Path(request.arguments["SOURCE"]), request.arguments["DESTINATION"]
    if not source.exists():
        raise ActionFailed(f"{source}: no such file")

    def copy(login: Login) -> str:
        ssh.put(login, source, target, timeout=_timeout(request))
        return str(target)

    _copy_all(request, "put", copy)


def get(request: VmRequest) -> None:
    """Copy a file or folder from VMs; of several, each has a folder of its own."""
    source, target = request.arguments["SOURCE"], Path(request.arguments["DESTINATION"])
    several = len(request.names) > 1

    def copy(login: Login) -> str:
        folder = target / login.name if several else target
        if several:
            folder.mkdir(parents=True, exist_ok=True)
        ssh.get(login, source, folder, timeout=_timeout(request))
        return str(folder)

    _copy_all(request, "get", copy)


def _run_on_all(request: VmRequest, targets: list[Login], command: str, stdin: bytes = b"") -> None:
    timeout = _timeout(request)
    if len(targets) == 1 and request.output == "table":
        # As it comes and byte for byte, so that it can be piped.
        sys.stdout.flush()
        done = ssh.run(targets[0], command, timeout=timeout, stdin=stdin, show=True)
        request.fail(_failures([_record(targets[0], done)]))
        return

    def run(login: Login) -> list[Document]:
        return [_record(login, ssh.run(login, command, timeout=timeout, stdin=stdin))]

    records, errors = request.gather(targets, run)
    request.show(records, _COLUMNS)
    request.fail(errors + _failures(records))


def _record(login: Login, done: Done) -> Document:
    said = {"stdout": done.stdout, "stderr": done.stderr}
    return {"name": login.name, "exit_code": done.exit_code, **said}


def _failures(records: list[Document]) -> list[EngineError]:
    return [
        ActionFailed(f"{record['name']}: the command ended with exit code {record['exit_code']}")
        for record in records
        if record["exit_code"]
    ]


def _copy_all(request: VmRequest, verb: str, copy: Callable[[Login], str]) -> None:
    source, target = request.arguments["SOURCE"], request.arguments["DESTINATION"]
    targets = logins(request, verb)
    if request.dryrun:
        _plan(request, targets, "would copy", source, target)
        return

    def work(login: Login) -> list[Document]:
        there = copy(login)
        return [{"action": "copied", "name": login.name, "source": source, "destination": there}]

    request.each(targets, work, _COPIED)


def _plan(
    request: VmRequest, targets: list[Login], action: str, source: object, target: str
) -> None:
    record = {"action": action, "source": str(source), "destination": target}
    request.show([{**record, "name": login.name} for login in targets], _COPIED)


def _content(file: Path) -> bytes:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ActionFailed(f"{file}: {error.strerror}") from error
    if not content:
        raise UsageError(f"{file}: is empty")
    return content


def _script_command(request: VmRequest, name: str, content: bytes) -> str:
    receive = _RECEIVE.format(size=len(content))
    folder = request.arguments["--dir"]
    if folder:
        # Quoted, the shell leaves a tilde alone; a login begins at home.
        path = "." + folder[1:] if folder == "~" or folder.startswith("~/") else folder
        path = path if path.startswith("/") else f"./{path}"
        text = _RUN_KEPT.format(folder=shlex.quote(path), name=shlex.quote(name), receive=receive)
    else:
        text = _RUN_ONCE.format(name=shlex.quote(name), receive=receive)
    # The login shell may be another one.
    return f"exec sh -c {shlex.quote(text)}"


def _timeout(request: VmRequest) -> float:
    return limits.whole(request.settings, "ssh_seconds") or _SECONDS
