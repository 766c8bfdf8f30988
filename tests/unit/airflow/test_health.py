"""The health checks, against real HTTP servers with good and bad answers."""

import http.server
import json
import threading
from collections.abc import Iterator

import pytest

from cloudmesh_airflow import health


class Server(http.server.ThreadingHTTPServer):
    status = 200
    body = b""

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def report(status: str) -> bytes:
    return json.dumps({"metadatabase": {"status": status}}).encode()


def test_http_200_with_an_unhealthy_database_is_unhealthy(server):
    server.body = report("unhealthy")
    with pytest.raises(health.Unhealthy, match="metadata database is unhealthy"):
        health.webserver(server.url())


def test_a_healthy_report_passes(server):
    server.body = report("healthy")
    health.webserver(server.url())


def test_http_503_is_unhealthy(server):
    server.status = 503
    with pytest.raises(health.Unhealthy, match="answers 503"):
        health.scheduler(server.url("/health"))


def test_nobody_listening_is_unhealthy():
    with pytest.raises(health.Unhealthy, match="does not answer"):
        health.get("http://127.0.0.1:9/")


def test_flower_must_say_ok(server):
    server.body = b"<html>login</html>"
    with pytest.raises(health.Unhealthy, match="Flower says"):
        health.flower(server.url())


def test_a_database_that_is_down_is_one_line(monkeypatch, capsys, tmp_path):
    secret = tmp_path / "url"
    secret.write_text("postgresql+psycopg2://airflow:pw@127.0.0.1:9/airflow")
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD", f"cat {secret}")
    assert health.main(["triggerer"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("triggerer: the metadata database does not answer")
    assert "pw" not in error


def test_an_unknown_service_is_a_usage_error(capsys):
    assert health.main(["nosuch"]) == 2
    assert "usage" in capsys.readouterr().err
