"""What one command knows: its configuration, its output, and what went wrong so far."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cloudmesh_engine import causes
from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import ActionFailed, EngineError
from cloudmesh_engine.output import Output


@dataclass
class Session:
    """One run of one upstream command.

    Upstream catches most exceptions, prints something and goes on, so failures are noted where
    they happen and raised at the end.
    """

    word: str
    settings: Settings
    output: Output
    complaints: list[str] = field(default_factory=list)
    failure: EngineError | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def fail(self, error: EngineError) -> EngineError:
        """Remember a failure that upstream may swallow; the first one counts."""
        self.failure = self.failure or error
        return error

    def complain(self, message: object) -> None:
        """Note what upstream reports as an error, with the exception that it hides."""
        text = " ".join(str(message).split()) or "failed"
        cause = sys.exception()
        if cause is not None:
            error = causes.explain(self.word, cause, self.settings)
            if error.exit_code != ActionFailed.exit_code:
                self.fail(error)
            text = text if str(cause) in text else f"{text}: {type(cause).__name__}: {cause}"
        if text not in self.complaints:
            self.complaints.append(text)

    def say(self, message: object) -> None:
        """Show a remark of upstream's: for people, so on stderr."""
        print(self.settings.redact(str(message)), file=sys.stderr)

    def raise_failure(self) -> None:
        """Raise what was noted, if anything."""
        if self.failure:
            raise self.failure
        if self.complaints:
            raise ActionFailed("; ".join(self.complaints))
