"""Says how a line of cms's shell can go on, by reading the usage texts."""

import functools
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass

from cloudmesh_engine.errors import EngineError

_FORMATS = ("csv", "json", "table", "yaml")
_OPTION = re.compile(r"-[\w-]+=?")
_LITERAL = re.compile(r"[a-z][\w-]*")


@dataclass(frozen=True)
class Pattern:
    """One usage line."""

    words: tuple[str, ...]
    options: tuple[str, ...]
    arguments: bool

    def accepts(self, typed: list[str]) -> bool:
        """Say whether these words may begin this line."""
        return self.arguments or all(word in self.words for word in typed)

    def following(self, typed: list[str]) -> list[str]:
        """Give the words that may come next."""
        known = [self.words.index(word) for word in typed if word in self.words]
        return list(self.words[max(known, default=-1) + 1 :][:1])


class Completer:
    """Completes commands, their verbs and their options.

    :param commands: gives the words that can begin a line
    :param manual: gives the help text of one of them
    """

    def __init__(self, commands: Callable[[], list[str]], manual: Callable[[str], str]) -> None:
        self._commands = functools.cache(commands)
        self._patterns = functools.cache(lambda word: patterns(manual(word)))

    def candidates(self, before: str, text: str) -> list[str]:
        """Give what `text` can become after the words before it."""
        try:
            words = shlex.split(before)
        except ValueError:
            return []
        if words[:1] == ["cms"]:
            del words[0]
        if not words or words == ["help"]:
            found = self._commands()
        else:
            found = self._of_command(words, text)
        return sorted({word for word in found if word.startswith(text)})

    def _of_command(self, words: list[str], text: str) -> list[str]:
        if text.startswith("--output="):
            return [f"--output={name}" for name in _FORMATS]
        if words[0] not in self._commands():
            return []
        try:
            known = self._patterns(words[0])
        except EngineError:
            return []
        typed = [word for word in words[1:] if not word.startswith("-")]
        fitting = [pattern for pattern in known if pattern.accepts(typed)]
        # A line that names the words itself says more than one that takes any.
        exact = [pattern for pattern in fitting if set(typed[:1]) <= set(pattern.words)]
        return _next(exact or fitting, words, typed, text)


def _next(fitting: list[Pattern], words: list[str], typed: list[str], text: str) -> list[str]:
    given = {word.partition("=")[0] for word in words if word.startswith("-")}
    options = [option for pattern in fitting for option in pattern.options]
    options = [option for option in options if option.rstrip("=") not in given]
    if text.startswith("-"):
        return options
    following = [word for pattern in fitting for word in pattern.following(typed)]
    return following or (options if not text else [])


def patterns(manual: str) -> list[Pattern]:
    """Take the usage lines out of a help text."""
    found = re.search(r"^\s*usage:[ \t]*\n?(.*?)(?:\n\s*\n|\Z)", manual, re.S | re.M | re.I)
    lines = found[1].split("\n") if found else []
    command = lines[0].split()[0] if lines and lines[0].split() else ""
    joined: list[str] = []
    for line in lines:
        if line.split()[:1] == [command]:
            joined += _alternatives(line.split(None, 1)[1] if len(line.split()) > 1 else "")
        elif joined:
            joined[-1] += " " + line
    return [_pattern(line) for line in joined]


def _alternatives(line: str) -> list[str]:
    """Write `gen (ssh | pem)` as the two lines that it stands for."""
    choice = re.search(r"\(([^()]*\|[^()]*)\)", line)
    if not choice:
        return [line]
    return [line.replace(choice[0], one) for one in choice[1].split("|")]


def _pattern(line: str) -> Pattern:
    tokens = re.sub(r"[][()|]|\.\.\.", " ", line).split()
    options = [_OPTION.match(token) for token in tokens]
    words = [token for token in tokens if _LITERAL.fullmatch(token)]
    arguments = [token for token in tokens if token[0].isupper()]
    return Pattern(tuple(words), tuple(option[0] for option in options if option), bool(arguments))
