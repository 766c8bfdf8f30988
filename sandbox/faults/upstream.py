"""Requests and answers, and the way to the emulator."""

import http.client
import json
import re
import uuid
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.sax.saxutils import escape

SCOPE = re.compile(r"Credential=[^/,]+/\d{8}/([\w-]+)/([\w-]+)/aws4_request")
MAX_FIELDS = 2000
ID = re.compile(r"/(?=(?:[0-9a-f-]{32,36}|\d{15,20}|operation-[\w-]+)(?:/|$))[^/]+")
# Azure's names are the users' own; what comes before says that one follows.
AZURE_NAME = re.compile(r"(/subscriptions|/resourceGroups|/providers/[^/]+/[^/]+)/[^/]+", re.I)
# They belong to one connection, not to the message (RFC 9110, 7.6.1); we count bodies anew.
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect", "te", "upgrade"}


@dataclass
class Answer:
    """What a client gets."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass
class Request:
    """What a client sent, and what the emulator said to it."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes
    region: str = ""
    service: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    upstream_status: int | None = None
    rest_action: str = ""

    @classmethod
    def read(cls, method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> "Request":
        """Tell by the signature's scope which service is meant; EC2's parameters are in a form."""
        request = cls(method, path, headers, body)
        signature = next((v for k, v in headers if k.lower() == "authorization"), "")
        if scope := SCOPE.search(signature):
            request.region, request.service = scope.groups()
        if request.service == "ec2":
            form = "&".join(filter(None, (urlsplit(path).query, body.decode("utf-8", "replace"))))
            fields = parse_qsl(form, keep_blank_values=True, max_num_fields=MAX_FIELDS)
            request.parameters = dict(fields)
        return request

    @classmethod
    def read_rest(
        cls, method: str, path: str, headers: list[tuple[str, str]], body: bytes
    ) -> "Request":
        """Take method and path as the action, with a star for each id."""
        request = cls(method, path, headers, body)
        request.rest_action = f"{method} {ID.sub('/*', urlsplit(path).path)}"
        return request

    @classmethod
    def read_azure(
        cls, method: str, path: str, headers: list[tuple[str, str]], body: bytes
    ) -> "Request":
        """Take method and path as the action, with a star for each id and name."""
        request = cls.read_rest(method, path, headers, body)
        place = AZURE_NAME.sub(r"\1/*", urlsplit(path).path)
        request.rest_action = f"{method} {ID.sub('/*', place)}"
        return request

    @property
    def action(self) -> str:
        """The EC2 action, empty for other services of AWS; or method and path."""
        return self.rest_action or self.parameters.get("Action", "")

    def asking(self, action: str, **parameters: str) -> "Request":
        """Return another question by the same client in the same region."""
        form = {"Action": action, "Version": "2016-11-15", **parameters}
        return Request("POST", "/", self.headers, urlencode(form).encode(), parameters=form)


def error(status: int, code: str, message: str) -> Answer:
    """Return an error in EC2's form."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Response><Errors><Error><Code>{escape(code)}</Code>"
        f"<Message>{escape(message)}</Message></Error></Errors>"
        f"<RequestID>{uuid.uuid4()}</RequestID></Response>"
    )
    return Answer(status, [("Content-Type", "text/xml;charset=UTF-8")], body.encode())


def rest_error(status: int, code: str, message: str) -> Answer:
    """Return an error in OpenStack's form."""
    body = json.dumps({code: {"code": status, "message": message}})
    return Answer(status, [("Content-Type", "application/json")], body.encode())


def azure_error(status: int, code: str, message: str) -> Answer:
    """Return an error in Azure's form."""
    body = json.dumps({"error": {"code": code, "message": message}})
    return Answer(status, [("Content-Type", "application/json")], body.encode())


class Upstream:
    """The emulator."""

    def __init__(self, url: str, seconds: float, max_bytes: int) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname or parts.path.strip("/"):
            raise ValueError(f"{url!r} is no http://HOST:PORT")
        self._host, self._port = parts.hostname, parts.port or 80
        self._seconds, self._max_bytes = seconds, max_bytes

    def forward(self, request: Request) -> Answer:
        """Send the request on as it is; an emulator that does not answer is a 502."""
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._seconds)
        try:
            connection.putrequest(
                request.method, request.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in request.headers:
                if name.lower() not in HOP:
                    connection.putheader(name, value)
            if request.body or request.method in ("POST", "PUT", "PATCH"):
                connection.putheader("Content-Length", str(len(request.body)))
            connection.endheaders(request.body or None)
            reply = connection.getresponse()
            body = reply.read(self._max_bytes + 1)
            if len(body) > self._max_bytes:
                return error(502, "FaultProxyUpstream", f"answer above {self._max_bytes} bytes")
            headers = [(k, v) for k, v in reply.getheaders() if k.lower() not in HOP]
            if request.method == "HEAD" and (length := reply.getheader("Content-Length")):
                headers.append(("Content-Length", length))
        except (OSError, http.client.HTTPException) as failure:
            return error(502, "FaultProxyUpstream", f"{self._host}:{self._port}: {failure!r}")
        finally:
            connection.close()
        request.upstream_status = reply.status
        return Answer(reply.status, headers, body)
