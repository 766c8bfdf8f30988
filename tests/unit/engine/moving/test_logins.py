"""Requests are signed as each cloud demands; nothing is asked without a login."""

import base64
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from ..conftest import CANARY, free_port
from .conftest import VENVS, Lab, digests, served
from .proxy import Call, Proxy

Put = Callable[[str], Proxy]
MIB = 1024 * 1024


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A store that checks the signature of every request, which moto does not."""
    port, folder = free_port(), tmp_path / "strict"
    (folder / "bucket").mkdir(parents=True)
    words = ["serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", "goodkey,goodsecret"]
    program = VENVS / "stores/bin/rclone"
    for address in served(
        [program, "--config", "/dev/null", *words, folder], f"http://127.0.0.1:{port}"
    ):
        yield address, folder / "bucket"


def use(lab: Lab, address: str, secret: str) -> None:
    file = lab.cms.root / "cloudmesh.yaml"
    text = file.read_text().replace("sandbox-access-id", "goodkey")
    text = text.replace(CANARY, secret).replace(f"bucket: {lab.bucket}", "bucket: bucket", 1)
    file.write_text(text)
    lab.configure("aws", address)


def test_s3_takes_our_signature_whatever_the_name(lab: Lab, strict: tuple[str, Path]) -> None:
    address, folder = strict
    use(lab, address, "goodsecret")
    tree = {"a b/~c+d&e=f;g,h:@$!'()*[]": b"1", "ünï/日本 😀": b"22", "pct%2F%20": b"333"}
    tree["large"] = random.randbytes(17 * MIB)
    for name, content in tree.items():
        (lab.root / name).parent.mkdir(parents=True, exist_ok=True)
        (lab.root / name).write_bytes(content)
    lab.move("local:", "aws:in dir")
    there = {name: (folder / "in dir" / name).read_bytes() for name in tree}
    assert digests(there) == digests(tree)
    assert len(json.loads(lab("storage", "list", "in dir", "--recursive", "--output=json"))) == 4
    lab("storage", "delete", "in dir/pct%2F%20")
    assert not (folder / "in dir/pct%2F%20").exists()


def test_a_wrong_secret_is_told_but_not_shown(lab: Lab, strict: tuple[str, Path]) -> None:
    use(lab, strict[0], "wrongsecret")
    said = lab("storage", "list", code=4)
    assert "check access_key_id and secret_access_key" in said
    assert "wrongsecret" not in said


def test_google_gets_a_token_that_the_service_account_signed(lab: Lab, proxied: Put) -> None:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    proxy = proxied("google")
    account = {
        "client_email": "me@test.iam.gserviceaccount.com",
        "private_key": pem,
        "token_uri": f"{proxy.address}/token",
    }
    file = lab.cms.root / "account.json"
    file.write_text(json.dumps(account))
    config = lab.cms.root / "cloudmesh.yaml"
    config.write_text(
        config.read_text().replace("path_to_json_file: TBD", f"path_to_json_file: {file}")
    )

    def answer(call: Call) -> None:
        if call.path == "/token":
            call.status = 200
            call.reply = b'{"access_token": "the-token", "expires_in": 3600}'

    proxy.before = answer
    lab.fill({"in/a": b"1"})
    lab.move("aws:in", "google:out")
    asked = [call for call in proxy.calls if call.path == "/token"]
    assert len(asked) == 1
    assertion = asked[0].body.decode().rpartition("assertion=")[2]
    signed, _, signature = assertion.rpartition(".")
    key.public_key().verify(unbase64(signature), signed.encode(), padding.PKCS1v15(), SHA256())
    claims = json.loads(unbase64(signed.partition(".")[2]))
    assert (claims["iss"], claims["aud"]) == (account["client_email"], account["token_uri"])
    others = [call for call in proxy.calls if call.path != "/token"]
    assert {call.headers["Authorization"] for call in others} == {"Bearer the-token"}


def unbase64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
