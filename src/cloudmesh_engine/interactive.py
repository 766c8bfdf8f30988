"""`cms` without a command: a prompt on a terminal, else the commands that stdin holds.

Every line runs in a process of its own, so it can neither end the shell nor change it.
"""

import contextlib
import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from cloudmesh_engine import variables
from cloudmesh_engine.completion import Completer
from cloudmesh_engine.errors import UsageError

Execute = Callable[[list[str]], int]

_END = ("quit", "exit", "q")
_HISTORY_LINES = 2000


def run(execute: Execute, completer: Completer) -> int:
    """Run line by line and give the exit code of the whole."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        return _prompt(execute, completer)
    return _script(execute)


def _prompt(execute: Execute, completer: Completer) -> int:
    with _editing(completer) as keep:
        while True:
            try:
                line = input("cms> ")
            except EOFError:
                print()
                return 0
            except KeyboardInterrupt:
                print()
                continue
            keep(line)
            try:
                words = _words(line)
            except UsageError as error:
                print(f"cms: {error}", file=sys.stderr)
                continue
            if words[:1] and words[0] in _END:
                return 0
            if words:
                with _same_terminal():
                    _in_child(execute, words, interactive=True)


def _script(execute: Execute) -> int:
    """Run the lines of stdin until one fails."""
    for number, line in enumerate(sys.stdin, 1):
        try:
            words = _words(line)
        except UsageError as error:
            print(f"cms: line {number}: {error}", file=sys.stderr)
            return error.exit_code
        if words[:1] and words[0] in _END:
            break
        status = _in_child(execute, words, interactive=False) if words else 0
        if status:
            print(f"cms: stopped at line {number}", file=sys.stderr)
            return status
    return 0


def _words(line: str) -> list[str]:
    try:
        words = shlex.split(line, comments=True)
    except ValueError as error:
        raise UsageError(f"{error}: close it, or write \\ before it") from None
    return words[1:] if words[:1] == ["cms"] else words


def _in_child(execute: Execute, words: list[str], interactive: bool) -> int:
    """Run a command in a child, which has the signals and, at a prompt, the terminal."""
    sys.stdout.flush()
    sys.stderr.flush()
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        child = os.fork()
        if child == 0:
            _become(execute, words, interactive)
        _, status = os.waitpid(child, 0)
    finally:
        signal.signal(signal.SIGINT, previous)
    code = os.waitstatus_to_exitcode(status)
    if code < 0 and interactive:
        print()
    return code if code >= 0 else 128 - code


def _become(execute: Execute, words: list[str], interactive: bool) -> None:
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        sys.argv = ["cms", *words]
        if not interactive:
            # The lines that follow, some of them read already, are not this command's input.
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
        status = execute(words)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    finally:
        os._exit(status)


@contextlib.contextmanager
def _same_terminal() -> Iterator[None]:
    """Give the terminal back as it was, also after a command that died in raw mode."""
    import termios

    attributes = termios.tcgetattr(0)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, attributes)


@contextlib.contextmanager
def _editing(completer: Completer) -> Iterator[Callable[[str], None]]:
    """Switch on line editing; give the function that keeps a line for the next time."""
    try:
        import readline
    except ImportError:
        yield lambda line: None
        return

    def complete(text: str, state: int) -> str | None:
        before = readline.get_line_buffer()[: readline.get_begidx()]
        found = completer.candidates(before, text)
        if state >= len(found):
            return None
        return found[state] + ("" if found[state].endswith("=") else " ")

    readline.set_completer(complete)
    readline.set_completer_delims(" \t")
    libedit = "libedit" in (readline.__doc__ or "")
    readline.parse_and_bind("bind ^I rl_complete" if libedit else "tab: complete")
    history = _history_file()
    if history:
        readline.read_history_file(history)
        readline.set_history_length(_HISTORY_LINES)

    def keep(line: str) -> None:
        # At once and not at the end, so that a closed window loses nothing.
        if history and line.strip():
            readline.append_history_file(1, history)

    yield keep


def _history_file() -> Path | None:
    folder = variables.folder()
    if folder is None:
        return None
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / "history"
    os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))
    return file
