"""Google: who logs in: a service account, gcloud's login, or the machine that `cms` runs on."""

import importlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.oauth2 import credentials, service_account

from cloudmesh_engine.errors import ConfigError

# Half of this library has types.
_user: Any = credentials
_service: Any = service_account

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_TOKENS = "https://oauth2.googleapis.com/token"
_USUAL = ".config/gcloud/application_default_credentials.json"


def login(given: Mapping[str, Any]) -> tuple[Any, str]:
    """Choose the login, and give the project that it belongs to, as far as it says.

    :param given: the credentials of the section, without what is still to be filled in
    """
    if given.get("access_token"):
        return _user.Credentials(str(given["access_token"])), ""
    if given.get("private_key") and given.get("client_email"):
        keys = ("client_email", "private_key", "private_key_id", "token_uri")
        return _account("private_key", {key: given[key] for key in keys if key in given})
    file = _file(given)
    if file:
        return _account(str(file), _read(file))
    # The identity of a machine of Google's, which no file tells. Elsewhere the library would look
    # for it for a quarter of a minute, and all other clouds would wait.
    machine: Any = importlib.import_module("google.auth.compute_engine")
    if not (os.environ.get("GCE_METADATA_HOST") or machine.detect_gce_residency_linux()):
        raise ConfigError(
            "Google: no login: give credentials.path_to_json_file in cloudmesh.yaml, or log in by "
            "gcloud auth application-default login"
        )
    return machine.Credentials(), ""


def _file(given: Mapping[str, Any]) -> Path | None:
    named = given.get("path_to_json_file") or os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    if named:
        return Path(str(named)).expanduser()
    usual = Path.home() / _USUAL
    return usual if usual.exists() else None


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not JSON"
        raise ConfigError(f"Google: {file}: {reason}: check path_to_json_file") from error
    if not isinstance(found, dict):
        raise ConfigError(f"Google: {file}: is no login: make a key of a service account anew")
    return found


def _account(source: str, info: dict[str, Any]) -> tuple[Any, str]:
    kind = info.get("type", "service_account")
    try:
        if kind == "authorized_user":
            made = _user.Credentials.from_authorized_user_info(info, [_SCOPE])
            return made, str(info.get("quota_project_id") or "")
        if kind == "service_account":
            info = {"token_uri": _TOKENS, **info}
            # As it stands in JSON, also where it was copied into YAML.
            info["private_key"] = str(info.get("private_key") or "").replace("\\n", "\n")
            made = _service.Credentials.from_service_account_info(info, scopes=[_SCOPE])
            return made, str(info.get("project_id") or "")
    except ValueError as error:
        # It may quote the key.
        raise ConfigError(f"Google: {source}: is no usable key: make it anew") from error
    raise ConfigError(f"Google: {source}: a login of type {kind}: use the key of a service account")
