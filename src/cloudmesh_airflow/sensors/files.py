"""The sensor that waits for files to be in a store."""

from collections.abc import Sequence
from typing import Any

from airflow.sdk import PokeReturnValue

from cloudmesh_airflow import arguments, deferral, files
from cloudmesh_airflow.errors import CmsError
from cloudmesh_airflow.sensors.deferring import DeferringSensor


class CloudmeshFileSensor(DeferringSensor):
    """Waits until files are in a store, without holding a worker's slot.

    Asks the store in a worker, then waits in the triggerer, which holds no credential of a store
    and starts no process, until it is time to ask again. A store that is missing or does not
    answer is an error; nothing of that name is not. Returns the files as records, as
    CloudmeshListFilesOperator does.

    :param source: `SERVICE:PATH`, an object, a folder in which there shall be something, or a
        glob, as `aws:in/*.csv`
    :param at_least: how many files
    :param command_timeout: seconds after which one question to the store is ended
    """

    template_fields: Sequence[str] = ("source", "at_least", "cloudmesh_conn_id")

    def __init__(
        self,
        *,
        source: str,
        at_least: int | str = 1,
        command_timeout: float = 300,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.source = source
        self.at_least = at_least
        self.command_timeout = command_timeout

    def poke(self, context: Any) -> PokeReturnValue:
        """Ask the store."""
        wanted = arguments.count(self.at_least, "at_least")
        found = self._found()
        # What consoles make to show an empty folder is no file.
        there = [record for record in found if not record["name"].endswith("/")]
        self.log.info("%s: %d of %s files are there", self.source, len(there), wanted)
        return PokeReturnValue(len(there) >= wanted, there)

    def waiting(self, deadline: float) -> dict[str, Any]:
        """Wait for the next question."""
        return deferral.pause(self.poke_interval, deadline)

    def missed(self, within: str) -> str:
        """Say what did not come to pass."""
        return f"not {self.at_least} files {within}: {self.source}"

    def _found(self) -> list[dict[str, Any]]:
        try:
            return files.find(self.hook, self.source, True, self.command_timeout)
        except CmsError as error:
            if not files.is_missing(error):
                raise
            return []
