"""Signs requests: AWS Signature Version 4, and Azure's Shared Key. Nothing here does I/O."""

import base64
import functools
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote, unquote

_AZURE_VERSION = "2021-12-02"
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def encode(key: str) -> str:
    """Encode a key for a path; S3 signs exactly this form."""
    return quote(key, safe="/-_.~")


def query(parameters: Mapping[str, str]) -> str:
    """Write a query string in the order in which it is signed."""
    pairs = sorted((quote(k, safe="-_.~"), quote(v, safe="-_.~")) for k, v in parameters.items())
    return "&".join(f"{name}={value}" for name, value in pairs)


def aws(
    method: str,
    target: str,
    headers: Mapping[str, str],
    payload: str,
    identity: tuple[str, str, str],
    region: str,
) -> dict[str, str]:
    """Give the headers of a signed request to S3.

    :param headers: with Host; every one is signed
    :param payload: SHA-256 of the body
    :param identity: access key, secret key, session token
    """
    access, secret, token = identity
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    signed = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    signed |= {"x-amz-date": now, "x-amz-content-sha256": payload}
    if token:
        signed["x-amz-security-token"] = token
    names = sorted(signed)
    path, _, parameters = target.partition("?")
    canonical = "\n".join(
        [
            method, path, parameters,
            *(f"{name}:{signed[name]}" for name in names), "",
            ";".join(names), payload,
        ]
    )  # fmt: skip
    scope = f"{now[:8]}/{region}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = _hmac(_aws_key(secret, now[:8], region), text).hex()
    signed["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={access}/{scope}, "
        f"SignedHeaders={';'.join(names)}, Signature={signature}"
    )
    # The caller sends Host itself.
    return {name: value for name, value in signed.items() if name != "host"}


@functools.lru_cache(maxsize=8)
def _aws_key(secret: str, day: str, region: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = _hmac(key, part)
    return key


def azure(
    method: str,
    target: str,
    headers: Mapping[str, str],
    length: int,
    account: str,
    key: bytes | None,
    bearer: str = "",
) -> dict[str, str]:
    """Give the headers of a request to Azure, signed with the account's key or with a token."""
    full = {"x-ms-version": _AZURE_VERSION, "x-ms-date": _date(datetime.now(UTC)), **headers}
    if key is None:
        return {**full, "Authorization": f"Bearer {bearer}"}
    path, _, parameters = target.partition("?")
    lower = {name.lower(): value for name, value in full.items()}
    standard = [
        lower.get(name, "")
        for name in (
            "content-md5", "content-type", "date", "if-modified-since", "if-match",
            "if-none-match", "if-unmodified-since", "range",
        )
    ]  # fmt: skip
    own = sorted(name for name in lower if name.startswith("x-ms-"))
    resource = [f"/{account}{path}"]
    for pair in sorted(filter(None, parameters.split("&"))):
        name, _, value = pair.partition("=")
        resource.append(f"{unquote(name)}:{unquote(value)}")
    text = "\n".join(
        [method, "", "", str(length or ""), *standard, *(f"{n}:{lower[n]}" for n in own), *resource]
    )
    signature = base64.b64encode(_hmac(key, text)).decode()
    return {**full, "Authorization": f"SharedKey {account}:{signature}"}


def _date(now: datetime) -> str:
    # In English, whatever the locale; the module for mail imports more than all else here.
    day, month = _DAYS[now.weekday()], _MONTHS[now.month - 1]
    return f"{day}, {now:%d} {month} {now:%Y %H:%M:%S} GMT"


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
