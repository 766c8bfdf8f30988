"""What Airflow learns of this package at its start."""

from typing import Any

_TEXT = ["string", "null"]


def get_provider_info() -> dict[str, Any]:
    """Describe the provider: its connection type with the form, and the decorator."""
    name = "Cloudmesh"
    return {
        "package-name": "cloudmesh-airflow",
        "name": name,
        "description": "Boots VMs and moves files on several clouds by Cloudmesh's cms.",
        "integrations": [
            {
                "integration-name": name,
                "external-doc-url": "https://github.com/cloudmesh/cloudmesh-airflow",
                "tags": ["service"],
            }
        ],
        "hooks": [
            {"integration-name": name, "python-modules": ["cloudmesh_airflow.hooks.cloudmesh"]}
        ],
        "operators": [
            {
                "integration-name": name,
                "python-modules": [
                    f"cloudmesh_airflow.operators.{module}"
                    for module in ("cloudmesh", "vm", "ssh", "files")
                ],
            }
        ],
        "sensors": [_both(name, "sensors")],
        "triggers": [_both(name, "triggers")],
        "task-decorators": [
            {"name": "cms", "class-name": "cloudmesh_airflow.decorators.cms.cms_task"}
        ],
        "extra-links": ["cloudmesh_airflow.links.CloudmeshVmLink"],
        "connection-types": [_connection_type()],
    }


def _both(name: str, kind: str) -> dict[str, Any]:
    modules = [f"cloudmesh_airflow.{kind}.{module}" for module in ("vm", "files")]
    return {"integration-name": name, "python-modules": modules}


def _connection_type() -> dict[str, Any]:
    return {
        "connection-type": "cloudmesh",
        "hook-class-name": "cloudmesh_airflow.hooks.cloudmesh.CloudmeshHook",
        "hook-name": "Cloudmesh",
        "ui-field-behaviour": {
            "relabeling": {
                "host": "MongoDB host",
                "port": "MongoDB port",
                "schema": "MongoDB database",
                "login": "Read-only login",
                "password": "Read-only password",
            },
            "placeholders": {"host": "mongo", "port": "27017", "schema": "cloudmesh"},
        },
        "conn-fields": {
            "cloud": {
                "label": "Default cloud",
                "description": "A cloud of cloudmesh.yaml, for tasks that name none.",
                "schema": {"type": _TEXT},
            },
            "cms": {
                "label": "Path of cms",
                "description": "On the worker. Empty is the one the worker was set up with.",
                "schema": {"type": _TEXT},
            },
        },
    }
