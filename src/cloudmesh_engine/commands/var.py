"""`cms var` and `cms set`: the variables of a person's shell."""

import re
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from cloudmesh_engine import clouds, config, variables
from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import ActionFailed, ConfigError, Refused, UsageError
from cloudmesh_engine.output import render

_NAME = re.compile(r"[A-Za-z_][\w.-]*")
_SWITCHES = ("debug", "dryrun", "timer", "trace")
_YES, _NO = ("1", "on", "t", "true"), ("0", "off", "f", "false")
_MOMENTS = {"date": "%Y-%m-%d", "time": "%H:%M:%S", "now": "%Y-%m-%d %H:%M:%S"}


def run(settings: Settings, arguments: Mapping[str, Any]) -> None:
    """Run one `cms var` or `cms set` command."""
    assignment = arguments["NAME=VALUE"]
    if arguments["clear"]:
        with variables.changing() as values:
            values.clear()
    elif arguments["delete"]:
        _delete(str(arguments["NAME"]))
    elif arguments["base"]:
        print(f"cloudmesh.yaml: {settings.path}")
        print(f"variables: {variables.folder() or 'not kept here'}")
    elif not assignment:
        _list(settings, arguments["--output"])
    elif "=" in assignment:
        _set(settings, *assignment.split("=", 1))
    else:
        _show(settings, assignment, _lookup(settings, assignment))


def _list(settings: Settings, kind: str | None) -> None:
    values = variables.effective(settings)
    if kind:
        records = [{"name": name, "value": value} for name, value in sorted(values.items())]
        sys.stdout.write(settings.redact(render(records, kind, ["name", "value"])))
        return
    for name, value in sorted(values.items()):
        _show(settings, name, value)


def _show(settings: Settings, name: str, value: str) -> None:
    print(settings.redact(f"{name}='{value}'"))


def _delete(name: str) -> None:
    with variables.changing() as values:
        if values.pop(name, None) is None:
            raise ActionFailed(f"no variable {name!r} was set: cms var list shows all")


def _set(settings: Settings, name: str, text: str) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name of a variable: use letters, digits, '_', '-', '.'")
    value = _value(settings, name, text)
    with variables.changing() as values:
        values[name] = value
    _show(settings, name, value)


def _value(settings: Settings, name: str, text: str) -> str:
    if text.startswith(("!", "py ")):
        raise Refused(f"{name}: {text.split(' ')[0]} would run code: give a plain value")
    if name in _SWITCHES:
        return _switch(name, text)
    value = _resolved(settings, text)
    if not value.isprintable():
        raise UsageError(f"{name}: the value is not one line of text")
    if name == "cloud":
        clouds.section(settings, value)
    return value


def _switch(name: str, text: str) -> str:
    if text.lower() not in _YES + _NO:
        raise UsageError(f"{name}={text}: give True or False")
    return str(text.lower() in _YES)


def _resolved(settings: Settings, text: str) -> str:
    if text in _MOMENTS:
        return datetime.now().astimezone().strftime(_MOMENTS[text])
    others: Mapping[str, Callable[[Settings, str], str]] = {
        "cloudmesh.": _setting,
        "value.": _lookup,
        "val.": _lookup,
        "$": _lookup,
    }
    for prefix, find in others.items():
        if text.startswith(prefix):
            return find(settings, text.removeprefix(prefix))
    return text


def _lookup(settings: Settings, name: str) -> str:
    values = variables.effective(settings)
    if name not in values:
        raise ActionFailed(f"no variable {name!r}: cms var list shows all")
    return values[name]


def _setting(settings: Settings, dotted: str) -> str:
    try:
        value = settings.get(dotted)
    except ConfigError:
        raise ActionFailed(f"cloudmesh.{dotted}: no such setting in {settings.path}") from None
    if isinstance(value, dict | list):
        raise UsageError(f"cloudmesh.{dotted} holds more than one value: name one of them")
    if config.masked(value, dotted.rpartition(".")[2]) != value:
        raise Refused(f"cloudmesh.{dotted} is a secret: a variable would show it")
    return str(value)
