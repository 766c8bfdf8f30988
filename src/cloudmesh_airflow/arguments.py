"""Builds the words after `cms`, and the names of VMs that nobody named."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cloudmesh_airflow.failures import BadArgument

_NUMBERS = re.compile(r"([0-9]+)(?:-([0-9]+))?")
# As many as `cms` takes.
_MOST_NAMES = 100_000
_OPTION = re.compile(r"[a-z][a-z-]*")
_PLACE = re.compile(r"([A-Za-z0-9_][^:\0]*):([^\0]*)")


def names_of(value: Any) -> list[str]:
    """Give the names in what names VMs: a text as `web[1-3],db`, a list, or records of `cms`."""
    if isinstance(value, str):
        words = re.split(r",(?![^\[]*\])", value)
        return [name for word in words if word.strip() for name in _expanded(word.strip())]
    if isinstance(value, Mapping):
        return [str(value["name"])]
    if isinstance(value, Iterable):
        return list(dict.fromkeys(name for one in value for name in names_of(one)))
    raise BadArgument(f"names: {value!r}: give names, a list of names, or records of cms")


def _expanded(word: str) -> list[str]:
    """Expand `web[1-3,7]` as `cms` does, or refuse it: who counts names must not miss one."""
    head, opened, rest = word.partition("[")
    inside, closed, tail = rest.partition("]")
    if not opened and "]" not in head:
        return [word]
    if not closed or "]" in head:
        raise BadArgument(f"names: {word!r}: a bracket lacks its other half")
    numbers = [number for part in inside.split(",") for number in _numbers(part, word)]
    ends = _expanded(tail)
    if len(numbers) * len(ends) > _MOST_NAMES:
        raise BadArgument(f"names: {word!r}: these are more than {_MOST_NAMES} VMs")
    return [f"{head}{number}{end}" for number in numbers for end in ends]


def _numbers(text: str, word: str) -> list[str]:
    """Expand `7` or `01-03`; the zeros of the first number stay."""
    found = _NUMBERS.fullmatch(text)
    if not found:
        raise BadArgument(f"names: {word!r}: write numbers in brackets, as web[1-3,7]")
    first, last = found[1], found[2] or found[1]
    if not 0 <= int(last) - int(first) <= _MOST_NAMES:
        raise BadArgument(f"names: {word!r}: {text} is no range of up to {_MOST_NAMES} numbers")
    return [str(number).zfill(len(first)) for number in range(int(first), int(last) + 1)]


def some_names(value: Any) -> list[str]:
    """Give the names, of which there must be one."""
    names = names_of(value or [])
    if not names:
        raise BadArgument("names: none was given: name the VMs, none is ever guessed")
    return names


def default_name(dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> str:
    """Derive a VM's name from a task instance: a retried or cleared task has the same again."""
    identity = "\n".join((dag_id, run_id, task_id, str(map_index)))
    digest = hashlib.sha256(identity.encode()).hexdigest()[:10]
    words = (re.sub(r"[^a-z0-9]+", "-", word.lower()).strip("-") for word in (dag_id, task_id))
    return "-".join([*(word[:24].strip("-") or "x" for word in words), digest])


def numbered(name: str, count: int) -> list[str]:
    """Give as many names as there are VMs: web, or web-0, web-1 and so on."""
    if count < 1:
        raise BadArgument(f"n: {count}: give 1 or more")
    return [name] if count == 1 else [f"{name}-{number}" for number in range(count)]


def vm(verb: str, names: Iterable[str] = (), **options: Any) -> list[str]:
    """Build `cms vm VERB NAMES --option=value`, without options that are None, empty or False."""
    given = {"output": "json", **options}
    return ["vm", verb, *([",".join(names)] if names else []), *_options(given)]


def transfer(source: str, target: str, **options: Any) -> list[str]:
    """Build `cms transfer SOURCE TARGET --option=value`; a list repeats its option."""
    for text in (source, target):
        place(text)
    return ["transfer", source, target, *_options({"output": "json", **options})]


def listing(source: str, recursive: bool) -> list[str]:
    """Build `cms storage list` for `SERVICE:PATH`."""
    service, path = place(source)
    options = _options({"recursive": recursive, "output": "json"})
    return ["storage", f"--storage={service}", "list", *_path(path), *options]


def sizes(services: str, path: str) -> list[str]:
    """Build `cms storage size` for stores and each folder in them."""
    return ["storage", f"--storage={services}", "size", *_path(path), "--folders", "--output=json"]


def place(text: Any) -> tuple[str, str]:
    """Take `SERVICE:PATH` apart."""
    found = _PLACE.fullmatch(text) if isinstance(text, str) else None
    if not found:
        raise BadArgument(f"{text!r}: write SERVICE:PATH, as aws:folder/file or local:folder/")
    return found[1], found[2]


def _path(path: str) -> list[str]:
    # With a dash first it would be taken for an option.
    return [f"./{path}" if path.startswith("-") else path] if path else []


def flag(name: str, value: Any) -> bool:
    """Read a yes or no, which a template gives as text."""
    text = str(value or False).strip().lower()
    if text not in ("true", "false"):
        raise BadArgument(f"{name}: {value!r}: give true or false")
    return text == "true"


def several(value: Any) -> list[str]:
    """Give a text or a list of texts as a list, without the empty ones."""
    return [text for text in ([value] if isinstance(value, str) else value or []) if text]


def _options(given: Mapping[str, Any]) -> Iterable[str]:
    for name, value in given.items():
        word = name.replace("_", "-")
        if not _OPTION.fullmatch(word):
            raise BadArgument(f"option {name!r}: not an option of cms: use letters and '-'")
        if value is True:
            yield f"--{word}"
        elif isinstance(value, list):
            yield from (f"--{word}={one}" for one in value)
        elif value is not False and value not in (None, ""):
            yield f"--{word}={value}"


def deadline(moment: str, lifetime: timedelta | float | None) -> str:
    """Give the deadline of a VM as ISO 8601: a moment, or so long (seconds) from now."""
    if moment and lifetime:
        raise BadArgument("deadline and lifetime: give one of them")
    if moment:
        try:
            parsed = datetime.fromisoformat(moment)
        except ValueError:
            raise BadArgument(
                f"deadline: {moment!r}: give ISO 8601, as 2027-01-31T18:00Z"
            ) from None
        return parsed.replace(tzinfo=parsed.tzinfo or UTC).isoformat(timespec="seconds")
    if not lifetime:
        return ""
    span = lifetime if isinstance(lifetime, timedelta) else timedelta(seconds=lifetime)
    return (datetime.now(UTC) + span).isoformat(timespec="seconds")


def count(value: Any, name: str = "n") -> int:
    """Read a number of things, which a template gives as text."""
    if not str(value).isdecimal():
        raise BadArgument(f"{name}: {value!r}: give a whole number")
    return int(value)


def run_of(dag_id: str, run_id: str) -> str:
    """Give what the tag `cm-run` says of a VM: which run of which DAG booted it."""
    return f"{dag_id}/{run_id}"
