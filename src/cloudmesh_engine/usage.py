"""Matches a command line with upstream's docopt text."""

import contextlib
import io
import textwrap
from typing import Any

from docopt import DocoptExit, docopt

from cloudmesh_engine.errors import UsageError


class HelpShown(Exception):
    """The user asked for the manual; here it is."""


def parse(manual: str, argv: list[str]) -> dict[str, Any]:
    """Give docopt's arguments, or raise what the command line deserves."""
    text = textwrap.dedent(manual)
    shown = io.StringIO()
    try:
        with contextlib.redirect_stdout(shown):
            return dict(docopt(text, argv=argv, help=True))
    except DocoptExit as error:
        raise UsageError(f"wrong usage\n{textwrap.dedent(error.usage)}") from None
    except SystemExit:
        raise HelpShown(shown.getvalue().lstrip("\n").removeprefix("::").strip("\n")) from None
