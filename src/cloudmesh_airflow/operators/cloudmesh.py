"""The operator that runs any `cms` command, and what all of ours share."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from cloudmesh_airflow.failures import BadArgument, CmsNotSupported, PauseLonger
from cloudmesh_airflow.hooks.cloudmesh import CloudmeshHook

# More would only burden the database that keeps what tasks return.
_RETURNED = 48 << 10


class CloudmeshOperator(BaseOperator):
    """What all operators of Cloudmesh share; not for DAGs.

    :param cloudmesh_conn_id: the connection, of type `cloudmesh`
    :param command_timeout: seconds after which the command and all it started are ended
    :param skip_unsupported: skip the task where the cloud or the command is not supported (exit
        code 3), instead of failing it
    """

    ui_color = "#d9ecff"

    def __init__(
        self,
        *,
        cloudmesh_conn_id: str = CloudmeshHook.default_conn_name,
        command_timeout: float = 900,
        skip_unsupported: bool = False,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("retry_policy", PauseLonger())
        super().__init__(**kwargs)
        self.cloudmesh_conn_id = cloudmesh_conn_id
        self.command_timeout = command_timeout
        self.skip_unsupported = skip_unsupported

    @cached_property
    def hook(self) -> CloudmeshHook:
        """The hook of the connection."""
        return CloudmeshHook(self.cloudmesh_conn_id)

    @contextmanager
    def skipping(self) -> Iterator[None]:
        """Skip the task if the block fails with exit code 3 and `skip_unsupported` is set."""
        try:
            yield
        except CmsNotSupported as error:
            if not self.skip_unsupported:
                raise
            raise AirflowSkipException(str(error)) from error

    def records(self, arguments: list[str]) -> list[dict[str, Any]]:
        """Run a command that writes JSON; give its records."""
        with self.skipping():
            return self.hook.records(arguments, timeout=self.command_timeout)


class CloudmeshCommandOperator(CloudmeshOperator):
    """Runs any `cms` command.

    Returns what the command wrote: its last 48 kB as text, or with `parse_json` the document.

    :param command: the words after `cms`, each passed on as it is; there is no shell
    :param parse_json: the command writes one JSON document, which is returned and not logged
    """

    template_fields: Sequence[str] = ("command", "cloudmesh_conn_id")

    def __init__(self, *, command: list[str], parse_json: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.command = command
        self.parse_json = parse_json

    def execute(self, context: Any) -> Any:
        """Run the command."""
        words = self.command
        if isinstance(words, str) or not words or not all(isinstance(word, str) for word in words):
            raise BadArgument(f"command: {words!r}: give a list of words, as ['vm', 'list']")
        with self.skipping():
            result = self.hook.run(
                list(words), timeout=self.command_timeout, log_stdout=not self.parse_json
            )
        return result.json() if self.parse_json else result.stdout[-_RETURNED:].rstrip("\n")
