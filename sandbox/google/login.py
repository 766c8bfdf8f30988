"""Who may ask: the sandbox's own token, or one that a service account's signed statement bought.

Signatures are not checked, for nobody has told this service a public key.
"""

import base64
import binascii
import json
import secrets
import time
from typing import Any
from urllib.parse import parse_qsl

from answers import Refusal

# What cloudmesh.yaml has as shipped; it opens nothing else.
SANDBOX_TOKEN = "sandbox-access-token"  # noqa: S105
AUDIENCE = "https://oauth2.googleapis.com/token"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPES = {
    "https://www.googleapis.com/auth/cloud-platform",
    "https://www.googleapis.com/auth/compute",
}
LIFETIME, SLACK = 3600, 600

_tokens: dict[str, float] = {}


class BadGrant(Refusal):
    """The form of OAuth's errors, which is not that of Google's interfaces."""

    def content(self) -> dict[str, Any]:
        """Write it so."""
        return {"error": self.reason, "error_description": self.message}


def check(header: str) -> None:
    """Refuse a request without a token that is good now."""
    kind, _, token = header.partition(" ")
    if kind == "Bearer" and (token == SANDBOX_TOKEN or _tokens.get(token, 0) > time.time()):
        return
    raise Refusal(
        401,
        "authError",
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login "
        "cookie or other valid authentication credential.",
    )


def exchange(method: str, body: bytes, origin: str) -> dict[str, Any]:
    """Give a token for the statement of a service account."""
    form = dict(parse_qsl(body.decode("utf-8", "replace")))
    if method != "POST" or form.get("grant_type") != GRANT:
        raise BadGrant(400, "unsupported_grant_type", "Invalid grant_type")
    claims = _claims(form.get("assertion", ""))
    now = time.time()
    # Google's library states the first, whatever address it was given.
    if claims.get("aud") not in (AUDIENCE, f"{origin}/token"):
        raise BadGrant(400, "invalid_grant", "Invalid JWT: the audience is another one.")
    if not SCOPES.intersection(str(claims.get("scope", "")).split()):
        raise BadGrant(400, "invalid_scope", "Invalid OAuth scope or ID token audience provided.")
    issued, expires = claims.get("iat"), claims.get("exp")
    if (
        not isinstance(issued, int)
        or not isinstance(expires, int)
        or not (now - LIFETIME - SLACK < issued < now + SLACK)
        or not (now < expires <= issued + LIFETIME)
    ):
        raise BadGrant(
            400,
            "invalid_grant",
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
            "timeframe. Check your iat and exp values in the JWT claim.",
        )
    if not str(claims.get("iss", "")).endswith(".iam.gserviceaccount.com"):
        raise BadGrant(400, "invalid_grant", "Invalid grant: account not found")
    token = f"ya29.{secrets.token_urlsafe(24)}"
    _tokens[token] = now + LIFETIME
    return {"access_token": token, "expires_in": LIFETIME, "token_type": "Bearer"}


def _claims(assertion: str) -> dict[str, Any]:
    parts = assertion.split(".")
    try:
        header, claims = (json.loads(_bytes(part)) for part in parts[:2])
        signed = len(parts) == 3 and len(_bytes(parts[2])) >= 128
        if header["alg"] == "RS256" and signed and isinstance(claims, dict):
            return claims
    except (ValueError, KeyError, TypeError, binascii.Error):
        pass
    raise BadGrant(400, "invalid_grant", "Invalid JWT Signature.")


def _bytes(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
