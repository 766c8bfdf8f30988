"""`cms` without a command: at a real terminal, and with commands on stdin."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .conftest import PATIENCE, Cms, Result, wait_until

PROMPT = "cms> "


class Terminal:
    """A terminal with `cms` on it."""

    def __init__(self, cms: Cms) -> None:
        code = "from cloudmesh_engine.launcher import main; main()"
        environ = {**cms.environ, "TERM": "dumb"}
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.chdir(cms.root / "work")
            os.execve(sys.executable, [sys.executable, "-c", code], environ)
        self.seen = ""
        self.code: int | None = None

    def until(self, text: str, seconds: float = PATIENCE) -> str:
        """Read until a text appears and give all before it."""
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            ready, _, _ = select.select([self.descriptor], [], [], deadline - time.monotonic())
            assert ready, f"no {text!r} in {self.seen!r}"
            self.seen += os.read(self.descriptor, 4096).decode()
        before, _, self.seen = self.seen.partition(text)
        return before.replace("\r\n", "\n")

    def type(self, text: str) -> None:
        os.write(self.descriptor, text.encode())

    def says(self, line: str) -> str:
        """Type a line and give what appears until the next prompt."""
        self.type(line + "\n")
        return self.until(PROMPT).removeprefix(line + "\n")

    def end(self) -> int:
        if self.code is None:
            # A terminal whose reader is gone would block what still writes.
            while self._read():
                pass
            self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            os.close(self.descriptor)
        return self.code

    def _read(self) -> bytes:
        try:
            return os.read(self.descriptor, 4096)
        except OSError:
            return b""


@pytest.fixture
def terminal(cms: Cms) -> Iterator[Callable[[], Terminal]]:
    opened: list[Terminal] = []
    cms.environ["CLOUDMESH_SHELL_DIR"] = str(cms.root / "state/shell")

    def open_one() -> Terminal:
        opened.append(Terminal(cms))
        opened[-1].until(PROMPT)
        return opened[-1]

    yield open_one
    for one in opened:
        if one.code is None:
            os.kill(one.pid, signal.SIGKILL)
        one.end()


def history(cms: Cms) -> Path:
    return cms.root / "state/shell" / str(os.getuid()) / "history"


def test_a_line_does_what_the_command_line_does(cms: Cms, terminal) -> None:
    shell = terminal()
    for line in ("config value profile.user", "help flavor", "version --output=json"):
        assert shell.says(line) == cms(*line.split()).stdout
    assert "image" in shell.says("help")
    assert shell.says("cms var cloud") == shell.says("var 'cloud'") == "cloud='aws'\n"
    assert shell.says("") == shell.says("# only a remark") == ""
    shell.type("quit\n")
    assert shell.end() == 0
    assert cms.leftovers() == []


@pytest.mark.parametrize("goodbye", ["quit\n", "exit\n", "\x04"])
def test_it_ends_when_told(terminal, goodbye: str) -> None:
    shell = terminal()
    shell.type(goodbye)
    assert shell.end() == 0


def test_a_failure_is_one_line_and_the_shell_goes_on(terminal) -> None:
    shell = terminal()
    assert shell.says("kye list") == "cms: kye: no such command: did you mean key?\n"
    assert shell.says("start").count("\n") == 1
    assert shell.says("banner 'open").startswith("cms: No closing quotation")
    assert "does not answer" in shell.says("vm list")
    assert shell.says("config value profile.user") == "cloudmesh\n"


def test_what_is_set_is_there_for_the_next_line(terminal) -> None:
    shell = terminal()
    assert shell.says("set cloud=chameleon") == "cloud='chameleon'\n"
    assert shell.says("var cloud") == "cloud='chameleon'\n"
    assert terminal().says("var cloud") == "cloud='chameleon'\n"


def test_ctrl_c_ends_the_command_and_not_the_shell(cms: Cms, terminal) -> None:
    shell = terminal()
    for _ in range(2):
        shell.type("sleep 600\n")
        wait_for_home(cms)
        shell.type("\x03")
        shell.until(PROMPT)
    assert shell.says("config value profile.user") == "cloudmesh\n"
    assert cms.leftovers() == []


def wait_for_home(cms: Cms) -> None:
    wait_until(lambda: any((cms.root / "tmp").glob("cms-home-*/.ssh")))


def test_a_command_cannot_leave_the_terminal_changed(cms: Cms, terminal) -> None:
    plugin = cms.root / "plugins/cloudmesh/rawly/command"
    plugin.mkdir(parents=True)
    (plugin / "rawly.py").write_text(
        "import os, tty\n\nclass RawlyCommand:\n    def do_rawly(self, args):\n"
        '        """Usage: rawly"""\n        tty.setraw(0)\n        os.kill(os.getpid(), 9)\n'
    )
    cms.environ["PYTHONPATH"] += f":{cms.root}/plugins"
    shell = terminal()
    before = termios.tcgetattr(shell.descriptor)[3] & termios.ISIG
    shell.says("rawly")
    assert termios.tcgetattr(shell.descriptor)[3] & termios.ISIG == before != 0
    assert shell.says("config value profile.user") == "cloudmesh\n"


def test_the_history_lasts_and_is_the_users_alone(cms: Cms, terminal) -> None:
    shell = terminal()
    shell.says("config value profile.user")
    # Kept at once: a closed window loses nothing.
    assert history(cms).read_text() == "config value profile.user\n"
    assert history(cms).stat().st_mode & 0o777 == 0o600
    again = terminal()
    again.type("\x10\n")  # Ctrl-P, the previous line
    assert "cloudmesh\n" in again.until(PROMPT)
    assert history(cms).read_text().splitlines() == ["config value profile.user"] * 2


@pytest.mark.parametrize(
    ("typed", "becomes"),
    [
        ("conf\t", "config "),
        ("config va\t", "value "),
        ("vm boot --dr\t", "--dryrun "),
        ("vm boot --flav\t", "--flavor="),
        ("vm list --output=j\t", "json "),
        ("help flav\t", "flavor "),
        ("airflow trig\t", "trigger "),
        ("airflow logs vm_boot latest --fol\t", "--follow "),
    ],
)
def test_tab_completes(terminal, typed: str, becomes: str) -> None:
    shell = terminal()
    shell.type(typed)
    shell.until(becomes)


def test_two_tabs_list_the_verbs(terminal) -> None:
    shell = terminal()
    shell.type("vm st\t\t")
    shown = shell.until("stop")
    assert {"start", "status"} <= set(re.findall(r"\w+", shown))


def script(cms: Cms, text: str) -> Result:
    return subprocess.run(
        [sys.executable, "-c", "from cloudmesh_engine.launcher import main; main()"],
        env=cms.environ,
        cwd=cms.root / "work",
        input=text,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_a_script_runs_line_by_line(cms: Cms) -> None:
    lines = ["# set up", "config value profile.user", "", "cms banner 'a  b' -n 20", "exit", "kye"]
    done = script(cms, "\n".join(lines))
    assert done.returncode == 0
    assert done.stdout.splitlines() == ["cloudmesh", "#" * 20, "# a  b", "#" * 20]


@pytest.mark.parametrize(
    ("line", "code"),
    [("kye", 2), ("start", 3), ("key list", 4), ("admin", 3), ("banner 'open", 2)],
)
def test_a_script_stops_at_the_first_failure(cms: Cms, line: str, code: int) -> None:
    done = script(cms, f"config value profile.user\n{line}\nbanner never\n")
    assert (done.returncode, done.stdout) == (code, "cloudmesh\n")
    assert "line 2" in done.stderr


def test_a_commands_input_is_not_the_script(cms: Cms) -> None:
    plugin = cms.root / "plugins/cloudmesh/reader/command"
    plugin.mkdir(parents=True)
    (plugin / "reader.py").write_text(
        "import sys\n\nclass ReaderCommand:\n    def do_reader(self, args):\n"
        '        """Usage: reader"""\n        assert sys.stdin.read() == ""\n'
    )
    cms.environ["PYTHONPATH"] += f":{cms.root}/plugins"
    done = script(cms, "reader\nconfig value profile.user\n")
    assert (done.returncode, done.stderr) == (0, "")


def test_no_input_is_no_work(cms: Cms) -> None:
    done = cms()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
