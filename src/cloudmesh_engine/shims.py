"""Answers upstream's defects one by one, without touching its files.

Each function mends one module right after it is imported, so a command pays only for what it
uses. Paths are relative to `cloudmesh/`; the releases they belong to are pinned in locks/cms.txt.
"""

import inspect
import shlex
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from cloudmesh_engine import guards
from cloudmesh_engine.mending import shim
from cloudmesh_engine.session import Session
from cloudmesh_engine.usage import parse

# What these print beside tables, as `cloud aws` above each, is no data.
_LISTING = ("flavor", "image", "key", "sec")


@shim("cloudmesh.shell.command")
def command_decorator(module: ModuleType, session: Session) -> None:
    """shell/command.py:126: turns a usage error, and every `sys.exit`, into success."""
    from cloudmesh.common.dotdict import dotdict

    def command(function: Callable[..., Any]) -> Callable[..., Any]:
        manual = function.__doc__ or ""

        def run(instance: Any, args: str | list[str]) -> Any:
            argv = shlex.split(args) if isinstance(args, str) else args
            arguments = dotdict(parse(manual, argv))
            session.arguments = arguments
            session.output.open(arguments, argv, session.word in _LISTING)
            guards.check(session, arguments)
            return function(instance, shlex.join(argv), arguments)

        run.__doc__ = manual
        return run

    vars(module)["command"] = command


@shim("cloudmesh.common.console")
def console(module: ModuleType, session: Session) -> None:
    """common/console.py:203-353: errors and remarks go to stdout, wrapped at 80 columns."""
    cls = module.Console
    colourful = cls.cprint

    def cprint(message: str = "", color: str = "BLUE", prefix: str = "") -> None:
        if sys.stdout.isatty():
            colourful(message, color, prefix)
        else:
            print(f"{prefix or ''}{message or ''}")

    def error(message: object = "", prefix: bool = True, traceflag: bool = False) -> None:
        session.complain(message)

    def remark(*message: object) -> None:
        session.say(" ".join(map(str, message)))

    cls.color = False
    cls.cprint = staticmethod(cprint)
    cls.error = cls.TODO = staticmethod(error)
    for name in ("msg", "ok", "info", "warning", "debug_msg"):
        setattr(cls, name, staticmethod(remark))


@shim("cloudmesh.common.console")
def console_text(module: ModuleType, session: Session) -> None:
    """configuration/Config.py:469: adds a rich Text to a string, which is a TypeError."""

    def text(color: str = "RED", prefix: str | None = None, message: str | None = None) -> str:
        return f"{prefix or ''}{message or ''}"

    module.Console.text = staticmethod(text)


@shim("cloudmesh.common.error")
def swallowed_exception(module: ModuleType, session: Session) -> None:
    """common/error.py:18-47: prints an exception only when two variables are set, and goes on."""

    def note(error: object = None, *_: object, **__: object) -> None:
        session.complain(error)

    for name in ("error", "traceback", "msg"):
        setattr(module.Error, name, staticmethod(note))


@shim("cloudmesh.common.Printer")
@shim("cloudmesh.common.Tabulate")
def printer(module: ModuleType, session: Session) -> None:
    """common/Tabulate.py:129: cannot write dates as JSON; callers print remarks around it."""
    write = module.Printer.write
    known = inspect.signature(write).parameters

    def collect(results: Any, order: Iterable[str] | None = None, **options: Any) -> Any:
        if session.output.structured:
            session.output.add(results, order)
            return ""
        # sec/command/sec.py:134 passes `sort_keys` to the class that does not know it.
        accepted = {name: value for name, value in options.items() if name in known}
        text = str(write(results, order=order, **accepted) or "")
        if text and session.output.lists_records:
            session.output.show(text)
            return ""
        return text

    module.Printer.write = staticmethod(collect)


@shim("cloudmesh.management.configuration.arguments")
def names_for_a_listing(module: ModuleType, session: Session) -> None:
    """management/configuration/arguments.py:66: wants a VM's name to list, or to upload a key."""
    original = module.Arguments.get_names

    def get_names(arguments: Any, variables: Any) -> Any:
        nameless = arguments.get("list") or arguments.get("upload")
        return None if nameless else original(arguments, variables)

    module.Arguments.get_names = staticmethod(get_names)


@shim("cloudmesh.key.Key")
def key_add(module: ModuleType, session: Session) -> None:
    """key/Key.py:49: ignores NAME, replaces other keys, and fails for most files."""
    from cloudmesh_engine import keystore

    def add(self: Any, name: str, source: str, group: Any = None) -> None:
        for record in _key_records(module.SSHkey, session, source):
            new = keystore.add(session.settings, record)
            session.say(f"key {record['name']}: {'added' if new else 'already there'}")

    module.Key.add = add


def _key_records(cls: Any, session: Session, source: str) -> list[dict[str, Any]]:
    from cloudmesh_engine import keystore

    key = cls.__new__(cls)  # its __init__ reads ~/.ssh/id_rsa.pub even for another file
    profile = session.settings.get("profile")
    if source == "git":
        return [{**entry, "group": ["git"]} for entry in key.get_from_git(profile["github"])]
    name = session.arguments["NAME"] or str(profile["user"])
    own = source == "ssh"
    file = Path(profile["publickey"] if own else source).expanduser().resolve()
    key.add(keystore.read_public_key(file), ["local", "ssh" if own else "file"], str(file))
    key["name"] = key["cm"]["name"] = name
    return [dict(key)]
