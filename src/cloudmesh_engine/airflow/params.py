"""Reads parameters as the DAG's own schema wants them; Airflow then judges the values."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from cloudmesh_engine.errors import UsageError


def described(params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Describe the parameters of a DAG."""
    return [
        {
            "name": name,
            "type": " or ".join(_types(param)),
            "default": param.get("value"),
            "description": param.get("description") or _schema(param).get("title") or "",
        }
        for name, param in params.items()
    ]


def conf(dag: str, params: Mapping[str, Any], pairs: Iterable[str], text: str) -> dict[str, Any]:
    """Make a run's configuration from `name=value` pairs and a JSON object."""
    result = _object(text) if text else {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"--param={pair}: give NAME=VALUE")
        if name not in params:
            known = f"it has {', '.join(params)}" if params else "it has none"
            raise UsageError(f"{dag} has no parameter {name!r}: {known}; --conf takes anything")
        result[name] = typed(params[name], value)
    return result


def typed(param: Mapping[str, Any], text: str) -> Any:
    """Read a text as one of the types that a parameter allows.

    What is none of them stays text, so that Airflow says what is wrong with it.
    """
    types, choices = _types(param), _schema(param).get("enum") or ()
    if "string" in types or text in choices:
        return text
    if not text and "null" in types:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UsageError(f"--conf: not JSON: {error}") from None
    if not isinstance(found, dict):
        raise UsageError("--conf: give a JSON object")
    return found


def _types(param: Mapping[str, Any]) -> list[str]:
    given = _schema(param).get("type") or []
    return [given] if isinstance(given, str) else list(given)


def _schema(param: Mapping[str, Any]) -> Mapping[str, Any]:
    found = param.get("schema")
    return found if isinstance(found, Mapping) else {}
