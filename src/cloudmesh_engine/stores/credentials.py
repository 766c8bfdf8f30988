"""Finds the credentials of a store: in cloudmesh.yaml, or where each cloud's own tools look."""

import base64
import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from cloudmesh_engine.errors import ConfigError, DependencyDown
from cloudmesh_engine.stores import Section
from cloudmesh_engine.stores.wire import Wire

_EARLY = 300  # seconds before its end that a token is renewed
_AZURE_SCOPE = "https://storage.azure.com/"
_GOOGLE_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
_GOOGLE_TOKENS = "https://oauth2.googleapis.com/token"
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def aws_identity(section: Section) -> tuple[str, str, str]:
    """Give access key, secret and session token."""
    access = section.value("access_key_id")
    if access:
        return access, section.need("secret_access_key"), section.value("session_token")
    # Environment, profile, SSO, role: as every tool of AWS's does it.
    import botocore.session

    found = botocore.session.Session().get_credentials()
    if not found:
        raise DependencyDown(
            f"{section.service}: no credentials: fill in access_key_id and secret_access_key "
            "in cloudmesh.yaml, or give AWS_PROFILE"
        )
    frozen = found.get_frozen_credentials()
    return frozen.access_key, frozen.secret_key, frozen.token or ""


def azure_key(section: Section) -> bytes | None:
    """Give the account's key, if there is one."""
    text = section.value("account_key")
    try:
        return base64.b64decode(text, validate=True) if text else None
    except ValueError:
        raise ConfigError(
            f"{section.path}: cloudmesh.storage.{section.service}.credentials.account_key "
            "is not base64: copy it again"
        ) from None


class Token:
    """A bearer token that is renewed in time."""

    def __init__(self, fetch: Callable[[], Mapping[str, Any]]) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._text, self._until = "", 0.0

    def __call__(self) -> str:
        """Give the token."""
        with self._lock:
            if time.monotonic() > self._until:
                answer = self._fetch()
                self._text = str(answer["access_token"])
                self._until = time.monotonic() + float(answer.get("expires_in") or 0) - _EARLY
            return self._text


def azure_token(section: Section) -> Token:
    """Give the token of a service principal, or of the machine's own identity."""
    tenant = section.value("AZURE_TENANT_ID") or os.environ.get("AZURE_TENANT_ID", "")
    client = section.value("AZURE_APPLICATION_ID") or os.environ.get("AZURE_CLIENT_ID", "")
    secret = section.value("AZURE_SECRET_KEY") or os.environ.get("AZURE_CLIENT_SECRET", "")
    if tenant and client and secret:
        form = {
            "grant_type": "client_credentials",
            "client_id": client,
            "client_secret": secret,
            "scope": f"{_AZURE_SCOPE}.default",
        }
        address = f"https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"
        return Token(lambda: _ask(section, "POST", address, _FORM, form))
    machine = "http://169.254.169.254/metadata/identity/oauth2/token"
    asked = urlencode({"api-version": "2018-02-01", "resource": _AZURE_SCOPE})
    return Token(lambda: _ask(section, "GET", f"{machine}?{asked}", {"Metadata": "true"}))


def google_token(section: Section) -> Token:
    """Give the token of a service account, of gcloud's login, or of the machine."""
    account = _google_account(section)
    if account and account.get("type") == "authorized_user":
        wanted = ("client_id", "client_secret", "refresh_token")
        form = {"grant_type": "refresh_token", **{name: account[name] for name in wanted}}
        return Token(lambda: _ask(section, "POST", _GOOGLE_TOKENS, _FORM, form))
    if account:
        return Token(lambda: _service_account(section, account))
    machine = (
        "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token"
    )
    return Token(lambda: _ask(section, "GET", machine, {"Metadata-Flavor": "Google"}))


def _google_account(section: Section) -> dict[str, Any] | None:
    if section.value("private_key"):
        return {
            "private_key": section.value("private_key"),
            "client_email": section.need("client_email"),
            "token_uri": section.value("token_uri") or _GOOGLE_TOKENS,
        }
    given = section.value("path_to_json_file") or os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    usual = Path.home() / ".config/gcloud/application_default_credentials.json"
    file = Path(given).expanduser() if given else usual
    if not given and not file.exists():
        return None
    try:
        found: dict[str, Any] = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not JSON"
        raise ConfigError(
            f"{section.service}: {file}: {reason}: check path_to_json_file"
        ) from error
    return found


def _service_account(section: Section, account: Mapping[str, Any]) -> Mapping[str, Any]:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    now = int(time.time())
    address = str(account.get("token_uri") or _GOOGLE_TOKENS)
    claims = {"iss": account["client_email"], "scope": _GOOGLE_SCOPE, "aud": address}
    claims |= {"iat": now, "exp": now + 3600}
    parts = [_base64({"alg": "RS256", "typ": "JWT"}), _base64(claims)]
    try:
        pem = str(account["private_key"]).replace("\\n", "\n").encode()
        key = load_pem_private_key(pem, None)
    except ValueError as error:
        raise ConfigError(
            f"{section.service}: private_key is no PEM key: copy it from the JSON file"
        ) from error
    if not isinstance(key, RSAPrivateKey):
        raise ConfigError(f"{section.service}: private_key is no RSA key")
    signature = key.sign(".".join(parts).encode(), PKCS1v15(), SHA256())
    parts.append(base64.urlsafe_b64encode(signature).decode().rstrip("="))
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": ".".join(parts),
    }
    return _ask(section, "POST", address, _FORM, form)


def _base64(claims: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")


def _ask(
    section: Section,
    method: str,
    address: str,
    headers: Mapping[str, str],
    form: Mapping[str, str] | None = None,
) -> Mapping[str, Any]:
    wire = Wire(address, f"{section.service} (login)")
    target = "/" + address.split("://", 1)[1].partition("/")[2]
    body = urlencode(form).encode() if form else b""
    reply = wire.ask(method, target, lambda: headers, body)
    if reply.status != 200:
        raise DependencyDown(
            f"{section.service}: the login failed (HTTP {reply.status}): "
            "check its credentials in cloudmesh.yaml"
        )
    answer: Mapping[str, Any] = json.loads(reply.text)
    return answer
