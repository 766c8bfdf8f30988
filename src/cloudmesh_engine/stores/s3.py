"""S3, and what speaks its protocol."""

import functools
import hashlib
import html
import os
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from urllib.parse import unquote_plus
from xml.etree import ElementTree

from cloudmesh_engine.errors import ActionFailed
from cloudmesh_engine.stores import DIGEST, Item, Limits, Put, Section, signatures
from cloudmesh_engine.stores.answers import Reply
from cloudmesh_engine.stores.credentials import aws_identity
from cloudmesh_engine.stores.faults import Tampered, check_length, explain
from cloudmesh_engine.stores.piece import Piece
from cloudmesh_engine.stores.remote import Call, Remote, span
from cloudmesh_engine.stores.wire import Wire

_META = f"x-amz-meta-{DIGEST}"
_MD5 = re.compile(r"[0-9a-f]{32}")
_UNSIGNED = "UNSIGNED-PAYLOAD"
# Clocks differ: an upload that began a little before the run may still be its own.
_SKEW = timedelta(minutes=5)


def connect(section: Section) -> "S3":
    """Open the bucket of a service."""
    bucket = section.need("bucket", "container")
    region = section.value("region") or os.environ.get("AWS_REGION") or "us-east-1"
    endpoint = section.value("endpoint")
    if endpoint:
        address, prefix = endpoint, f"/{bucket}"
    elif "." in bucket:
        # The certificate covers one label only.
        address, prefix = f"https://s3.{region}.amazonaws.com", f"/{bucket}"
    else:
        address, prefix = f"https://{bucket}.s3.{region}.amazonaws.com", ""
    wire = Wire(address, section.service)
    return S3(section, wire, wire.path + prefix, bucket, region)


class S3(Remote):
    """A bucket."""

    kind = "awss3"
    limits = Limits(parts=10_000)

    def __init__(self, section: Section, wire: Wire, prefix: str, bucket: str, region: str) -> None:
        super().__init__(section.service, bucket, wire)
        self._prefix = prefix
        self._region = region
        self._section = section

    @functools.cached_property
    def _identity(self) -> tuple[str, str, str]:
        return aws_identity(self._section)

    def list(self, prefix: str = "", deep: bool = True) -> Iterator[Item]:
        """Give every object whose key begins so."""
        token = ""
        while True:
            asked = {"list-type": "2", "prefix": prefix, "encoding-type": "url"}
            asked |= {} if deep else {"delimiter": "/"}
            if token:
                asked["continuation-token"] = token
            page = _xml(self.good(Call("GET", asked=asked)))
            # A store that does not know the parameter does not repeat it.
            coded = page.findtext("EncodingType") == "url"
            for entry in page.iter("Contents"):
                key = entry.findtext("Key") or ""
                yield _item(unquote_plus(key) if coded else key, entry)
            for entry in page.iter("CommonPrefixes"):
                key = entry.findtext("Prefix") or ""
                yield Item(unquote_plus(key) if coded else key, 0, "")
            if page.findtext("IsTruncated") != "true":
                return
            token = page.findtext("NextContinuationToken") or ""

    def head(self, key: str) -> Item | None:
        """Look one object up."""
        reply = self.ask(Call("HEAD", key))
        if reply.status == 404:
            # A HEAD has no body that would tell a missing bucket from a missing key.
            self.good(Call("GET", asked={"list-type": "2", "max-keys": "1"}))
            return None
        self.check(reply, key)
        etag = reply.header("ETag")
        size = int(reply.header("Content-Length") or 0)
        md5 = _md5(etag) if _plain(reply) else ""
        return Item(key, size, etag, reply.header("Last-Modified"), md5, reply.header(_META))

    def put(self, key: str, piece: Piece) -> Put:
        """Store a small object at once."""
        check_length(self.service, key.encode())
        digest = piece.sha256
        reply = self.good(
            Call("PUT", key, headers={_META: digest}, body=piece.data, payload=digest)
        )
        self._compare(key, piece, reply)
        return Put(reply.header("ETag"))

    def begin(self, key: str, size: int) -> "S3Upload":
        """Begin an object of many parts."""
        check_length(self.service, key.encode())
        upload = _word(self.good(Call("POST", key, {"uploads": ""})).text, "UploadId")
        if not upload:
            raise ActionFailed(f"{self.service}: {key!r}: the store began no upload")
        return S3Upload(self, key, upload)

    def delete(self, key: str) -> None:
        """Delete an object."""
        self.good(Call("DELETE", key))

    def discard(self, key: str, upload: str, since: str) -> int:
        """Remove the unfinished uploads of a key that an interrupted run left."""
        began = datetime.fromisoformat(since) - _SKEW
        asked = {"uploads": "", "prefix": key, "encoding-type": "url"}
        text = self.good(Call("GET", asked=asked)).text
        coded = _word(text, "EncodingType") == "url"
        found = [
            _word(entry, "UploadId")
            for entry in re.findall("<Upload>(.*?)</Upload>", text, re.DOTALL)
            if (unquote_plus(_word(entry, "Key")) if coded else _word(entry, "Key")) == key
            and (_word(entry, "UploadId") == upload or _time(entry) >= began)
        ]
        for name in found:
            S3Upload(self, key, name).abort()
        return len(found)

    def make_place(self) -> bool:
        """Make the bucket."""
        if self.ask(Call("HEAD")).status == 200:
            return False
        body = b""
        if self._region != "us-east-1":
            place = f"<LocationConstraint>{self._region}</LocationConstraint>"
            body = f"<CreateBucketConfiguration>{place}</CreateBucketConfiguration>".encode()
        self.good(Call("PUT", body=body))
        return True

    def send_part(self, key: str, upload: str, number: int, piece: Piece) -> str:
        """Send a part and give its tag."""
        asked = {"partNumber": str(number), "uploadId": upload}
        headers = {"Content-MD5": piece.content_md5}
        # The checksum says what the payload's signature would, for a third less work.
        reply = self.good(Call("PUT", key, asked, headers, piece.data, payload=_UNSIGNED))
        self._compare(key, piece, reply)
        return reply.header("ETag")

    def complete(self, key: str, upload: str, tags: Mapping[int, str]) -> str:
        """Make an object of its parts and give its tag."""
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{_escape(tags[number])}</ETag></Part>"
            for number in sorted(tags)
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        reply = self.ask(Call("POST", key, {"uploadId": upload}, body=body))
        # An error may come with status 200: S3 answers before it is done.
        if reply.status != 200 or b"<Error>" in bytes(reply.body):
            raise explain(self.service, self.kind, self.place, key, reply)
        return _word(reply.text, "ETag")

    def cancel(self, key: str, upload: str) -> None:
        """Throw an upload away."""
        reply = self.ask(Call("DELETE", key, {"uploadId": upload}))
        if reply.status != 404:
            self.check(reply, key)

    def _reading(self, item: Item, offset: int, size: int) -> Call:
        headers = {"If-Match": item.etag}
        if size < item.size:
            headers["Range"] = span(offset, size)
        return Call("GET", item.key, headers=headers, size=size)

    def _sum(self, item: Item, reply: Reply) -> str:
        return item.md5 if _plain(reply) else ""

    def _compare(self, key: str, piece: Piece, reply: Reply) -> None:
        self.stored(key, piece, _md5(reply.header("ETag")) if _plain(reply) else "")

    def _path(self, call: Call) -> str:
        return f"{self._prefix}/{signatures.encode(call.key)}" if call.key else self._prefix or "/"

    def _signed(self, call: Call, target: str) -> Mapping[str, str]:
        payload = call.payload or hashlib.sha256(call.body).hexdigest()
        headers = {"Host": self._wire.netloc, **call.headers}
        return signatures.aws(call.method, target, headers, payload, self._identity, self._region)


class S3Upload:
    """An object in the making."""

    def __init__(self, store: S3, key: str, upload: str) -> None:
        self.id = upload
        self._store = store
        self._key = key
        self._tags: dict[int, str] = {}

    def part(self, index: int, offset: int, piece: Piece) -> None:
        """Send one part."""
        self._tags[index + 1] = self._store.send_part(self._key, self.id, index + 1, piece)

    def finish(self, digest: str, size: int) -> Put:
        """Make the object visible.

        S3 takes metadata before the parts only, when nobody knows the digest; to set it later, it
        would have to copy all bytes. A tag would do, but stores that know no tags take it for the
        object itself. So the manifest alone has the digest.
        """
        self._check_tag(self._store.complete(self._key, self.id, self._tags))
        # Some compatible stores give an object another tag than they told on completion.
        made = self._store.head(self._key)
        if not made or made.size != size:
            raise Tampered(f"{self._store.service}: {self._key!r} is not there as it was stored")
        return Put(made.etag, seen=True)

    def abort(self) -> None:
        """Throw away what was sent."""
        self._store.cancel(self._key, self.id)

    abandon = abort

    def _check_tag(self, etag: str) -> None:
        """Compare with the tag that S3 makes of the parts' checksums, where it is one."""
        sums = [_md5(self._tags[number]) for number in sorted(self._tags)]
        if not all(sums) or not re.fullmatch(r'"[0-9a-f]{32}-\d+"', etag):
            return
        joined = Piece(b"".join(map(bytes.fromhex, sums)))
        if etag.strip('"') != f"{joined.md5}-{len(sums)}":
            raise Tampered(f"{self._store.service}: {self._key!r} was not joined from our parts")


def _item(key: str, entry: ElementTree.Element) -> Item:
    etag = entry.findtext("ETag") or ""
    if etag and not etag.startswith('"'):
        etag = f'"{etag}"'
    return Item(
        key,
        int(entry.findtext("Size") or 0),
        etag,
        entry.findtext("LastModified") or "",
        _md5(etag),
    )


def _plain(reply: Reply) -> bool:
    """Say whether the tag is the checksum of the content: with a key of the user's it is not."""
    customer = reply.header("x-amz-server-side-encryption-customer-algorithm")
    return not customer and reply.header("x-amz-server-side-encryption") in ("", "AES256")


def _md5(etag: str) -> str:
    plain = etag.strip('"')
    return plain if _MD5.fullmatch(plain) else ""


def _time(entry: str) -> datetime:
    return datetime.fromisoformat(_word(entry, "Initiated") or "1970-01-01T00:00:00Z")


def _word(text: str, name: str) -> str:
    """Take one element of an answer that repeats a key: a control character makes it no XML."""
    found = re.findall(f"<{name}>([^<]*)</{name}>", text)
    return html.unescape(found[-1]) if found else ""


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _xml(reply: Reply) -> ElementTree.Element:
    # expat reads no external entities; names come without S3's namespace.
    root = ElementTree.fromstring(bytes(reply.body))  # noqa: S314
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root
