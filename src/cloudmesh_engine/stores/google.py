"""Google Cloud Storage, by its JSON interface."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from cloudmesh_engine.errors import ActionFailed
from cloudmesh_engine.stores import DIGEST, MIB, Item, Limits, Put, Section
from cloudmesh_engine.stores.answers import Reply
from cloudmesh_engine.stores.credentials import Token, google_token
from cloudmesh_engine.stores.faults import Tampered, check_length
from cloudmesh_engine.stores.piece import Piece, from_base64
from cloudmesh_engine.stores.remote import Call, Remote, span
from cloudmesh_engine.stores.wire import Wire

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


class Google(Remote):
    """A bucket."""

    kind = "google"
    # A resumable upload takes its parts in order, so few large ones, and any number of them.
    limits = Limits(parts=1_000_000, part=16 * MIB, ordered=True, named=True)

    def __init__(self, section: Section, wire: Wire, bucket: str, token: Token | None) -> None:
        super().__init__(section.service, bucket, wire)
        self._project = section.value("project_id", "project")
        self._bucket = f"/storage/v1/b/{bucket}"
        self._uploads = f"/upload/storage/v1/b/{bucket}/o"
        self._token = token

    def list(self, prefix: str = "", deep: bool = True) -> Iterator[Item]:
        """Give every object whose name begins so."""
        token = ""
        while True:
            asked = {"prefix": prefix, "maxResults": "1000"}
            asked |= {} if deep else {"delimiter": "/"}
            if token:
                asked["pageToken"] = token
            page = self._page(asked)
            for entry in page.get("items") or []:
                yield _item(entry)
            for folder in page.get("prefixes") or []:
                yield Item(str(folder), 0, "")
            token = page.get("nextPageToken") or ""
            if not token:
                return

    def head(self, key: str) -> Item | None:
        """Look one object up."""
        reply = self.ask(Call("GET", key))
        if reply.status == 404:
            # Raises if it is the bucket that is not there.
            self._page({"maxResults": "1"})
            return None
        return _item(json.loads(self.check(reply, key).text))

    def put(self, key: str, piece: Piece) -> Put:
        """Store a small object at once."""
        check_length(self.service, key.encode())
        about = {"name": key, "metadata": {DIGEST: piece.sha256}, "md5Hash": piece.content_md5}
        body = b"".join(
            [
                f"--{_BORDER}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n".encode(),
                json.dumps(about).encode(),
                f"\r\n--{_BORDER}\r\nContent-Type: application/octet-stream\r\n\r\n".encode(),
                piece.data,
                f"\r\n--{_BORDER}--\r\n".encode(),
            ]
        )
        headers = {"Content-Type": f"multipart/related; boundary={_BORDER}"}
        asked = {"uploadType": "multipart"}
        reply = self.good(Call("POST", key, asked, headers, body, path=self._uploads))
        made = _item(json.loads(reply.text))
        self.stored(key, piece, made.md5, made.size)
        return Put(made.etag)

    def begin(self, key: str, size: int) -> "GoogleUpload":
        """Begin an object of many parts."""
        check_length(self.service, key.encode())
        headers = {**_JSON, "X-Upload-Content-Length": str(size)}
        body = json.dumps({"name": key}).encode()
        asked = {"uploadType": "resumable", "name": key}
        reply = self.good(Call("POST", key, asked, headers, body, path=self._uploads))
        parts = urlsplit(reply.header("Location"))
        if not parts.path:
            raise ActionFailed(f"{self.service}: {key!r}: the store began no upload")
        return GoogleUpload(self, key, f"{parts.path}?{parts.query}", size)

    def delete(self, key: str) -> None:
        """Delete an object."""
        reply = self.ask(Call("DELETE", key))
        if reply.status != 404:
            self.check(reply, key)

    def discard(self, key: str, upload: str, since: str) -> int:
        """Cancel the upload that an interrupted run left."""
        if not upload:
            return 0
        self.cancel(upload)
        return 1

    def make_place(self) -> bool:
        """Make the bucket."""
        if self.ask(Call("GET", path=self._bucket)).status == 200:
            return False
        body = json.dumps({"name": self.place}).encode()
        asked = {"project": self._project}
        self.good(Call("POST", "", asked, _JSON, body, path="/storage/v1/b"))
        return True

    def send_part(self, key: str, session: str, place: str, piece: Piece) -> Reply:
        """Send a piece of a resumable upload."""
        headers = {"Content-Range": place}
        reply = self.send(Call("PUT", key, headers=headers, body=piece.data), session)
        return reply if reply.status == _UNFINISHED else self.check(reply, key)

    def label(self, key: str, generation: str, digest: str) -> None:
        """Give a finished object its digest; its content and generation stay."""
        body = json.dumps({"metadata": {DIGEST: digest}}).encode()
        self.good(Call("PATCH", key, {"ifGenerationMatch": generation}, _JSON, body))

    def cancel(self, session: str) -> None:
        """Throw an upload away; the answer is 499, or 404 if it is long gone."""
        self.send(Call("DELETE"), session)

    def _reading(self, item: Item, offset: int, size: int) -> Call:
        asked = {"alt": "media", "ifGenerationMatch": item.etag}
        # Otherwise what was stored with `Content-Encoding: gzip` comes unpacked, and as a whole.
        headers = {"Accept-Encoding": "gzip"}
        if size < item.size:
            headers["Range"] = span(offset, size)
        return Call("GET", item.key, asked, headers, size=size)

    def _tag(self, item: Item, reply: Reply) -> str:
        return reply.header("x-goog-generation") or item.etag

    def _page(self, asked: Mapping[str, str]) -> dict[str, Any]:
        reply = self.good(Call("GET", asked=asked, path=f"{self._bucket}/o"))
        page: dict[str, Any] = json.loads(reply.text)
        return page

    def _path(self, call: Call) -> str:
        return self._wire.path + (call.path or f"{self._bucket}/o/{quote(call.key, safe='')}")

    def _signed(self, call: Call, target: str) -> Mapping[str, str]:
        if not self._token:
            return call.headers
        return {**call.headers, "Authorization": f"Bearer {self._token()}"}


class GoogleUpload:
    """An object in the making: a resumable upload."""

    def __init__(self, store: Google, key: str, session: str, size: int) -> None:
        self.id = session
        self._store = store
        self._key = key
        self._size = size
        self._sum = hashlib.md5(usedforsecurity=False)
        self._made: Item | None = None

    def part(self, index: int, offset: int, piece: Piece) -> None:
        """Send the next part; the last one makes the object."""
        self._sum.update(piece.data)
        end = offset + len(piece)
        place = f"bytes {offset}-{end - 1}/{self._size}"
        reply = self._store.send_part(self._key, self.id, place, piece)
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
        return Put(made.etag)

    def abort(self) -> None:
        """Throw away what was sent."""
        self._store.cancel(self.id)

    abandon = abort


def _item(entry: Mapping[str, Any]) -> Item:
    return Item(
        key=str(entry["name"]),
        size=int(entry.get("size") or 0),
        # The generation names the content; the tag changes with the metadata too.
        etag=str(entry.get("generation") or ""),
        modified=str(entry.get("updated") or ""),
        md5=from_base64(entry.get("md5Hash") or ""),
        sha256=str((entry.get("metadata") or {}).get(DIGEST) or ""),
    )
