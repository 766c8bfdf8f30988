"""Azure Blob Storage."""

import base64
import functools
import secrets
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import unquote
from xml.etree import ElementTree

from cloudmesh_engine.errors import Refused
from cloudmesh_engine.stores import DIGEST, Item, Limits, Put, Section, signatures
from cloudmesh_engine.stores.answers import Reply
from cloudmesh_engine.stores.credentials import Token, azure_key, azure_token
from cloudmesh_engine.stores.faults import check_length
from cloudmesh_engine.stores.piece import Piece, from_base64
from cloudmesh_engine.stores.remote import Call, Remote, span
from cloudmesh_engine.stores.wire import Wire

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


class Azure(Remote):
    """A container."""

    kind = "azureblob"
    limits = Limits(parts=50_000)

    def __init__(
        self, section: Section, wire: Wire, prefix: str, account: str, container: str
    ) -> None:
        super().__init__(section.service, container, wire)
        self._prefix = prefix
        self._account = account
        self._section = section
        self._key = azure_key(section)

    @functools.cached_property
    def _token(self) -> Token:
        return azure_token(self._section)

    def list(self, prefix: str = "", deep: bool = True) -> Iterator[Item]:
        """Give every blob whose name begins so."""
        marker = ""
        while True:
            asked = {"restype": "container", "comp": "list", "prefix": prefix}
            asked |= {} if deep else {"delimiter": "/"}
            if marker:
                asked["marker"] = marker
            page = ElementTree.fromstring(bytes(self.good(Call("GET", asked=asked)).body))  # noqa: S314
            for entry in page.iter("Blob"):
                yield _item(entry)
            for entry in page.iter("BlobPrefix"):
                yield Item(_name(entry), 0, "")
            marker = page.findtext("NextMarker") or ""
            if not marker:
                return

    def head(self, key: str) -> Item | None:
        """Look one blob up."""
        reply = self.ask(Call("HEAD", key))
        if reply.status == 404 and reply.header("x-ms-error-code") != "ContainerNotFound":
            return None
        self.check(reply, key)
        return Item(
            key,
            int(reply.header("Content-Length") or 0),
            reply.header("ETag"),
            reply.header("Last-Modified"),
            from_base64(reply.header("Content-MD5")),
            reply.header(_META),
        )

    def put(self, key: str, piece: Piece) -> Put:
        """Store a small blob at once."""
        self._check_name(key)
        headers = {"Content-MD5": piece.content_md5, _META: piece.sha256}
        headers["x-ms-blob-type"] = "BlockBlob"
        reply = self.good(Call("PUT", key, headers=headers, body=piece.data))
        self._compare(key, piece, reply)
        return Put(reply.header("ETag"))

    def begin(self, key: str, size: int) -> "AzureUpload":
        """Begin a blob of many blocks."""
        self._check_name(key)
        return AzureUpload(self, key, secrets.token_hex(8))

    def delete(self, key: str) -> None:
        """Delete a blob."""
        reply = self.ask(Call("DELETE", key, headers={"x-ms-delete-snapshots": "include"}))
        if reply.status != 404 or reply.header("x-ms-error-code") == "ContainerNotFound":
            self.check(reply, key)

    def discard(self, key: str, upload: str, since: str) -> int:
        """Remove the blocks that an interrupted run left; Azure cannot do it without the blob."""
        # They go with the next blob that is put under the name, or by themselves in a week.
        return 0

    def make_place(self) -> bool:
        """Make the container."""
        reply = self.ask(Call("PUT", asked={"restype": "container"}))
        if reply.status == 409:
            return False
        self.check(reply, "")
        return True

    def send_block(self, key: str, block: str, piece: Piece) -> None:
        """Send a block."""
        asked = {"comp": "block", "blockid": block}
        headers = {"Content-MD5": piece.content_md5}
        self._compare(key, piece, self.good(Call("PUT", key, asked, headers, piece.data)))

    def commit(self, key: str, blocks: Sequence[str], digest: str) -> str:
        """Make a blob of its blocks, with its digest, and give its tag."""
        names = "".join(f"<Uncommitted>{block}</Uncommitted>" for block in blocks)
        body = f"{_XML}<BlockList>{names}</BlockList>".encode()
        reply = self.good(Call("PUT", key, {"comp": "blocklist"}, {_META: digest}, body))
        return reply.header("ETag")

    def _check_name(self, key: str) -> None:
        check_length(self.service, key)
        if "\\" in key:
            # It would arrive under another name, and may replace what has that name.
            raise Refused(f"{self.service}: {key!r}: Azure turns a backslash into a slash")

    def _reading(self, item: Item, offset: int, size: int) -> Call:
        headers = {"If-Match": item.etag}
        if size < item.size:
            headers["x-ms-range"] = span(offset, size)
        return Call("GET", item.key, headers=headers, size=size)

    def _compare(self, key: str, piece: Piece, reply: Reply) -> None:
        self.stored(key, piece, from_base64(reply.header("Content-MD5")))

    def _path(self, call: Call) -> str:
        return f"{self._prefix}/{signatures.encode(call.key)}" if call.key else self._prefix

    def _signed(self, call: Call, target: str) -> Mapping[str, str]:
        bearer = "" if self._key else self._token()
        return signatures.azure(
            call.method, target, call.headers, len(call.body), self._account, self._key, bearer
        )


class AzureUpload:
    """A blob in the making."""

    def __init__(self, store: Azure, key: str, upload: str) -> None:
        self.id = upload
        self._store = store
        self._key = key
        self._blocks: dict[int, str] = {}

    def part(self, index: int, offset: int, piece: Piece) -> None:
        """Send one block."""
        # All blocks of a blob need ids of one length.
        block = base64.b64encode(f"{self.id}-{index:07}".encode()).decode()
        self._store.send_block(self._key, block, piece)
        self._blocks[index] = block

    def finish(self, digest: str, size: int) -> Put:
        """Make the blob visible, with its digest."""
        blocks = [self._blocks[index] for index in sorted(self._blocks)]
        return Put(self._store.commit(self._key, blocks, digest))

    def abort(self) -> None:
        """Blocks that are not committed vanish in a week; Azure has no call for it."""

    abandon = abort


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
        from_base64(properties.get("Content-MD5", "")),
    )


def _name(entry: ElementTree.Element) -> str:
    name = entry.find("Name")
    text = "" if name is None else name.text or ""
    return unquote(text) if name is not None and name.get("Encoded") == "true" else text
