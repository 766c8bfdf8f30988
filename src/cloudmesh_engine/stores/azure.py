"""Azure Blob Storage."""

import base64
import functools
import hashlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import unquote
from xml.etree import ElementTree

from cloudmesh_engine.errors import Refused
from cloudmesh_engine.stores import DIGEST, Item, Limits, Put, Section, signatures
from cloudmesh_engine.stores.credentials import azure_key, azure_token
from cloudmesh_engine.stores.faults import Changed, Tampered, check_length, fail
from cloudmesh_engine.stores.wire import Reply, Wire

_META = f"x-ms-meta-{DIGEST}"
_XML = '<?xml version="1.0" encoding="utf-8"?>'


def connect(section: Section) -> "Azure":
    """Open the container of a service."""
    account = section.need("account_name")
    container = section.need("container")
    endpoint = section.value("endpoint")
    wire = Wire(endpoint or f"https://{account}.blob.core.windows.net", section.service)
    # An emulator or a proxy has the account in the path and not in its name.
    prefix = wire.path
    if not wire.host.startswith(f"{account}.") and not prefix.endswith(f"/{account}"):
        prefix += f"/{account}"
    return Azure(section, wire, f"{prefix}/{container}", account, container)


class Azure:
    """A container."""

    kind = "azureblob"
    limits = Limits(parts=50_000)

    def __init__(
        self, section: Section, wire: Wire, prefix: str, account: str, container: str
    ) -> None:
        self.service = section.service
        self.place = container
        self._wire = wire
        self._prefix = prefix
        self._account = account
        self._section = section
        self._key = azure_key(section)

    @functools.cached_property
    def _token(self) -> object:
        return azure_token(self._section)

    def retries(self) -> int:
        """How many requests had to be repeated so far."""
        return self._wire.retries

    def list(self, prefix: str = "", deep: bool = True) -> Iterator[Item]:
        """Give every blob whose name begins so."""
        marker = ""
        while True:
            asked = {"restype": "container", "comp": "list", "prefix": prefix}
            asked |= {} if deep else {"delimiter": "/"}
            if marker:
                asked["marker"] = marker
            page = ElementTree.fromstring(bytes(self._good("GET", "", asked).body))  # noqa: S314
            for entry in page.iter("Blob"):
                yield _item(entry)
            for entry in page.iter("BlobPrefix"):
                yield Item(_name(entry), 0, "")
            marker = page.findtext("NextMarker") or ""
            if not marker:
                return

    def head(self, key: str) -> Item | None:
        """Look one blob up."""
        reply = self._ask("HEAD", key)
        if reply.status == 404 and reply.header("x-ms-error-code") != "ContainerNotFound":
            return None
        self._check(reply, key)
        return Item(
            key,
            int(reply.header("Content-Length") or 0),
            reply.header("ETag"),
            reply.header("Last-Modified"),
            _hex(reply.header("Content-MD5")),
            reply.header(_META),
        )

    def read(self, item: Item, offset: int, size: int) -> memoryview:
        """Read a piece of a blob as it was listed."""
        headers = {"If-Match": item.etag}
        whole = offset == 0 and size == item.size
        if not whole:
            headers["x-ms-range"] = f"bytes={offset}-{offset + size - 1}"
        reply = self._ask("GET", item.key, headers=headers, size=size)
        self._check(reply, item.key)
        if reply.header("ETag") != item.etag:
            raise Changed(f"{self.service}: {item.key!r} was changed meanwhile: repeat the command")
        if whole and item.md5 and _sum(reply.body).hex() != item.md5:
            raise Tampered(f"{self.service}: {item.key!r} does not match its own checksum")
        return reply.body

    def put(self, key: str, data: memoryview, digest: str) -> Put:
        """Store a small blob at once."""
        self._check_name(key)
        sent = _sum(data)
        text = base64.b64encode(sent).decode()
        headers = {"x-ms-blob-type": "BlockBlob", "Content-MD5": text, _META: digest}
        reply = self._good("PUT", key, headers=headers, body=data)
        self._compare(key, sent, reply)
        return Put(reply.header("ETag"), sent.hex())

    def begin(self, key: str, size: int) -> "AzureUpload":
        """Begin a blob of many blocks."""
        self._check_name(key)
        return AzureUpload(self, key, secrets.token_hex(8))

    def delete(self, key: str) -> None:
        """Delete a blob."""
        reply = self._ask("DELETE", key, headers={"x-ms-delete-snapshots": "include"})
        if reply.status != 404 or reply.header("x-ms-error-code") == "ContainerNotFound":
            self._check(reply, key)

    def discard(self, key: str, upload: str, since: str) -> int:
        """Remove the blocks that an interrupted run left; Azure cannot do it without the blob."""
        # They go with the next blob that is put under the name, or by themselves in a week.
        return 0

    def make_place(self) -> bool:
        """Make the container."""
        asked = {"restype": "container"}
        reply = self._ask("PUT", "", asked)
        if reply.status == 409:
            return False
        self._check(reply, "")
        return True

    def send_block(self, key: str, block: str, data: memoryview) -> None:
        """Send a block."""
        sent = _sum(data)
        headers = {"Content-MD5": base64.b64encode(sent).decode()}
        reply = self._good("PUT", key, {"comp": "block", "blockid": block}, headers, data)
        self._compare(key, sent, reply)

    def commit(self, key: str, blocks: Sequence[str], digest: str) -> str:
        """Make a blob of its blocks, with its digest, and give its tag."""
        names = "".join(f"<Uncommitted>{block}</Uncommitted>" for block in blocks)
        body = f"{_XML}<BlockList>{names}</BlockList>".encode()
        reply = self._good("PUT", key, {"comp": "blocklist"}, {_META: digest}, body)
        return reply.header("ETag")

    def _check_name(self, key: str) -> None:
        check_length(self.service, key)
        if "\\" in key:
            # It would arrive under another name, and may replace what has that name.
            raise Refused(f"{self.service}: {key!r}: Azure turns a backslash into a slash")

    def _compare(self, key: str, sent: bytes, reply: Reply) -> None:
        stored = reply.header("Content-MD5")
        if stored and stored != base64.b64encode(sent).decode():
            raise Tampered(f"{self.service}: {key!r} was stored with other bytes than sent")

    def _good(
        self,
        method: str,
        key: str,
        asked: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: memoryview | bytes = b"",
    ) -> Reply:
        return self._check(self._ask(method, key, asked, headers, body), key)

    def _check(self, reply: Reply, key: str) -> Reply:
        if not 200 <= reply.status < 300:
            fail(self.service, self.kind, self.place, key, reply)
        return reply

    def _ask(
        self,
        method: str,
        key: str,
        asked: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: memoryview | bytes = b"",
        size: int = -1,
    ) -> Reply:
        target = f"{self._prefix}/{signatures.encode(key)}" if key else self._prefix
        if asked:
            target += "?" + signatures.query(asked)

        def sign() -> Mapping[str, str]:
            bearer = "" if self._key else self._token()  # type: ignore[operator]
            return signatures.azure(
                method, target, headers or {}, len(body), self._account, self._key, bearer
            )

        return self._wire.ask(method, target, sign, body, size)


class AzureUpload:
    """A blob in the making."""

    def __init__(self, store: Azure, key: str, upload: str) -> None:
        self.id = upload
        self._store = store
        self._key = key
        self._blocks: dict[int, str] = {}

    def part(self, index: int, offset: int, data: memoryview) -> None:
        """Send one block."""
        # All blocks of a blob need ids of one length.
        block = base64.b64encode(f"{self.id}-{index:07}".encode()).decode()
        self._store.send_block(self._key, block, data)
        self._blocks[index] = block

    def finish(self, digest: str, size: int) -> Put:
        """Make the blob visible, with its digest."""
        blocks = [self._blocks[index] for index in sorted(self._blocks)]
        return Put(self._store.commit(self._key, blocks, digest))

    def abort(self) -> None:
        """Blocks that are not committed vanish in a week; Azure has no call for it."""


def _item(entry: ElementTree.Element) -> Item:
    found = entry.find("Properties")
    properties = {child.tag: child.text or "" for child in found} if found is not None else {}
    etag = properties.get("Etag", "")
    if not etag.startswith('"'):
        etag = f'"{etag}"'
    return Item(
        _name(entry),
        int(properties.get("Content-Length") or 0),
        etag,
        properties.get("Last-Modified", ""),
        _hex(properties.get("Content-MD5", "")),
    )


def _name(entry: ElementTree.Element) -> str:
    name = entry.find("Name")
    text = "" if name is None else name.text or ""
    return unquote(text) if name is not None and name.get("Encoded") == "true" else text


def _hex(text: str) -> str:
    return base64.b64decode(text).hex() if text else ""


def _sum(data: memoryview) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()
