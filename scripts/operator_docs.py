"""Writes docs/operators.md from the operators' own docstrings and signatures.

.run/venvs/dev/bin/python scripts/operator_docs.py
"""

import inspect
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/operators.md"

INTRODUCTION = """\
# Operators

<!-- Made by scripts/operator_docs.py from the code; a test compares them. -->

What a DAG can use of Cloudmesh. Each runs one `cms` command in the worker; see
[virtual machines](vm.md) and [files](storage.md) for what the commands do and
[write a DAG](dags.md) for the rest.

All of them may be retried, cleared and repeated: what is done already is left as it is. A task
fails at once where trying again would not help (wrong usage, not supported, refused), and is tried
again as its `retries` say where it may; while MongoDB or a cloud does not answer, each pause is
twice as long as the one before, from 15 s to 10 minutes.
"""

# One for each, run by a test.
EXAMPLES = {
    "CloudmeshVmBootOperator": 'CloudmeshVmBootOperator(task_id="boot", n=3, lifetime=7200)',
    "CloudmeshVmStartOperator": 'CloudmeshVmStartOperator(task_id="start", names="web[1-3]")',
    "CloudmeshVmStopOperator": 'CloudmeshVmStopOperator(task_id="stop", names=boot.output)',
    "CloudmeshVmDeleteOperator": (
        'CloudmeshVmDeleteOperator(task_id="delete", names="{{ params.names }}", cloud="aws")'
    ),
    "CloudmeshVmListOperator": 'CloudmeshVmListOperator(task_id="list", refresh=True)',
    "CloudmeshVmStateSensor": (
        'CloudmeshVmStateSensor(task_id="wait", names="web", state="stopped", timeout=600)'
    ),
    "CloudmeshSshOperator": (
        'CloudmeshSshOperator(task_id="load", names=boot.output, command="uptime")'
    ),
    "CloudmeshCommandOperator": (
        'CloudmeshCommandOperator(task_id="keys", command=["key", "list", "--output=json"], '
        "parse_json=True)"
    ),
    "CloudmeshTransferOperator": (
        'CloudmeshTransferOperator(task_id="move", source="aws:runs", target="azure:runs")'
    ),
    "CloudmeshListFilesOperator": (
        'CloudmeshListFilesOperator(task_id="look", source="aws:runs/**/*.csv")'
    ),
    "CloudmeshFileSensor": (
        'CloudmeshFileSensor(task_id="arrived", source="aws:in/*.csv", poke_interval=60)'
    ),
    "@task.cms": (
        "@task.cms(parse_json=True)\n"
        "def look(params: dict) -> list[str]:\n"
        '    return ["vm", "status", params["name"], "--output=json"]'
    ),
    "asset": 'process = DAG("process", schedule=asset("azure:runs"))',
    "vm": (
        'with vm("web", n=2, lifetime=3600) as machines:\n'
        '    CloudmeshSshOperator(task_id="work", names=machines, command="hostname")'
    ),
}
_PARAM = re.compile(r":param (\w+): (.*?)(?=:param|\Z)", re.DOTALL)
# Airflow's own, which a sensor has besides.
_SENSOR = {
    "timeout": "seconds to wait in all; then the task fails, or is skipped with `soft_fail`",
    "poke_interval": "seconds between two questions to the cloud",
}


def operators() -> list[type]:
    """Give the operators and the sensor, in the order of the page."""
    from cloudmesh_airflow.operators import cloudmesh, files, ssh, vm
    from cloudmesh_airflow.sensors import files as file_sensors
    from cloudmesh_airflow.sensors import vm as vm_sensors

    found = {
        name: thing
        for module in (cloudmesh, vm, ssh, vm_sensors, files, file_sensors)
        for name, thing in vars(module).items()
        if isinstance(thing, type) and thing.__module__ == module.__name__
    }
    return [found[name] for name in EXAMPLES if name in found]


def documented(thing: Any) -> tuple[str, dict[str, str]]:
    """Split a docstring into what it says and what it says of each parameter."""
    text = inspect.getdoc(thing) or ""
    told, _, _ = text.partition(":param")
    return told.strip(), {name: _flow(what) for name, what in _PARAM.findall(text)}


def parameters(cls: type) -> dict[str, tuple[Any, str]]:
    """Give the default and the meaning of every parameter of ours, a class's own first."""
    found: dict[str, tuple[Any, str]] = {}
    ours = [base for base in cls.__mro__ if base.__module__.startswith("cloudmesh_airflow")]
    told = {name: what for base in reversed(ours) for name, what in documented(base)[1].items()}
    for base in ours:
        if "__init__" in vars(base):
            for name, one in inspect.signature(base.__init__).parameters.items():
                if name != "self" and one.kind is one.KEYWORD_ONLY and name not in found:
                    found[name] = (one.default, told.get(name, ""))
    return found


def section(cls: type) -> str:
    """Describe one operator."""
    told, _ = documented(cls)
    rows = [
        f"| `{name}` | {_default(default, what)} | {what}{_templated(cls, name)} |"
        for name, (default, what) in parameters(cls).items()
    ]
    if "timeout" not in parameters(cls) and cls.__name__.endswith("Sensor"):
        rows += [f"| `{name}` | Airflow's | {what} |" for name, what in _SENSOR.items()]
    return "\n".join(
        [
            f"## {cls.__name__}",
            "",
            f"`from {cls.__module__} import {cls.__name__}`",
            "",
            *_paragraphs(told),
            "```python",
            EXAMPLES[cls.__name__],
            "```",
            "",
            "| parameter | default | |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def function_section(title: str, module: str, thing: Any, name: str) -> str:
    """Describe a decorator or a context manager."""
    told, given = documented(thing)
    rows = [
        f"* `{one}`: {what}" for one, what in given.items() if not one.startswith(("op_", "py"))
    ]
    head = [f"## {title}", ""] + ([f"`from {module} import {name}`", ""] if module else [])
    example = ["```python", EXAMPLES[name], "```", ""]
    return "\n".join([*head, *_paragraphs(told), *example, *rows, *([""] if rows else [])])


def page() -> str:
    """Give the whole page."""
    from cloudmesh_airflow import assets, lifespan
    from cloudmesh_airflow.decorators.cms import CmsDecoratedOperator

    parts = [INTRODUCTION, *map(section, operators())]
    parts.append(function_section("@task.cms", "", CmsDecoratedOperator, "@task.cms"))
    parts.append(function_section("vm", "cloudmesh_airflow.lifespan", lifespan.vm, "vm"))
    parts.append(function_section("asset", "cloudmesh_airflow.assets", assets.asset, "asset"))
    return "\n".join(parts)


def _paragraphs(text: str) -> list[str]:
    return [line for part in text.split("\n\n") for line in (_flow(part), "")]


def _flow(text: str) -> str:
    return " ".join(text.split())


def _default(value: Any, what: str) -> str:
    if "Airflow's `[" in what:
        return "Airflow's"
    if value is inspect.Parameter.empty:
        return "must be given"
    return "" if value in ("", None) else f"`{value!r}`"


def _templated(cls: Any, name: str) -> str:
    return " (templated)" if name in cls.template_fields else ""


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "src"))
    PAGE.write_text(page(), encoding="utf-8")
