"""Credentials that are missing, wrong or expired: that cloud gets a line, and the others go on.

A cloud's answer is given here as that cloud words it, because none of the sandbox's knows all.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from .conftest import CANARY, PLANTED, Cms, Ec2

# Nobody's own login of the machine that the tests run on, and nobody asked for one.
NOBODY = {"AWS_EC2_METADATA_DISABLED": "true", "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential"}
AWS = {"region": "us-east-1", "endpoint": "HERE"}
KEYS = {"EC2_ACCESS_ID": "a-1234", "EC2_SECRET_KEY": CANARY}
AZURE = {"AZURE_REGION": "eastus", "AZURE_SUBSCRIPTION_ID": "s-1", "endpoint": "HERE"}
PRINCIPAL = {"AZURE_TENANT_ID": "t-1", "AZURE_APPLICATION_ID": "a-1", "AZURE_SECRET_KEY": CANARY}
GOOGLE = {"datacenter": "us-central1-a", "project": "mine-123", "endpoint": "HERE"}
ACCOUNT = {"client_email": "cms@mine-123.iam.gserviceaccount.com", "private_key": "KEY"}
SITE = {"auth_url": "HERE/v3", "project_name": "mine"}
USER = {"username": "me", "password": CANARY}
CREDENTIAL = {"application_credential_id": "c-1", "application_credential_secret": CANARY}


@dataclass(frozen=True)
class Login:
    """What cloudmesh.yaml gives, what is to be said of it, and what the cloud answers."""

    credentials: dict[str, Any]
    code: int
    says: str
    status: int = 500
    answer: str = "nobody should ask"


def ec2(code: str, message: str) -> str:
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return f"<Response><Errors>{error}</Errors><RequestID>1</RequestID></Response>"


def entra(number: int, text: str) -> str:
    said = f"AADSTS{number}: {text} Trace ID: 1 Correlation ID: 2"
    return json.dumps(
        {"error": "invalid_client", "error_description": said, "error_codes": [number]}
    )


def compute(message: str) -> str:
    entry = {"message": message, "domain": "global", "reason": "authError"}
    return json.dumps({"error": {"code": 401, "message": message, "errors": [entry]}})


def oauth(text: str) -> str:
    return json.dumps({"error": "invalid_grant", "error_description": text})


# Of a credential that has expired Keystone says no more than of a wrong one.
KEYSTONE = json.dumps(
    {
        "error": {
            "code": 401,
            "message": "The request you have made requires authentication.",
            "title": "Unauthorized",
        }
    }
)
LOGINS = {
    "aws missing": Login(AWS, 4, "AWS: Unable to locate credentials: check EC2_ACCESS_ID"),
    "aws wrong": Login(
        AWS | KEYS, 4, "AWS: AuthFailure: .*: check EC2_ACCESS_ID", 401,
        ec2("AuthFailure", "AWS was not able to validate the provided access credentials"),
    ),
    "aws expired": Login(
        AWS | KEYS, 4, "AWS: RequestExpired: .*: check EC2_ACCESS_ID", 400,
        ec2("RequestExpired", "Request has expired."),
    ),
    "azure missing": Login(
        AZURE | PRINCIPAL | {"AZURE_SECRET_KEY": "TBD"}, 2, "credentials.AZURE_SECRET_KEY is not"
    ),
    "azure without any": Login(AZURE, 4, "Azure: .*: check AZURE_TENANT_ID.* or log in by az"),
    "azure wrong": Login(
        AZURE | PRINCIPAL, 4, "Azure: AADSTS7000215: .*: check AZURE_TENANT_ID", 401,
        entra(7000215, "Invalid client secret provided."),
    ),
    "azure expired": Login(
        AZURE | PRINCIPAL, 4, "Azure: AADSTS7000222: .*: the secret has expired: make", 401,
        entra(7000222, "The provided client secret keys for app 'a-1' are expired."),
    ),
    "google missing": Login(GOOGLE, 2, "Google: no login: give credentials.path_to_json_file"),
    "google wrong": Login(
        GOOGLE | {"access_token": CANARY}, 4, "Google: authError: .*: check credentials", 401,
        compute("Request had invalid authentication credentials."),
    ),
    "google expired": Login(
        GOOGLE | ACCOUNT | {"token_uri": "HERE/token"}, 4,
        "Google: .*invalid_grant.*: check credentials", 400, oauth("Invalid JWT Signature."),
    ),
    "openstack missing": Login({"auth": SITE | {"username": "me"}}, 2, "credentials.auth.password"),
    "openstack wrong": Login(
        {"auth": SITE | USER}, 4, "OpenStack: .*: check credentials.auth", 401, KEYSTONE
    ),
    "openstack expired": Login(
        {"auth": SITE | CREDENTIAL}, 4, "whether the application credential has expired", 401,
        KEYSTONE,
    ),
}  # fmt: skip


@contextmanager
def answering(status: int, text: str) -> Iterator[str]:
    """Answer every call so."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Type", "text/xml" if text[0] == "<" else "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    PLANTED.add(pem.splitlines()[3])
    return pem


@pytest.mark.parametrize("what", LOGINS)
def test_a_login_that_does_not_work_hinders_no_other_cloud(
    cms_aws: Cms, ec2: Ec2, private_key: str, what: str
) -> None:
    login = LOGINS[what]
    ec2.make("old web")
    assert cms_aws("fleet", "deadline", "old", "--until=now").returncode == 0
    with answering(login.status, login.answer) as address:
        credentials = json.dumps(login.credentials).replace("HERE", address)
        section = f"{{cm: {{active: true, kind: {what.split()[0]}}}, credentials: {credentials}}}"
        section = section.replace('"KEY"', json.dumps(private_key))
        cms_aws.configure("  cloud:\n", f"  cloud:\n    broken: {section}\n")
        for command in ("vm list --refresh", "vm list --all", "fleet reap --yes"):
            told = cms_aws(*command.split(), "--output=json", **NOBODY)
            shown = {record["name"] for record in json.loads(told.stdout)}
            assert shown == ({"old"} if "reap" in command else {"old", "web"}), command
            assert told.returncode == login.code, told.stderr
            assert re.match(f"cms: broken: .*{login.says}", told.stderr), told.stderr
            assert told.stderr.count("\n") == 1, told.stderr
    assert ec2.words() == "web"
