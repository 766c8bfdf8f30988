"""S3, and what speaks its protocol."""

import base64
import functools
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from urllib.parse import unquote_plus
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from cloudmesh_engine.stores import DIGEST, Item, Limits, Put, Section, signatures
from cloudmesh_engine.stores.credentials import aws_identity
from cloudmesh_engine.stores.faults import Changed, Tampered, check_length, explain, fail
from cloudmesh_engine.stores.wire import Reply, Wire

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


class S3:
    """A bucket."""

    kind = "awss3"
    limits = Limits(parts=10_000)

    def __init__(self, section: Section, wire: Wire, prefix: str, bucket: str, region: str) -> None:
        self.service = section.service
        self.place = bucket
        self._wire = wire
        self._prefix = prefix
        self._region = region
        self._section = section

    @functools.cached_property
    def _identity(self) -> tuple[str, str, str]:
        return aws_identity(self._section)

    def retries(self) -> int:
        """How many requests had to be repeated so far."""
        return self._wire.retries

    def list(self, prefix: str = "", deep: bool = True) -> Iterator[Item]:
        """Give every object whose key begins so."""
        token = ""
        while True:
            asked = {"list-type": "2", "prefix": prefix, "encoding-type": "url"}
            asked |= {} if deep else {"delimiter": "/"}
            if token:
                asked["continuation-token"] = token
            page = _xml(self._good("GET", "", asked))
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
        reply = self._ask("HEAD", key)
        if reply.status == 404:
            # A HEAD has no body that would tell a missing bucket from a missing key.
            self._good("GET", "", {"list-type": "2", "max-keys": "1"})
            return None
        self._check(reply, key)
        etag = reply.header("ETag")
        size = int(reply.header("Content-Length") or 0)
        return Item(key, size, etag, reply.header("Last-Modified"), _md5(etag), reply.header(_META))

    def read(self, item: Item, offset: int, size: int) -> memoryview:
        """Read a piece of an object as it was listed."""
        headers = {"If-Match": item.etag}
        whole = offset == 0 and size == item.size
        if not whole:
            headers["Range"] = f"bytes={offset}-{offset + size - 1}"
        reply = self._ask("GET", item.key, headers=headers, size=size)
        self._check(reply, item.key)
        if reply.header("ETag") != item.etag:
            raise Changed(f"{self.service}: {item.key!r} was changed meanwhile: repeat the command")
        if whole and item.md5 and _plain(reply) and _sum(reply.body) != item.md5:
            raise Tampered(f"{self.service}: {item.key!r} does not match its own checksum")
        return reply.body

    def put(self, key: str, data: memoryview, digest: str) -> Put:
        """Store a small object at once."""
        check_length(self.service, key.encode())
        reply = self._good("PUT", key, headers={_META: digest}, body=data, payload=digest)
        stored = _md5(etag := reply.header("ETag"))
        if stored and _plain(reply) and _sum(data) != stored:
            raise Tampered(f"{self.service}: {key!r} was stored with other bytes than sent")
        return Put(etag, stored)

    def begin(self, key: str, size: int) -> "S3Upload":
        """Begin an object of many parts."""
        check_length(self.service, key.encode())
        page = _xml(self._good("POST", key, {"uploads": ""}))
        return S3Upload(self, key, page.findtext("UploadId") or "")

    def delete(self, key: str) -> None:
        """Delete an object."""
        self._good("DELETE", key)

    def discard(self, key: str, upload: str, since: str) -> int:
        """Remove the unfinished uploads of a key that an interrupted run left."""
        began = datetime.fromisoformat(since) - _SKEW
        page = _xml(self._good("GET", "", {"uploads": "", "prefix": key}))
        found = [
            entry.findtext("UploadId") or ""
            for entry in page.iter("Upload")
            if entry.findtext("Key") == key
            and (entry.findtext("UploadId") == upload or _time(entry, "Initiated") >= began)
        ]
        for name in found:
            S3Upload(self, key, name).abort()
        return len(found)

    def make_place(self) -> bool:
        """Make the bucket."""
        if self._ask("HEAD", "").status == 200:
            return False
        body = b""
        if self._region != "us-east-1":
            place = f"<LocationConstraint>{self._region}</LocationConstraint>"
            body = f"<CreateBucketConfiguration>{place}</CreateBucketConfiguration>".encode()
        self._good("PUT", "", body=body)
        return True

    def send_part(self, key: str, upload: str, number: int, data: memoryview) -> str:
        """Send a part and give its tag."""
        asked = {"partNumber": str(number), "uploadId": upload}
        sent = hashlib.md5(data, usedforsecurity=False)
        headers = {"Content-MD5": base64.b64encode(sent.digest()).decode()}
        # The checksum says what the payload's signature would, for a third less work.
        reply = self._good("PUT", key, asked, headers, data, _UNSIGNED)
        stored = _md5(etag := reply.header("ETag"))
        if stored and _plain(reply) and sent.hexdigest() != stored:
            raise Tampered(f"{self.service}: {key!r} was stored with other bytes than sent")
        return etag

    def complete(self, key: str, upload: str, tags: Mapping[int, str]) -> str:
        """Make an object of its parts and give its tag."""
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(tags[number])}</ETag></Part>"
            for number in sorted(tags)
        )
        body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        reply = self._ask("POST", key, {"uploadId": upload}, body=body)
        # An error may come with status 200: S3 answers before it is done.
        if reply.status != 200 or b"<Error>" in bytes(reply.body):
            raise explain(self.service, self.kind, self.place, key, reply)
        return _xml(reply).findtext("ETag") or ""

    def cancel(self, key: str, upload: str) -> None:
        """Throw an upload away."""
        reply = self._ask("DELETE", key, {"uploadId": upload})
        if reply.status != 404:
            self._check(reply, key)

    def _good(
        self,
        method: str,
        key: str,
        asked: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: memoryview | bytes = b"",
        payload: str = "",
    ) -> Reply:
        return self._check(self._ask(method, key, asked, headers, body, payload), key)

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
        payload: str = "",
        size: int = -1,
    ) -> Reply:
        target = f"{self._prefix}/{signatures.encode(key)}" if key else self._prefix or "/"
        if asked:
            target += "?" + signatures.query(asked)
        if not payload:
            payload = hashlib.sha256(body).hexdigest() if body else signatures.EMPTY
        full = {"Host": self._wire.netloc, **(headers or {})}

        def sign() -> Mapping[str, str]:
            return signatures.aws(method, target, full, payload, self._identity, self._region)

        return self._wire.ask(method, target, sign, body, size)


class S3Upload:
    """An object in the making."""

    def __init__(self, store: S3, key: str, upload: str) -> None:
        self.id = upload
        self._store = store
        self._key = key
        self._tags: dict[int, str] = {}

    def part(self, index: int, offset: int, data: memoryview) -> None:
        """Send one part."""
        self._tags[index + 1] = self._store.send_part(self._key, self.id, index + 1, data)

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
        return Put(made.etag, made.md5)

    def abort(self) -> None:
        """Throw away what was sent."""
        self._store.cancel(self._key, self.id)

    def _check_tag(self, etag: str) -> None:
        """Compare with the tag that S3 makes of the parts' checksums, where it is one."""
        sums = [_md5(self._tags[number]) for number in sorted(self._tags)]
        if not all(sums) or not re.fullmatch(r'"[0-9a-f]{32}-\d+"', etag):
            return
        joined = b"".join(map(bytes.fromhex, sums))
        if (
            etag.strip('"')
            != f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(sums)}"
        ):
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


def _sum(data: memoryview) -> str:
    return _digest(data).hex()


def _digest(data: memoryview) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _md5(etag: str) -> str:
    plain = etag.strip('"')
    return plain if _MD5.fullmatch(plain) else ""


def _time(entry: ElementTree.Element, name: str) -> datetime:
    return datetime.fromisoformat(entry.findtext(name) or "1970-01-01T00:00:00Z")


def _xml(reply: Reply) -> ElementTree.Element:
    # expat reads no external entities; names come without S3's namespace.
    root = ElementTree.fromstring(bytes(reply.body))  # noqa: S314
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root
