"""What Airflow does about each exit code of `cms`.

CmsError
├── CmsFailed (1)          tried again as the task's `retries` say
├── CmsUsage (2)           the task fails at once
├── CmsNotSupported (3)    the task fails at once
├── CmsDependencyDown (4)  tried again, each time after a longer pause
├── CmsRefused (5)         the task fails at once
└── CmsTimedOut            tried again

NotInTime                  tried again
VmFailed                   tried again: a boot replaces what failed
BadArgument                the task fails at once
"""

from datetime import timedelta
from typing import Any

from airflow.sdk import RetryPolicy
from airflow.sdk.definitions.retry_policy import RetryDecision
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from cloudmesh_airflow.errors import CloudmeshAirflowError, CmsError, CmsTimeout

FIRST_PAUSE = timedelta(seconds=15)
LONGEST_PAUSE = timedelta(minutes=10)


class CmsFailed(CmsError, AirflowException):
    """The action failed."""


class CmsUsage(CmsError, AirflowFailException):
    """The command or the configuration is wrong."""


class CmsNotSupported(CmsError, AirflowFailException):
    """The cloud or the command is not supported."""


class CmsDependencyDown(CmsError, AirflowException):
    """MongoDB or the cloud does not answer."""


class CmsRefused(CmsError, AirflowFailException):
    """A guard refused the action."""


class CmsTimedOut(CmsTimeout, AirflowException):
    """The command ran longer than it was given and was ended."""


class NotInTime(CloudmeshAirflowError, AirflowException):
    """VMs are not as they should be after the time that the task gives them."""


class VmFailed(CloudmeshAirflowError, AirflowException):
    """The cloud could not make a VM run."""


class BadArgument(CloudmeshAirflowError, AirflowFailException):
    """A task was given what no command can be made of."""


_BY_CODE: dict[int, type[CmsError]] = {
    2: CmsUsage,
    3: CmsNotSupported,
    4: CmsDependencyDown,
    5: CmsRefused,
}


def failure(returncode: int) -> type[CmsError]:
    """Give the exception of an exit code; a signal is an ordinary failure."""
    return _BY_CODE.get(returncode, CmsFailed)


class PauseLonger(RetryPolicy):
    """Waits longer each time when what `cms` needs is down; else as the task says."""

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Any = None
    ) -> RetryDecision:
        """Decide how long to wait before the next try."""
        if not isinstance(exception, CmsDependencyDown):
            return RetryDecision.default()
        pause = min(FIRST_PAUSE * 2 ** (min(try_number, 16) - 1), LONGEST_PAUSE)
        return RetryDecision.retry(pause, "what cms needs is down")

    def serialize(self) -> dict[str, Any]:
        """Tell the scheduler that there is a policy; it has no settings."""
        return {"__type": type(self).__name__}
