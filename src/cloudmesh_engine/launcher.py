"""The console script `cms`: runs one Cloudmesh command and tells by its exit code what happened."""

import contextlib
import os
import sys
import warnings
from typing import NoReturn

from cloudmesh_engine import commands, lean
from cloudmesh_engine.errors import EngineError, NotSupported

_HELP = """\
Usage:
  cms COMMAND [ARGUMENTS...]   run a command
  cms                          a prompt for commands; reads them from stdin if that is no terminal
  cms help [COMMAND]           list the commands, or explain one
  cms version [--output=FORMAT]
                               show what is installed (table, json, yaml or csv)

Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 not supported,
4 MongoDB or a cloud does not answer, 5 refused.

Commands:
"""
_VERSION = """\
Usage:
  version [--output=FORMAT]

Options:
  --output=FORMAT  table, json, yaml or csv [default: table]
"""
_OWN = {"help": _HELP.partition("\n\n")[0] + "\n", "version": _VERSION}


def main() -> NoReturn:
    """Run as the console script."""
    lean.prepare()
    status = run(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    # A normal exit waits half a second for pymongo's threads; nothing is open by now.
    os._exit(status)


def run(words: list[str]) -> int:
    """Run one command and give its exit code."""
    if os.environ.get("CLOUDMESH_DEBUG") != "1":
        # Upstream and docopt are full of invalid escapes and deprecated calls.
        warnings.simplefilter("ignore")
    try:
        if not words:
            return _shell()
        _dispatch(words)
        sys.stdout.flush()
    except EngineError as error:
        print(f"cms: {error}", file=sys.stderr)
        return error.exit_code
    except ModuleNotFoundError as error:
        need = "pip install 'cloudmesh-airflow[cms]'"
        print(f"cms: the Python package {error.name!r} is missing: {need}", file=sys.stderr)
        return NotSupported.exit_code
    except BrokenPipeError:
        # The reader (head, less) has seen enough; Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except OSError as error:
        print(f"cms: {error}", file=sys.stderr)
        return 1
    return 0


def _dispatch(words: list[str]) -> None:
    word, *rest = words
    if word in ("help", "-h", "--help"):
        _help(rest)
    elif word in ("version", "--version"):
        _version(rest)
    elif word in commands.OWN:
        commands.run(word, rest)
    else:
        from cloudmesh_engine import upstream

        upstream.run(word, rest)


def _shell() -> int:
    from cloudmesh_engine import interactive
    from cloudmesh_engine.completion import Completer

    return interactive.run(run, Completer(lambda: [*_words(), "quit"], _manual))


def _help(rest: list[str]) -> None:
    if rest:
        print(_manual(rest[0]), end="")
        return
    from cmd import Cmd

    print(_HELP, end="")
    Cmd(stdout=sys.stdout).columnize([f"  {word}" for word in _words()], 80)


def _words() -> list[str]:
    from cloudmesh_engine import catalog

    return sorted({*catalog.commands(), *commands.OWN, *_OWN})


def _manual(word: str) -> str:
    if word in commands.OWN:
        return commands.manual(word)
    if word in _OWN:
        return _OWN[word]
    from cloudmesh_engine import catalog

    return catalog.find(word).manual()


def _version(rest: list[str]) -> None:
    from importlib.metadata import distributions

    from cloudmesh_engine.output import render
    from cloudmesh_engine.usage import HelpShown, parse

    try:
        kind = parse(_VERSION, rest)["--output"]
    except HelpShown as manual:
        print(manual)
        return
    names = ((dist.name, dist.version) for dist in distributions())
    packages = sorted({pair for pair in names if pair[0].startswith("cloudmesh-")})
    records = [{"name": name, "version": version} for name, version in packages]
    print(render(records, kind), end="")
