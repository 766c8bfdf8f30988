"""The expressions of `filter` that clients here use: `field = "value"`, joined by AND or OR."""

import re
from collections.abc import Callable
from typing import Any

from answers import Refusal

Document = dict[str, Any]

_TERM = re.compile(r'\(?\s*([A-Za-z][\w.-]*)\s*(=|!=)\s*(?:"([^"]*)"|([\w.-]+))\s*\)?')


def parse(text: str) -> Callable[[Document], bool]:
    """Read an expression."""
    if not text:
        return lambda _: True
    words = re.split(r"\s+(AND|OR)\s+", text.strip())
    joins = set(words[1::2])
    terms = [_TERM.fullmatch(word) for word in words[::2]]
    # Which of both binds closer only parentheses may say, and those of Google are not read here.
    if len(joins) > 1 or not all(terms) or text.count("(") != text.count(")"):
        raise Refusal(400, "invalid", f"Invalid value for field 'filter': '{text}'.")
    judges = [_judge(*term.groups()) for term in terms if term]
    join = any if "OR" in joins else all
    return lambda thing: join(judge(thing) for judge in judges)


def _judge(
    field: str, operator: str, quoted: str | None, bare: str | None
) -> Callable[[Document], bool]:
    wanted = bare if quoted is None else quoted

    def judge(thing: Document) -> bool:
        value: Any = thing
        head, _, rest = field.partition(".")
        for part in [head, rest] if rest else [head]:
            value = value.get(part) if isinstance(value, dict) else None
        return (value is not None and str(value) == wanted) == (operator == "=")

    return judge
