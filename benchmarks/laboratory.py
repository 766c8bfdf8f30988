"""Two stores, filled, and how every tool reaches them.

files       S3 to S3: folders that `rclone serve s3` gives out, so that no emulator is measured
emulators   S3 to Azure: moto and Azurite
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.process import ROOT, BenchError, free_port, run, served
from benchmarks.servers import VENVS, aws, azure, database

RCLONE = [str(VENVS / "stores/bin/rclone"), "--config", "/dev/null"]
LABS = {
    "files": "S3 to S3, over two `rclone serve s3`",
    "emulators": "S3 to Azure, over moto and Azurite",
}
BUCKET, SOURCE, TARGET = "bucket", "in", "out"
_KEYS = ("benchmarkkey", "benchmarksecret")
_ACCOUNT = "devstoreaccount1"
_ACCOUNT_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
_MIB = 1024 * 1024
_TIMEOUT = 1800


@dataclass(frozen=True)
class Side:
    """One store.

    :param remote: its bucket in rclone's words
    :param section: its service of cloudmesh.yaml
    :param login: what the SDKs need
    """

    remote: str
    section: str
    login: Mapping[str, str]


@dataclass(frozen=True)
class Lab:
    """Two stores; `in/` of the one is moved to `out/` of the other."""

    name: str
    root: Path
    source: Side
    target: Side
    env: Mapping[str, str]

    def fill(self, count: int, size: int) -> None:
        """Put so many files of random bytes into the source."""
        with tempfile.TemporaryDirectory(dir=self.root) as folder:
            for number in range(count):
                with (Path(folder) / f"file-{number:04}").open("wb") as file:
                    for begin in range(0, size, _MIB):
                        file.write(os.urandom(min(_MIB, size - begin)))
            rclone("copy", folder, f"{self.source.remote}/{SOURCE}")
        # A server that keeps files computes their checksums at the first listing.
        rclone("size", f"{self.source.remote}/{SOURCE}")

    def clear(self) -> None:
        """Empty the target."""
        shutil.rmtree(self.root / "between", ignore_errors=True)
        run([*RCLONE, "delete", f"{self.target.remote}/{TARGET}"], timeout=_TIMEOUT, check=False)

    def check(self, tool: str) -> None:
        """Make sure that every file arrived with its size."""
        places = f"{self.source.remote}/{SOURCE}", f"{self.target.remote}/{TARGET}"
        sizes = [rclone("size", "--json", place) for place in places]
        if sizes[0] != sizes[1]:
            raise BenchError(f"{tool}: not every file arrived: {sizes[1]} of {sizes[0]}")


def rclone(*words: str) -> str:
    """Run rclone; give what it printed."""
    return run([*RCLONE, *words], timeout=_TIMEOUT).stdout


@contextlib.contextmanager
def laboratory(name: str) -> Iterator[Lab]:
    """Start two empty stores, and the database for our manifests."""
    with contextlib.ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="transfer-bench-")))
        if name == "files":
            source, target = (stack.enter_context(_folder(root / side)) for side in "ab")
        else:
            source = _s3("Other", stack.enter_context(aws()))
            target = _blob(stack.enter_context(azure()))
        for side in (source, target):
            rclone("mkdir", side.remote)
        mongo = stack.enter_context(database(root))
        yield Lab(name, root, source, target, _environment(root, source, target, mongo))


@contextlib.contextmanager
def _folder(folder: Path) -> Iterator[Side]:
    folder.mkdir()
    port = free_port()
    words = ["serve", "s3", "--addr", f"127.0.0.1:{port}", "--auth-key", ",".join(_KEYS)]
    with served([*RCLONE, *words, str(folder)], port):
        yield _s3("Rclone", port)


def _s3(provider: str, port: int) -> Side:
    access, secret = _KEYS
    address = f"http://127.0.0.1:{port}"
    remote = (
        f":s3,provider={provider},access_key_id={access},secret_access_key={secret},"
        f"endpoint='{address}':{BUCKET}"
    )
    section = (
        f"{{cm: {{kind: awss3}}, credentials: {{bucket: {BUCKET}, endpoint: '{address}',"
        f" access_key_id: {access}, secret_access_key: {secret}}}}}"
    )
    login = {"kind": "s3", "endpoint": address, "access": access, "secret": secret}
    return Side(remote, section, login)


def _blob(port: int) -> Side:
    address = f"http://127.0.0.1:{port}"
    place = f"{address}/{_ACCOUNT}"
    remote = f":azureblob,account={_ACCOUNT},key='{_ACCOUNT_KEY}',endpoint='{place}':{BUCKET}"
    section = (
        f"{{cm: {{kind: azureblob}}, credentials: {{container: {BUCKET}, endpoint: '{address}',"
        f" account_name: {_ACCOUNT}, account_key: '{_ACCOUNT_KEY}'}}}}"
    )
    words = (
        f"DefaultEndpointsProtocol=http;AccountName={_ACCOUNT};AccountKey={_ACCOUNT_KEY};"
        f"BlobEndpoint={place};"
    )
    return Side(remote, section, {"kind": "azure", "connection": words})


def _environment(root: Path, source: Side, target: Side, mongo: int) -> dict[str, str]:
    text = (ROOT / "config/cloudmesh.yaml").read_text()
    sections = f"    from: {source.section}\n    to: {target.section}\n"
    (root / "cloudmesh.yaml").write_text(
        text.replace("\n  storage:\n", f"\n  storage:\n{sections}")
    )
    own = {
        "CLOUDMESH_CONFIG": str(root / "cloudmesh.yaml"),
        "CLOUDMESH_SECRETS_DIR": str(root),
        "CLOUDMESH_STATE_DIR": str(root / "state"),
        "CLOUDMESH_MONGO_HOST": "127.0.0.1",
        "CLOUDMESH_MONGO_PORT": str(mongo),
        "TMPDIR": str(root),
        "HOME": str(root),
    }
    # In the image our modules are compiled; here they are at the first run.
    return {**os.environ, **own, "PYTHONDONTWRITEBYTECODE": ""}
