"""Google Cloud Storage, by its JSON interface."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from cloudmesh_engine.errors import ActionFailed
from cloudmesh_engine.stores import DIGEST, Item, Limits, Put, Section, signatures
from cloudmesh_engine.stores.credentials import Token, google_token
from cloudmesh_engine.stores.faults import Changed, Tampered, check_length, fail
from cloudmesh_engine.stores.wire import Reply, Wire

_JSON = {"Content-Type": "application/json; charset=UTF-8"}
_BORDER = "cloudmesh-airflow-part"
_UNFINISHED = 308


def connect(section: Section) -> "Google":
    """Open the bucket of a service."""
    bucket = section.value("bucket", "container") or str(section.default.get("directory") or "")
    bucket = bucket.strip("/") or section.need("bucket")
    endpoint = section.value("endpoint")
    wire = Wire(endpoint or "https://storage.googleapis.com", section.service)
    # An emulator asks for no login; who gives credentials all the same is taken at his word.
    open_door = endpoint.startswith("http://") and not section.value(
        "private_key", "path_to_json_file"
    )
    return Google(section, wire, bucket, None if open_door else google_token(section))


class Google:
    """A bucket."""

    kind = "google"
    # A resumable upload takes its parts in order, and any number of them.
    limits = Limits(parts=1_000_000, ordered=True)

    def __init__(self, section: Section, wire: Wire, bucket: str, token: Token | None) -> None:
        self.service = section.service
        self.place = bucket
        self._project = section.value("project_id", "project")
        self._wire = wire
        self._token = token

    def retries(self) -> int:
        """How many requests had to be repeated so far."""
        return self._wire.retries

    def list(self, prefix: str = "", deep: bool = True) -> Iterator[Item]:
        """Give every object whose name begins so."""
        token = ""
        while True:
            asked = {"prefix": prefix, "maxResults": "1000"}
            asked |= {} if deep else {"delimiter": "/"}
            if token:
                asked["pageToken"] = token
            page = self._json("GET", f"/storage/v1/b/{self.place}/o", asked)
            for entry in page.get("items") or []:
                yield _item(entry)
            for folder in page.get("prefixes") or []:
                yield Item(str(folder), 0, "")
            token = page.get("nextPageToken") or ""
            if not token:
                return

    def head(self, key: str) -> Item | None:
        """Look one object up."""
        reply = self._ask("GET", self._object(key))
        if reply.status == 404:
            # Raises if it is the bucket that is not there.
            self._json("GET", f"/storage/v1/b/{self.place}/o", {"maxResults": "1"})
            return None
        return _item(json.loads(self._check(reply, key).text))

    def read(self, item: Item, offset: int, size: int) -> memoryview:
        """Read a piece of an object as it was listed."""
        asked = {"alt": "media", "ifGenerationMatch": item.etag}
        whole = offset == 0 and size == item.size
        headers = {} if whole else {"Range": f"bytes={offset}-{offset + size - 1}"}
        reply = self._ask("GET", self._object(item.key), asked, headers, size=size)
        self._check(reply, item.key)
        if reply.header("x-goog-generation") not in ("", item.etag):
            raise Changed(f"{self.service}: {item.key!r} was changed meanwhile: repeat the command")
        if whole and item.md5 and _sum(reply.body) != item.md5:
            raise Tampered(f"{self.service}: {item.key!r} does not match its own checksum")
        return reply.body

    def put(self, key: str, data: memoryview, digest: str) -> Put:
        """Store a small object at once."""
        check_length(self.service, key.encode())
        sent = _sum(data)
        about = {"name": key, "metadata": {DIGEST: digest}, "md5Hash": _base64(sent)}
        body = b"".join(
            [
                f"--{_BORDER}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n".encode(),
                json.dumps(about).encode(),
                f"\r\n--{_BORDER}\r\nContent-Type: application/octet-stream\r\n\r\n".encode(),
                data,
                f"\r\n--{_BORDER}--\r\n".encode(),
            ]
        )
        headers = {"Content-Type": f"multipart/related; boundary={_BORDER}"}
        path, asked = f"/upload/storage/v1/b/{self.place}/o", {"uploadType": "multipart"}
        made = _item(json.loads(self._good("POST", path, key, asked, headers, body).text))
        if (made.md5 and made.md5 != sent) or made.size != len(data):
            raise Tampered(f"{self.service}: {key!r} was stored with other bytes than sent")
        return Put(made.etag, made.md5)

    def begin(self, key: str, size: int) -> "GoogleUpload":
        """Begin an object of many parts."""
        check_length(self.service, key.encode())
        headers = {**_JSON, "X-Upload-Content-Length": str(size)}
        body = json.dumps({"name": key}).encode()
        path, asked = f"/upload/storage/v1/b/{self.place}/o", {"uploadType": "resumable"}
        reply = self._good("POST", path, key, {**asked, "name": key}, headers, body)
        parts = urlsplit(reply.header("Location"))
        if not parts.path:
            raise ActionFailed(f"{self.service}: {key!r}: the store began no upload")
        return GoogleUpload(self, key, f"{parts.path}?{parts.query}", size)

    def delete(self, key: str) -> None:
        """Delete an object."""
        reply = self._ask("DELETE", self._object(key))
        if reply.status != 404:
            self._check(reply, key)

    def discard(self, key: str, upload: str, since: str) -> int:
        """Cancel the upload that an interrupted run left."""
        if not upload:
            return 0
        self.cancel(upload)
        return 1

    def make_place(self) -> bool:
        """Make the bucket."""
        if self._ask("GET", f"/storage/v1/b/{self.place}").status == 200:
            return False
        body = json.dumps({"name": self.place}).encode()
        self._good("POST", "/storage/v1/b", "", {"project": self._project}, _JSON, body)
        return True

    def send(self, key: str, session: str, place: str, data: memoryview) -> Reply:
        """Send a piece of a resumable upload."""
        headers = {"Content-Range": place}
        reply = self._wire.ask("PUT", session, lambda: self._signed(headers), data)
        return reply if reply.status == _UNFINISHED else self._check(reply, key)

    def label(self, key: str, generation: str, digest: str) -> None:
        """Give a finished object its digest; its content and generation stay."""
        body = json.dumps({"metadata": {DIGEST: digest}}).encode()
        asked = {"ifGenerationMatch": generation}
        self._good("PATCH", self._object(key), key, asked, _JSON, body)

    def cancel(self, session: str) -> None:
        """Throw an upload away; the answer is 499, or 404 if it is long gone."""
        self._wire.ask("DELETE", session, lambda: self._signed({}))

    def _object(self, key: str) -> str:
        return f"/storage/v1/b/{self.place}/o/{quote(key, safe='')}"

    def _json(self, method: str, path: str, asked: Mapping[str, str]) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._good(method, path, "", asked).text)
        return answer

    def _good(
        self,
        method: str,
        path: str,
        key: str,
        asked: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: memoryview | bytes = b"",
    ) -> Reply:
        return self._check(self._ask(method, path, asked, headers, body), key)

    def _check(self, reply: Reply, key: str) -> Reply:
        if not 200 <= reply.status < 300:
            fail(self.service, self.kind, self.place, key, reply)
        return reply

    def _ask(
        self,
        method: str,
        path: str,
        asked: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: memoryview | bytes = b"",
        size: int = -1,
    ) -> Reply:
        target = self._wire.path + path + ("?" + signatures.query(asked) if asked else "")
        return self._wire.ask(method, target, lambda: self._signed(headers or {}), body, size)

    def _signed(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        return {**headers, "Authorization": f"Bearer {self._token()}"} if self._token else headers


class GoogleUpload:
    """An object in the making: a resumable upload."""

    def __init__(self, store: Google, key: str, session: str, size: int) -> None:
        self.id = session
        self._store = store
        self._key = key
        self._size = size
        self._sum = hashlib.md5(usedforsecurity=False)
        self._made: Item | None = None

    def part(self, index: int, offset: int, data: memoryview) -> None:
        """Send the next part; the last one makes the object."""
        self._sum.update(data)
        end = offset + len(data)
        place = f"bytes {offset}-{end - 1}/{self._size}"
        reply = self._store.send(self._key, self.id, place, data)
        if reply.status != _UNFINISHED:
            self._made = _item(json.loads(reply.text))
        elif end == self._size or (reply.header("Range") or "").rpartition("-")[2] != str(end - 1):
            raise Tampered(f"{self._store.service}: {self._key!r}: the store lost a part of it")

    def finish(self, digest: str, size: int) -> Put:
        """Compare what the store made, and give it its digest."""
        made = self._made
        if not made or made.size != size or (made.md5 and made.md5 != self._sum.hexdigest()):
            raise Tampered(f"{self._store.service}: {self._key!r} was stored with other bytes")
        self._store.label(self._key, made.etag, digest)
        return Put(made.etag, made.md5)

    def abort(self) -> None:
        """Throw away what was sent."""
        self._store.cancel(self.id)


def _item(entry: Mapping[str, Any]) -> Item:
    return Item(
        key=str(entry["name"]),
        size=int(entry.get("size") or 0),
        # The generation names the content; the tag changes with the metadata too.
        etag=str(entry.get("generation") or ""),
        modified=str(entry.get("updated") or ""),
        md5=base64.b64decode(entry.get("md5Hash") or "").hex(),
        sha256=str((entry.get("metadata") or {}).get(DIGEST) or ""),
    )


def _sum(data: memoryview) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _base64(digest: str) -> str:
    return base64.b64encode(bytes.fromhex(digest)).decode()
