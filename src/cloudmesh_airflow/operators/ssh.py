"""The operator that runs a command on VMs."""

from collections.abc import Sequence
from typing import Any

from cloudmesh_airflow import arguments
from cloudmesh_airflow.errors import CmsError
from cloudmesh_airflow.failures import BadArgument
from cloudmesh_airflow.files import written
from cloudmesh_airflow.operators.cloudmesh import CloudmeshOperator


class CloudmeshSshOperator(CloudmeshOperator):
    """Runs a command or a script on VMs by ssh, and fails unless it ends with 0 on each.

    Returns one record for each VM: its name, the exit code, and what it wrote.

    :param names: the VMs, as `web[1-3],db`, a list, or what the boot task returned
    :param command: the command, which the VM's shell reads; several lines are a script, and a
        name that ends in `.sh` is a file beside the DAG
    :param cloud: the cloud; the connection's or the default one of cloudmesh.yaml if empty
    :param username: the login on the VM; the one it was booted with if empty
    """

    template_fields: Sequence[str] = ("names", "command", "cloud", "username", "cloudmesh_conn_id")
    template_ext: Sequence[str] = (".sh",)
    template_fields_renderers = {"command": "bash"}  # noqa: RUF012 - as Airflow declares it

    def __init__(
        self, *, names: Any, command: str, cloud: str = "", username: str = "", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.names = names
        self.command = command
        self.cloud = cloud
        self.username = username

    def execute(self, context: Any) -> list[dict[str, Any]]:
        """Run the command on every VM."""
        names = arguments.some_names(self.names)
        if not self.command.strip():
            raise BadArgument("command: empty: say what the VMs shall do")
        options = {"cloud": self.cloud or self.hook.settings.cloud, "username": self.username}
        words = arguments.vm("ssh", names, command=self.command, **options)
        try:
            return self._said(self.records(words))
        except CmsError as error:
            # The VMs where it went well, and what the others said, come before the failure.
            self._said(written(error.stdout))
            raise

    def _said(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for record in records:
            text = f"{record.get('stdout', '')}{record.get('stderr', '')}"
            for line in text.splitlines():
                self.log.info("%s: %s", record.get("name"), line)
        return records
