"""The link from a task to its VMs on the page Clouds."""

from typing import Any
from urllib.parse import urlencode

from airflow.sdk import BaseOperatorLink
from airflow.sdk.configuration import conf

from cloudmesh_airflow import arguments
from cloudmesh_airflow.failures import BadArgument


class CloudmeshVmLink(BaseOperatorLink):
    """Leads to the VMs that a task booted, or to the one that it worked on.

    Several that it worked on have no filter in common but their cloud.
    """

    name = "VMs"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Make the address; the operator's templates are rendered by then."""
        base = conf.get("api", "base_url", fallback="") or ""
        return f"{base.rstrip('/')}/cloudmesh/ui/?{urlencode(_query(operator, ti_key))}"


def _query(operator: Any, ti_key: Any) -> dict[str, str]:
    if operator.verb == "boot":
        return {"run": arguments.run_of(ti_key.dag_id, ti_key.run_id)}
    try:
        names = arguments.names_of(operator.names or [])
    except BadArgument:  # The task itself says so.
        names = []
    return {"cloud": operator.cloud, "name": names[0] if len(names) == 1 else ""}
