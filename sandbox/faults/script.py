"""The script of the fault proxy: which call gets which fault."""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

MAX_RULES = 1000
MAX_SECONDS = 300

# What each fault needs beside "action", "nth" and "times", and what it may have.
FAULTS: dict[str, tuple[set[str], set[str]]] = {
    "lose-reply": (set(), set()),
    "refuse": (set(), set()),
    "delay": ({"seconds"}, set()),
    "delay-reply": ({"seconds"}, set()),
    "hold": ({"when"}, set()),
    "repeat": (set(), set()),
    "error": ({"status", "code"}, {"message"}),
    "error-after": ({"status", "code"}, {"message"}),
    "throttle": (set(), set()),
    "kill": ({"when"}, {"pid", "pid_file"}),
    "hide": ({"seconds"}, set()),
}


class BadScript(ValueError):
    """The script cannot be used; the one in force stays."""


def _whole(value: Any, low: int, high: int) -> bool:
    # JSON's true is an int to Python.
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any, pattern: str) -> bool:
    return isinstance(value, str) and re.fullmatch(pattern, value) is not None


CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "action": (
        lambda v: _text(v, r"[A-Za-z]+|[A-Z]+ /\S*|\*"),
        'the name of an EC2 action, or as "GET /path", or "*"',
    ),
    "fault": (lambda v: isinstance(v, str) and v in FAULTS, f"one of {', '.join(FAULTS)}"),
    "nth": (lambda v: v == "every" or _whole(v, 1, 10**6), '1 or more, or "every"'),
    "times": (lambda v: _whole(v, 1, 10**6), "1 or more"),
    "seconds": (lambda v: _number(v) and 0 <= v <= MAX_SECONDS, f"from 0 to {MAX_SECONDS}"),
    "status": (lambda v: _whole(v, 400, 599), "from 400 to 599"),
    "code": (lambda v: _text(v, r"[\w.]+"), "an error code"),
    "message": (lambda v: isinstance(v, str), "text"),
    "when": (lambda v: v in ("before", "after"), '"before" or "after"'),
    # 0 and negative numbers mean whole groups of processes to kill(2), and 1 is init.
    "pid": (lambda v: _whole(v, 2, 2**31), "a process id above 1"),
    "pid_file": (lambda v: isinstance(v, str) and v.startswith("/"), "an absolute path"),
}


@dataclass
class Rule:
    """One fault and the calls it is for: `times` calls of `action` from the nth on."""

    given: dict[str, Any]
    seen: int = field(default=0)
    replaced: threading.Event = field(default_factory=threading.Event)

    @property
    def fault(self) -> str:
        """What to do to the call."""
        return str(self.given["fault"])

    def counts(self, action: str) -> bool:
        """Count the call if it matches, and say whether it is one of those meant."""
        if self.given["action"] not in ("*", action):
            return False
        self.seen += 1
        first = self.given.get("nth", 1)
        times = self.given.get("times", None if first == "every" else 1)
        first = 1 if first == "every" else first
        return first <= self.seen and (times is None or self.seen < first + times)


def _rule(number: int, given: Any) -> Rule:
    where = f"rule {number}"
    if not isinstance(given, dict):
        raise BadScript(f"{where}: {given!r:.80} is no object")
    if missing := {"action", "fault"} - set(given):
        raise BadScript(f"{where}: {', '.join(sorted(missing))} missing")
    for key, value in given.items():
        if key not in CHECKS:
            raise BadScript(f"{where}: there is no {key!r:.80}")
        good, wanted = CHECKS[key]
        if not good(value):
            raise BadScript(f"{where}: {key} is {value!r:.80}, must be {wanted}")
    fault = given["fault"]
    needs, may = FAULTS[fault]
    own = set(given) - {"action", "fault", "nth", "times"}
    if missing := needs - own:
        raise BadScript(f"{where}: {fault} needs {', '.join(sorted(missing))}")
    if extra := own - needs - may:
        raise BadScript(f"{where}: {fault} knows no {', '.join(sorted(extra))}")
    if fault == "kill" and len(own & {"pid", "pid_file"}) != 1:
        raise BadScript(f"{where}: kill needs either pid or pid_file")
    if fault == "hide" and given["action"] not in ("RunInstances", "*"):
        raise BadScript(f"{where}: hide is for RunInstances")
    return Rule(given)


class Script:
    """The rules in force, and how many calls each has seen."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []

    def replace(self, given: Any) -> int:
        """Put these rules in force, all counts at zero, or change nothing; return how many."""
        if not isinstance(given, list):
            raise BadScript("a script is a list of rules")
        if len(given) > MAX_RULES:
            raise BadScript(f"{len(given)} rules; at most {MAX_RULES}")
        rules = [_rule(number, one) for number, one in enumerate(given, 1)]
        with self._lock:
            old, self._rules = self._rules, rules
        for rule in old:
            rule.replaced.set()
        return len(rules)

    def given(self) -> list[dict[str, Any]]:
        """Return the rules as they were given."""
        with self._lock:
            return [rule.given for rule in self._rules]

    def due(self, action: str) -> list[Rule]:
        """Count a call and return its rules: every hide, and the first of the others."""
        with self._lock:
            due = [rule for rule in self._rules if rule.counts(action)]
        # Hiding goes together with another fault: a lost reply is worst while nobody sees the VM.
        others = [rule for rule in due if rule.fault != "hide"]
        return [rule for rule in due if rule.fault == "hide"] + others[:1]
