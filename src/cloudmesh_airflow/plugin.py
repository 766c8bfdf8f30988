"""Adds the REST API and the page of the clouds to Airflow's web server."""

from typing import Any

from airflow.plugins_manager import AirflowPlugin

PREFIX = "/cloudmesh"


class CloudmeshPlugin(AirflowPlugin):
    """What Airflow loads by the entry point `airflow.plugins`, in every component."""

    name = "cloudmesh"
    # Without a leading slash it also works where Airflow lies below a path.
    external_views = [  # noqa: RUF012 - as Airflow declares it
        {
            "name": "Clouds",
            "href": "cloudmesh/ui/",
            "url_route": "clouds",
            "destination": "nav",
            "nav_top_level": True,
        }
    ]

    @property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The app; only the web server asks for it, so only there FastAPI is imported."""
        from cloudmesh_airflow.api.app import get_app

        return [{"name": "Cloudmesh", "app": get_app(), "url_prefix": PREFIX}]
