"""Finds the cms commands by reading their source: nothing is imported.

Upstream imports every plugin to list them, so one with a missing cloud SDK breaks `cms help`.
"""

import ast
import difflib
import re
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path

from cloudmesh_engine.errors import UsageError

_METHOD = re.compile(r"^    def do_(\w+)\(", re.M)


@dataclass(frozen=True)
class Command:
    """A command and the module that holds it."""

    word: str
    module: str
    source: Path

    def manual(self) -> str:
        """Give the help text, which is the docstring of the method."""
        tree = ast.parse(self.source.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name == f"do_{self.word}":
                text = ast.get_docstring(node) or ""
                return text.removeprefix("::").strip("\n") + "\n"
        return ""


def commands() -> dict[str, Command]:
    """List every command that is installed, by its word."""
    found: dict[str, Command] = {}
    for folder in _folders():
        for source in sorted(folder.glob("*/command/*.py")):
            package = source.parent.parent.name
            for word in _METHOD.findall(source.read_text(encoding="utf-8", errors="replace")):
                command = Command(word, f"cloudmesh.{package}.command.{source.stem}", source)
                found.setdefault(word, command)
    return found


def find(word: str) -> Command:
    """Look one command up."""
    known = commands()
    if word in known:
        return known[word]
    close = difflib.get_close_matches(word, known, n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(close)}?" if close else "cms help lists the commands"
    raise UsageError(f"{word}: no such command: {hint}")


def _folders() -> list[Path]:
    spec = PathFinder.find_spec("cloudmesh")
    return [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
