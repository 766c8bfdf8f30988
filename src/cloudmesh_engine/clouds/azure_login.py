"""Logs in to Azure: by a service principal from cloudmesh.yaml, else as Azure's own tools do."""

import time
from typing import Any

from azure.core import PipelineClient
from azure.core.credentials import AccessToken, TokenCredential
from azure.core.pipeline.policies import RetryPolicy
from azure.core.rest import HttpRequest

from cloudmesh_engine.clouds.azure_errors import no_login, refused_login
from cloudmesh_engine.errors import ConfigError, DependencyDown

_PUBLIC = "https://login.microsoftonline.com"
_KEYS = ("AZURE_TENANT_ID", "AZURE_APPLICATION_ID", "AZURE_SECRET_KEY")


def credential(cloud: str, given: dict[str, Any], endpoint: str) -> TokenCredential:
    """Choose how to log in.

    :param endpoint: the resource manager, if it is not the public one; then it logs in itself,
        unless the section names an `authority`
    """
    there = [key for key in _KEYS if given.get(key)]
    if not there:
        return _Ambient()
    for key in _KEYS:
        if key not in there:
            raise ConfigError(
                f"{cloud}: credentials.{key} is not given: fill it in in cloudmesh.yaml, or leave "
                f"out {' and '.join(there)} to log in as Azure's own tools do"
            )
    authority = str(given.get("authority") or endpoint or _PUBLIC)
    return _Principal(authority, *(str(given[key]) for key in _KEYS))


class _Principal:
    """A service principal with a secret.

    Not azure-identity's, which takes twice as long to import as all else of Azure's does.
    """

    def __init__(self, authority: str, tenant: str, application: str, secret: str) -> None:
        retries: RetryPolicy[Any, Any] = RetryPolicy(retry_total=2, retry_backoff_factor=0.4)
        self._client: PipelineClient[Any, Any] = PipelineClient(
            authority, policies=[retries], connection_timeout=5, read_timeout=20
        )
        self._place = f"{authority.rstrip('/')}/{tenant}/oauth2/v2.0/token"
        self._form = {
            "grant_type": "client_credentials",
            "client_id": application,
            "client_secret": secret,
        }

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """Give a token for the resource manager."""
        form = {**self._form, "scope": " ".join(scopes)}
        # To ask twice for a token does no harm.
        reply = self._client.send_request(
            HttpRequest("POST", self._place, data=form), retry_on_methods=["POST"]
        )
        if reply.status_code >= 500:
            raise DependencyDown(f"Azure's login answers {reply.status_code}: try again later")
        told = reply.json()
        if reply.status_code >= 400:
            number, text = (told.get("error_codes") or [0])[0], str(told.get("error_description"))
            raise refused_login(int(number), text)
        return AccessToken(told["access_token"], int(time.time()) + int(told["expires_in"]))


class _Ambient:
    """Environment, workload identity, managed identity, `az login`: whichever there is."""

    def __init__(self) -> None:
        self._found: Any = None

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """Give a token for the resource manager."""
        from azure.core.exceptions import ClientAuthenticationError
        from azure.identity import DefaultAzureCredential

        self._found = self._found or DefaultAzureCredential()
        try:
            token: AccessToken = self._found.get_token(*scopes, **options)
        except ClientAuthenticationError as error:
            raise no_login(error.message) from error
        return token
