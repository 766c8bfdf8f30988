"""The OpenAPI document of the API, and a page of it that needs no script."""

from collections.abc import Iterable
from html import escape
from typing import Any

from fastapi import FastAPI

from cloudmesh_airflow.api.problems import Problem


def document(app: FastAPI, root: str) -> dict[str, Any]:
    """Describe the API; every failure is a problem document.

    :param root: where the app is mounted
    """
    described = app.openapi()
    schemas = {**described["components"]["schemas"], "Problem": Problem.model_json_schema()}
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components = {**described["components"], "schemas": schemas}
    return {**described, "components": components, "servers": [{"url": root or "/"}]}


def page(described: dict[str, Any]) -> str:
    """Show a document as HTML."""
    info = described["info"]
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(info['title'])}</title>",
            '<link rel="stylesheet" href="../../ui/style.css"></head><body><main class="manual">',
            f"<h1>{escape(info['title'])}</h1><p>{escape(info['description'])}</p>",
            '<p><a href="openapi.json">openapi.json</a></p>',
            *_operations(described),
            "</main></body></html>",
        ]
    )


def _operations(described: dict[str, Any]) -> Iterable[str]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield f"<section><h2><code>{method.upper()} {escape(path)}</code></h2>"
            yield f"<p>{escape(operation.get('description') or operation['summary'])}</p>"
            yield from _fields("Parameters", _parameters(operation))
            yield from _fields("Body", _body(described, operation))
            yield f"<p>Answers: {', '.join(sorted(operation['responses']))}</p></section>"


def _parameters(operation: dict[str, Any]) -> Iterable[tuple[str, str]]:
    for given in operation.get("parameters", ()):
        yield f"{given['name']} ({given['in']})", given.get("description", "")


def _body(described: dict[str, Any], operation: dict[str, Any]) -> Iterable[tuple[str, str]]:
    for content in operation.get("requestBody", {}).get("content", {}).values():
        name = content["schema"]["$ref"].rpartition("/")[2]
        for key, field in described["components"]["schemas"][name]["properties"].items():
            yield key, field.get("description", "")


def _fields(title: str, fields: Iterable[tuple[str, str]]) -> Iterable[str]:
    rows = [f"<dt><code>{escape(name)}</code></dt><dd>{escape(text)}</dd>" for name, text in fields]
    if rows:
        yield f"<h3>{title}</h3><dl>{''.join(rows)}</dl>"
