"""Runs one of upstream's commands, shimmed and watched, and raises what really happened."""

import importlib
import os
import sys
import traceback
from typing import Any

from cloudmesh_engine import catalog, causes, config, guards, home, mending, shims  # noqa: F401 - shims register themselves
from cloudmesh_engine.entry import context, finder
from cloudmesh_engine.errors import ActionFailed, EngineError
from cloudmesh_engine.output import replaced_stdout
from cloudmesh_engine.session import Session
from cloudmesh_engine.usage import HelpShown


def run(word: str, argv: list[str]) -> None:
    """Run the command; return only if it is done."""
    if word in guards.BLOCKED:
        raise guards.BLOCKED[word]
    command = catalog.find(word)
    settings = config.load()
    with home.private_home(settings), replaced_stdout(settings.redact) as output:
        session = Session(word, settings, output)
        mending.install(session)
        finder.install()
        context.on_failure(session.fail)
        try:
            _call(command, argv)
            session.raise_failure()
        except HelpShown as manual:
            output.open({}, [])
            print(manual)
        except BrokenPipeError:
            raise
        except (Exception, SystemExit) as error:
            _debug(session, error)
            raise _redacted(session, error) from error
        output.finish()


def _call(command: catalog.Command, argv: list[str]) -> None:
    module = importlib.import_module(command.module)
    method = f"do_{command.word}"
    for value in vars(module).values():
        own = isinstance(value, type) and value.__module__ == module.__name__
        if own and method in vars(value):
            plugin: Any = value()
            getattr(plugin, method)(argv)
            return
    raise ActionFailed(f"{command.word}: {command.source} holds no class with {method}")


def _redacted(session: Session, error: BaseException) -> EngineError:
    # What upstream swallowed earlier is nearer to the cause than where it gave up.
    failure = session.failure or causes.explain(session.word, error, session.settings)
    if not session.failure and not isinstance(error, EngineError) and session.complaints:
        told = "; ".join(session.complaints)
        failure = type(failure)(f"{session.word}: {told}")
    return type(failure)(session.settings.redact(str(failure)))


def _debug(session: Session, error: BaseException) -> None:
    if os.environ.get("CLOUDMESH_DEBUG") == "1":
        text = "".join(traceback.format_exception(error))
        print(session.settings.redact(text), file=sys.stderr, end="")
