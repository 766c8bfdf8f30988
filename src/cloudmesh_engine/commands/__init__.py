"""The commands that are ours and not upstream's."""

import importlib
import os
import signal
import sys
import traceback

OWN = {
    "airflow": "cloudmesh_engine.commands.airflow",
    "fleet": "cloudmesh_engine.commands.fleet",
    "init": "cloudmesh_engine.commands.init",
    "set": "cloudmesh_engine.commands.var",
    "storage": "cloudmesh_engine.commands.storage",
    "transfer": "cloudmesh_engine.commands.transfer",
    "var": "cloudmesh_engine.commands.var",
    "vm": "cloudmesh_engine.commands.vm",
}


def manual(word: str) -> str:
    """Give the help text of a command."""
    text = str(importlib.import_module(f"{OWN[word]}_manual").MANUAL)
    return text.replace("{word}", word)


def run(word: str, argv: list[str]) -> None:
    """Run the command; return only if it is done."""
    # Here and not above, because `cms help` needs only the names.
    from cloudmesh_engine import causes, config, variables
    from cloudmesh_engine.usage import HelpShown, parse

    try:
        arguments = parse(manual(word), argv)
    except HelpShown as shown:
        print(shown)
        return
    settings = config.load()
    os.umask(0o077)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        # Every command can be repeated after any interruption, so there is nothing to tidy up.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        importlib.import_module(OWN[word]).run(variables.applied(settings), arguments)
    except BrokenPipeError:
        raise
    except Exception as error:
        if os.environ.get("CLOUDMESH_DEBUG") == "1":
            text = "".join(traceback.format_exception(error))
            print(settings.redact(text), file=sys.stderr, end="")
        failure = causes.explain(word, error, settings)
        raise type(failure)(settings.redact(str(failure))) from error
