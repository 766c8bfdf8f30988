"""Says what an error of AWS means: which exit code, and what to do."""

import contextlib
from collections.abc import Iterator

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError

from cloudmesh_engine.clouds import TokenSpent
from cloudmesh_engine.errors import (
    ActionFailed,
    ConfigError,
    DependencyDown,
    EngineError,
    NotLetIn,
    Refused,
)

_CREDENTIALS = "check EC2_ACCESS_ID and EC2_SECRET_KEY in cloudmesh.yaml, or the AWS profile"
_NO_ENTRY = {
    "AccessDenied",
    "AccessDeniedException",
    "AuthFailure",
    "Blocked",
    "ExpiredToken",
    "InvalidClientTokenId",
    "OptInRequired",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnauthorizedOperation",
}
_THROTTLED = {
    "BandwidthLimitExceeded",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
_QUOTA = {
    "AddressLimitExceeded",
    "InstanceLimitExceeded",
    "MaxSpotInstanceCountExceeded",
    "ResourceCountExceeded",
    "VcpuLimitExceeded",
}
# AWS answers 500 to these although nothing is broken.
_NO_CAPACITY = {"InsufficientInstanceCapacity", "InsufficientCapacity"}


@contextlib.contextmanager
def translated(ignore: str = "") -> Iterator[None]:
    """Turn what botocore raises into our errors.

    :param ignore: an error code that is no failure here
    """
    try:
        yield
    except ClientError as error:
        if _code(error) != ignore:
            raise _explain(error) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise DependencyDown(f"AWS: {error}: {_CREDENTIALS}") from error
    except NoRegionError as error:
        raise ConfigError("AWS: no region: set credentials.region in cloudmesh.yaml") from error
    except (BotoConnectionError, HTTPClientError) as error:
        raise DependencyDown(f"AWS does not answer: {error}") from error
    except (ParamValidationError, ValueError) as error:
        # ValueError: an endpoint that is no address.
        raise ActionFailed(f"AWS: {' '.join(str(error).split())}") from error
    except BotoCoreError as error:
        # As a reply that cannot be read: nobody knows whether it happened.
        raise DependencyDown(f"AWS: {error}") from error


def _explain(error: ClientError) -> EngineError:
    code = _code(error)
    message = " ".join(str(error.response["Error"].get("Message") or "").split())
    line = f"AWS: {code}: {message}".rstrip(": .")
    if code == "IdempotentInstanceTerminated":
        return TokenSpent(line)
    if code == "IdempotentParameterMismatch":
        return Refused(
            f"{line}: an unfinished boot of that name asked for something else: "
            "try cms vm list --refresh in a minute"
        )
    if code in _NO_ENTRY:
        # Of a repeated call nobody knows what became of the first.
        repeated = error.response.get("ResponseMetadata", {}).get("RetryAttempts", 1)
        return (DependencyDown if repeated else NotLetIn)(f"{line}: {_CREDENTIALS}")
    if code in _THROTTLED:
        return DependencyDown(f"{line}: AWS limits how often it is asked: try again later")
    if code in _QUOTA:
        return ActionFailed(f"{line}: delete what you do not need, or ask AWS for a higher quota")
    if code in _NO_CAPACITY:
        return ActionFailed(f"{line}: try later, or another --flavor")
    if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:
        return DependencyDown(f"{line}: AWS has a problem: try again later")
    return ActionFailed(line + _hint(code, message))


def _hint(code: str, message: str) -> str:
    if code.startswith("InvalidAMIID"):
        return ": give an --image that exists in this region"
    if code == "InvalidInstanceType" or "InstanceType" in message or "instance type" in message:
        return ": give a --flavor that EC2 has, like t3.micro"
    if code.startswith("InvalidKeyPair"):
        return ": give a --key that EC2 knows, or add it with cms key add"
    if code == "DependencyViolation":
        return ": delete the VMs that use it first"
    return ""


def _code(error: ClientError) -> str:
    return str(error.response["Error"].get("Code") or "unknown error")
