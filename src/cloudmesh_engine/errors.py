"""What can go wrong in a `cms` command, and the exit code each failure carries.

    EngineError            1
    ├── ActionFailed       1  the action was tried and failed
    ├── UsageError         2  the command line is wrong
    │   └── ConfigError    2  cloudmesh.yaml (or a secret it names) is wrong
    ├── NotSupported       3  nobody can do this here
    ├── DependencyDown     4  MongoDB or a cloud does not answer
    │   └── NotLetIn       4  a cloud does not let us in: it is certain that nothing happened
    └── Refused            5  it could be done, but would do harm

Exit code 0 means that it happened. A configuration problem counts as usage: the user has to
change something before the same command can work.
"""


class EngineError(Exception):
    """Base of every failure that `cms` reports in one line."""

    exit_code = 1


class ActionFailed(EngineError):
    """The action was tried and failed."""


class UsageError(EngineError):
    """The command line is wrong."""

    exit_code = 2


class ConfigError(UsageError):
    """The configuration, or a secret file that it names, is wrong."""


class NotSupported(EngineError):
    """The command exists but does nothing here."""

    exit_code = 3


class DependencyDown(EngineError):
    """MongoDB or a cloud does not answer, or does not let us in."""

    exit_code = 4


class NotLetIn(DependencyDown):
    """A cloud answered the only call that it got by not letting us in."""


class Refused(EngineError):
    """It could be done, but would do harm."""

    exit_code = 5


def raise_worst(errors: list[EngineError], between: str = "; ") -> None:
    """Raise all errors as one, with the highest exit code, if there are any."""
    if errors:
        worst = max(errors, key=lambda error: error.exit_code)
        raise type(worst)(between.join(dict.fromkeys(map(str, errors)))) from worst
