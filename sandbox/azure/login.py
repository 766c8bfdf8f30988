"""The token call of Microsoft Entra, for the one service principal that the fake knows."""

import json
import secrets
import time
from urllib.parse import parse_qs

from state import APPLICATION, TENANT, State
from wire import Answer, Call

_LIFE = 3600


def answer(state: State, call: Call, tenant: str) -> Answer:
    """Give a token for a service principal's secret."""
    form = {key: values[0] for key, values in parse_qs(call.raw.decode()).items()}
    if tenant != TENANT:
        return _refused("invalid_request", 90002, f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID.")  # fmt: skip
    if form.get("grant_type") != "client_credentials":
        return _refused("unsupported_grant_type", 70003, "The app requested an unsupported grant type.")  # fmt: skip
    if form.get("client_id") != APPLICATION:
        return _refused("unauthorized_client", 700016, f"Application with identifier '{form.get('client_id')}' was not found in the directory.")  # fmt: skip
    if form.get("client_secret") != state.secret:
        return _refused("invalid_client", 7000215, "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID.", 401)  # fmt: skip
    if not form.get("scope", "").endswith("/.default"):
        return _refused("invalid_scope", 70011, "The provided value for scope is not valid.")
    token = secrets.token_urlsafe(24)
    state.tokens[token] = time.time() + _LIFE
    body = {"token_type": "Bearer", "expires_in": _LIFE, "access_token": token}
    return Answer(200, body)


def _refused(error: str, number: int, text: str, status: int = 400) -> Answer:
    body = {"error": error, "error_description": f"AADSTS{number}: {text} Trace ID: 0 Correlation ID: 0", "error_codes": [number]}  # fmt: skip
    return Answer(status, None, {"Content-Type": "application/json"}, json.dumps(body))
