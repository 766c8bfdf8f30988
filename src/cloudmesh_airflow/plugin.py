"""Adds the REST API to Airflow's web server."""

from typing import Any

from airflow.plugins_manager import AirflowPlugin

PREFIX = "/cloudmesh"


class CloudmeshPlugin(AirflowPlugin):
    """What Airflow loads by the entry point `airflow.plugins`, in every component."""

    name = "cloudmesh"

    @property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The app; only the web server asks for it, so only there FastAPI is imported."""
        from cloudmesh_airflow.api.app import get_app

        return [{"name": "Cloudmesh", "app": get_app(), "url_prefix": PREFIX}]
