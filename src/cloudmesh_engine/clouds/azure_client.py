"""Azure: the connection, from a cloud's section of cloudmesh.yaml."""

import functools
import json
import logging
from collections.abc import Mapping
from typing import Any

from azure.core.pipeline.policies import (
    HeadersPolicy,
    RequestIdPolicy,
    RetryPolicy,
    UserAgentPolicy,
)
from azure.mgmt.core import ARMPipelineClient
from azure.mgmt.core.policies import (
    ARMAutoResourceProviderRegistrationPolicy,
    ARMChallengeAuthenticationPolicy,
)

from cloudmesh_engine.clouds.azure_arm import Arm
from cloudmesh_engine.clouds.azure_login import credential
from cloudmesh_engine.config import given
from cloudmesh_engine.errors import ConfigError

_PUBLIC = "https://management.azure.com"
# Seconds: the longest wish to be left alone that is granted.
_PATIENCE = 30


def connect(cloud: str, configuration: Mapping[str, Any], owner: str) -> Arm:
    """Open a subscription; who logs in is asked at the first call."""
    credentials = given(configuration.get("credentials"))
    default = given(configuration.get("default"))
    for key in ("AZURE_SUBSCRIPTION_ID", "AZURE_REGION"):
        if key not in credentials:
            raise ConfigError(
                f"{cloud}: credentials.{key} is not given: fill it in in cloudmesh.yaml"
            )
    endpoint = str(credentials.get("endpoint") or "").rstrip("/")
    return Arm(
        _pipeline(endpoint, json.dumps([cloud, credentials], sort_keys=True, default=str)),
        endpoint or _PUBLIC,
        subscription=str(credentials["AZURE_SUBSCRIPTION_ID"]),
        location=str(credentials["AZURE_REGION"]),
        group=str(default.get("resource_group") or owner),
        owner=owner,
    )


@functools.cache
def _pipeline(endpoint: str, login: str) -> Any:
    # What Azure's packages log would come to stderr beside our own line.
    logging.getLogger("azure").addHandler(logging.NullHandler())
    # Once for driver and resources, so that they share a token; it may serve many threads.
    cloud, credentials = json.loads(login)
    place = endpoint or _PUBLIC
    authentication: Any = ARMChallengeAuthenticationPolicy(
        credential(cloud, credentials, endpoint), f"{place}/.default"
    )
    return ARMPipelineClient(
        place,
        policies=[
            RequestIdPolicy(),
            HeadersPolicy(),
            UserAgentPolicy(base_user_agent="cloudmesh-airflow"),
            ARMAutoResourceProviderRegistrationPolicy(),
            _Retries(),
            authentication,
        ],
        connection_timeout=5,
        read_timeout=60,
    )


class _Retries(RetryPolicy[Any, Any]):
    """Repeats what may be repeated, unless Azure wants to be left alone for long."""

    def __init__(self) -> None:
        super().__init__(retry_total=3, retry_backoff_factor=0.4, retry_backoff_max=8)

    def is_retry(self, settings: dict[str, Any], response: Any) -> bool:
        """Say whether a call is to be repeated."""
        if (self.get_retry_after(response) or 0) > _PATIENCE:
            return False
        # Azure tells two changes of one network that meet apart, and refuses the second.
        if "AnotherOperationInProgress" in _text(response):
            return bool(settings["total"] > 0)
        return bool(super().is_retry(settings, response))


def _text(response: Any) -> str:
    http = response.http_response
    return str(http.text()) if http.status_code == 409 else ""
