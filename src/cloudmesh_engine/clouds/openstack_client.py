"""OpenStack: the connection, from a cloud's section of cloudmesh.yaml and from nothing else."""

from collections.abc import Mapping
from typing import Any

import openstack

from cloudmesh_engine.clouds.openstack_errors import translated
from cloudmesh_engine.config import given
from cloudmesh_engine.errors import ConfigError

_SECONDS = 60
_CREDENTIAL = ("application_credential_id", "application_credential_secret")
_PASSWORD = ("username", "password")


def connect(cloud: str, configuration: Mapping[str, Any]) -> Any:
    """Open a cloud; who logs in is Keystone's business, at the first question."""
    credentials = given(configuration.get("credentials"))
    auth = given(credentials.get("auth"))
    if not auth.get("auth_url"):
        raise ConfigError(_missing(cloud, "auth_url"))
    kind, auth = _login(cloud, auth)
    # `clouds.yaml` and OS_* variables may mean another cloud, so neither is read.
    with translated():
        return openstack.connect(
            load_yaml_config=False,
            load_envvars=False,
            auth_type=kind,
            auth=auth,
            region_name=credentials.get("region_name"),
            interface=credentials.get("interface") or "public",
            api_timeout=_SECONDS,
            app_name="cloudmesh-airflow",
            **_options(credentials),
        )


def _login(cloud: str, auth: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Choose how to log in; an application credential, which can be revoked, comes first."""
    kind, wanted = "v3password", list(_PASSWORD)
    if any(key in auth for key in _CREDENTIAL):
        kind, wanted = "v3applicationcredential", list(_CREDENTIAL)
        auth = {key: value for key, value in auth.items() if key in ("auth_url", *_CREDENTIAL)}
    else:
        auth.setdefault("user_domain_name", "Default")
        if "project_id" not in auth:
            auth.setdefault("project_domain_name", auth["user_domain_name"])
            wanted.append("project_name")
    for key in wanted:
        if key not in auth:
            raise ConfigError(_missing(cloud, key))
    return kind, auth


def _options(credentials: Mapping[str, Any]) -> dict[str, Any]:
    """Give what openstacksdk itself calls options: addresses of services, and of certificates."""
    return {
        key: value
        for key, value in credentials.items()
        if key.endswith("_endpoint_override") or key in ("cacert", "verify")
    }


def _missing(cloud: str, key: str) -> str:
    return (
        f"{cloud}: credentials.auth.{key} is not given: fill it in in cloudmesh.yaml, "
        "or use an application credential"
    )
