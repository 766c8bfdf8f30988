"""Opens EC2 and AWS's price list from a cloud's section of cloudmesh.yaml: nothing else does."""

import functools
from typing import Any

from botocore.config import Config
from botocore.session import Session

from cloudmesh_engine.clouds.aws_errors import translated
from cloudmesh_engine.clouds.aws_model import Ec2Loader
from cloudmesh_engine.config import given

_PATIENCE = Config(
    connect_timeout=3,
    read_timeout=20,
    retries={"mode": "standard", "total_max_attempts": 3},
    user_agent_extra="cloudmesh-airflow",
)
# The list tells of all regions, but lies in few.
_PRICES_REGION = "us-east-1"


def ec2(configuration: dict[str, Any]) -> Any:
    """Make the client; what the section does not give is found by AWS's standard chain."""
    with translated():
        return _client("ec2", *_given(configuration, "region", "endpoint"))


def pricing(configuration: dict[str, Any]) -> tuple[Any, str]:
    """Make the client of AWS's price list, and name the region whose prices are meant."""
    access_id, secret_key, region, endpoint = _given(configuration, "region", "prices_endpoint")
    with translated():
        client = _client("pricing", access_id, secret_key, _PRICES_REGION, endpoint)
    return client, region or ""


def _given(configuration: dict[str, Any], *more: str) -> list[str | None]:
    """Give the login and more of a section's credentials, as far as they are filled in."""
    filled = given(configuration.get("credentials"))
    keys = ("EC2_ACCESS_ID", "EC2_SECRET_KEY", *more)
    return [str(filled.get(key) or "") or None for key in keys]


@functools.cache
def _client(service: str, *settings: str | None) -> Any:
    # Once, because it takes a tenth of a second; a client may serve many threads.
    access_id, secret_key, region, endpoint = settings
    # Not by boto3, whose session is this one with more around it that takes time to load.
    session = Session()
    if not session.get_config_variable("data_path"):
        session.register_component("data_loader", Ec2Loader())
    return session.create_client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=access_id,
        aws_secret_access_key=secret_key,
        config=_PATIENCE,
    )
