"""The connection to Cloudmesh: which `cms`, which cloud, and where the inventory is."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from cloudmesh_airflow import inventory
from cloudmesh_airflow.inventory import Record, Server
from cloudmesh_airflow.runner import CmsResult, run_cms

READER = "airflow"
_SECRET = "mongo_reader_password"  # noqa: S105 - the name of a file
_DATABASE = "cloudmesh"


@dataclass(frozen=True)
class Settings:
    """What a connection says; what it leaves open is as the appliance is made.

    :param cms: the program; empty is the one that CLOUDMESH_CMS names
    :param cloud: the default cloud; empty is that of cloudmesh.yaml
    """

    cms: str
    cloud: str
    server: Server


class CloudmeshHook(BaseHook):
    """Runs `cms`, and reads the inventory with a login that may only read.

    :param cloudmesh_conn_id: a connection of type `cloudmesh`; the default need not exist
    """

    conn_name_attr = "cloudmesh_conn_id"
    default_conn_name = "cloudmesh_default"
    conn_type = "cloudmesh"
    hook_name = "Cloudmesh"

    def __init__(self, cloudmesh_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.cloudmesh_conn_id = cloudmesh_conn_id
        self._settings: Settings | None = None

    @property
    def settings(self) -> Settings:
        """The connection's settings, looked up once."""
        if self._settings is None:
            try:
                connection = self.get_connection(self.cloudmesh_conn_id)
            except AirflowNotFoundException:
                connection = self._unless_default()
            self._settings = _settings(connection)
        return self._settings

    async def asettings(self) -> Settings:
        """Look the settings up from a trigger, where waiting for the answer must not block."""
        try:
            connection = await self.aget_connection(self.cloudmesh_conn_id)
        except AirflowNotFoundException:
            connection = self._unless_default()
        return _settings(connection)

    def run(
        self, arguments: list[str], *, timeout: float = 300, log_stdout: bool = True
    ) -> CmsResult:
        """Run one `cms` command to its end.

        :param arguments: the words after `cms`, each passed on as it is
        :param timeout: seconds after which the command and all it started are ended
        :param log_stdout: False keeps data that is meant for a program out of the log
        """
        return run_cms(arguments, timeout=timeout, log_stdout=log_stdout, cms=self.settings.cms)

    def records(self, arguments: list[str], *, timeout: float = 300) -> list[Record]:
        """Run a command that writes one JSON document; give its records."""
        said = self.run(arguments, timeout=timeout, log_stdout=False)
        found = said.json() if said.stdout.strip() else []
        for record in found:
            self.log.info("%s", " ".join(str(record.get(key) or "-") for key in _SHOWN))
        return found

    def inventory(self, cloud: str) -> list[Record]:
        """Give the VMs of a cloud as they were last seen, from MongoDB."""
        return inventory.read(self.settings.server, cloud)

    def test_connection(self) -> tuple[bool, str]:
        """Say whether the inventory can be read, for the button on the connection's page."""
        try:
            found = inventory.read(self.settings.server, self.settings.cloud or "aws")
        except inventory.InventoryDown as error:
            return False, str(error)
        return True, f"MongoDB at {self.settings.server.address} shows {len(found)} VMs"

    def _unless_default(self) -> Any:
        """Do without the default connection; another one must exist."""
        if self.cloudmesh_conn_id != self.default_conn_name:
            raise AirflowNotFoundException(
                f"connection {self.cloudmesh_conn_id!r} does not exist: add it below "
                "Admin, Connections, with the type cloudmesh"
            )
        return None


_SHOWN = ("action", "cloud", "name", "status", "instance_id", "public_ips")


def _settings(connection: Any) -> Settings:
    extra = connection.extra_dejson if connection else {}
    environ = os.environ
    return Settings(
        cms=str(extra.get("cms") or ""),
        cloud=str(extra.get("cloud") or ""),
        server=Server(
            host=(connection and connection.host) or environ.get("CLOUDMESH_MONGO_HOST", "mongo"),
            port=int(
                (connection and connection.port) or environ.get("CLOUDMESH_MONGO_PORT", "27017")
            ),
            database=(connection and connection.schema) or _DATABASE,
            login=(connection and connection.login) or READER,
            password=(connection and connection.password) or _password(),
        ),
    )


def _password() -> str:
    """Read the reader's password; without one MongoDB refuses, which is said where it matters."""
    folder = Path(os.environ.get("CLOUDMESH_SECRETS_DIR", "/run/secrets"))
    try:
        return (folder / _SECRET).read_text().strip()
    except OSError:
        return ""
