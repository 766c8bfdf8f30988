"""Says what an error of OpenStack means: which exit code, and what to do."""

import contextlib
import re
from collections.abc import Iterator

from keystoneauth1 import exceptions as auth_errors
from openstack import exceptions as sdk_errors

from cloudmesh_engine.errors import ActionFailed, ConfigError, DependencyDown, EngineError

_NOISE = re.compile(r": HTTPConnectionPool\(.*| \(Request-ID: [\w-]+\)")
_CREDENTIALS = (
    "check credentials.auth in cloudmesh.yaml: the password, or whether the application "
    "credential has expired or was revoked"
)
_HINTS = {
    "quota": "delete what you do not need, or ask the site for a higher quota",
    "reservation": "give your lease's flavor, or its reservation as default.reservation in "
    "cloudmesh.yaml, while the lease runs",
    "no valid host": "the site has no room for this flavor now, or wants a lease for it: try "
    "later, or another --flavor",
    "not enough hosts": "the site has no room for this flavor now: try later",
    "keypair": "give a --key that the cloud knows, or add it with cms key add",
    "key_name": "give a --key that the cloud knows, or add it with cms key add",
    "security group": "give a --secgroup that the cloud has",
    "external network": "give a --network of your project's, with a router to the outside",
    "flavor": "give a --flavor that the cloud has",
    "image": "give an --image that the cloud has",
    "no more ip addresses": "release addresses, or ask the site",
}


@contextlib.contextmanager
def translated(ignore: int = 0) -> Iterator[None]:
    """Turn what openstacksdk raises into our errors.

    :param ignore: an HTTP status that is no failure here
    """
    try:
        yield
    except (sdk_errors.HttpException, auth_errors.HttpError) as error:
        if _status(error) != ignore:
            raise _explain(error) from error
    except (auth_errors.ConnectFailure, auth_errors.DiscoveryFailure) as error:
        raise DependencyDown(f"OpenStack does not answer: {_line(error)}") from error
    except (sdk_errors.ServiceDisabledException, sdk_errors.EndpointNotFound,
            auth_errors.EndpointNotFound) as error:  # fmt: skip
        raise _unusable(error) from error
    except (auth_errors.MissingRequiredOptions, auth_errors.NoMatchingPlugin) as error:
        raise ConfigError(f"OpenStack: {_line(error)}: {_CREDENTIALS}") from error
    except (sdk_errors.SDKException, auth_errors.ClientException) as error:
        # As a reply that cannot be read: nobody knows whether it happened.
        raise DependencyDown(f"OpenStack: {_line(error)}") from error


def hint(message: str) -> str:
    """Say what to do about what an OpenStack service says."""
    words = message.lower()
    return next((f": {advice}" for word, advice in _HINTS.items() if word in words), "")


def _explain(error: Exception) -> EngineError:
    status, line = _status(error), f"OpenStack: {_line(error)}"
    if status in (401, 407):
        return DependencyDown(f"{line}: {_CREDENTIALS}")
    # What Keystone says of an application credential that was revoked, and of nothing else.
    if status == 404 and "application credential" in line.lower():
        return DependencyDown(f"{line}: {_CREDENTIALS}")
    if status == 403 and not hint(line):
        return DependencyDown(f"{line}: your role in the project does not allow it")
    if status in (413, 429) and "quota" not in line.lower():
        return DependencyDown(f"{line}: the site limits how often it is asked: try again later")
    if status >= 500:
        return DependencyDown(f"{line}: the site has a problem: try again later")
    return ActionFailed(line + hint(line))


def _unusable(error: Exception) -> EngineError:
    """Tell a service that is down from one that the site, or the region, does not have."""
    line = _line(error)
    if "not found" in line or isinstance(error, auth_errors.EndpointNotFound):
        return ConfigError(
            f"OpenStack: {line}: check credentials.region_name and interface in cloudmesh.yaml"
        )
    return DependencyDown(f"OpenStack does not answer: {line}")


def _status(error: Exception) -> int:
    return int(getattr(error, "status_code", None) or getattr(error, "http_status", None) or 0)


def _line(error: Exception) -> str:
    details = getattr(error, "details", None)
    text = details if isinstance(details, str) and details else str(error)
    if text.startswith("<"):
        # A proxy's page.
        text = f"HTTP {_status(error)}"
    # Neither the pool of connections nor the request's number helps anybody here.
    text = _NOISE.sub("", " ".join(text.split()))
    return text.rstrip(": .")
