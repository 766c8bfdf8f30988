"""One OpenStack service in this process: serve.py SERVICE HOST PORT [PORT OF A NEIGHBOUR]...

They are the projects' own applications. Nova is four programs, which share one process here,
so that they need no message broker.
"""

import importlib
import logging
import socket
import sys
import time
from typing import Any

import sqlalchemy.event
from sqlalchemy.engine import Engine

APPLICATIONS = {
    "keystone": "keystone.wsgi.api",
    "placement": "placement.wsgi.api",
    "glance": "glance.wsgi.api",
    "neutron": "neutron.wsgi.api",
    "nova": "nova.wsgi.osapi_compute",
}
# As in the configuration.
HOST = "sandbox"
NOVA_PARTS = ("conductor", "scheduler", "compute")


@sqlalchemy.event.listens_for(Engine, "connect")
def _set_up(connection: Any, _record: Any) -> None:
    # Nothing here outlives the container, so nothing needs to reach the disk.
    for pragma in ("journal_mode = WAL", "synchronous = OFF", "busy_timeout = 60000"):
        connection.execute(f"PRAGMA {pragma}")


@sqlalchemy.event.listens_for(Engine, "before_cursor_execute", retval=True)
def _lock_at_once(
    _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
) -> tuple[str, Any]:
    # SQLite refuses, without waiting, a transaction that reads first and then wants to write.
    return ("BEGIN IMMEDIATE" if statement == "BEGIN" else statement), parameters


def start_nova(neighbours: list[int]) -> None:
    """Start the parts of Nova that are no web service, and make its computer known."""
    from nova import context, objects, service
    from nova.compute import rpcapi
    from nova.objects import host_mapping

    for port in neighbours:
        wait_for(port)
    for part in NOVA_PARTS:
        more = {"topic_alt": rpcapi.RPC_TOPIC_ALT} if part == "compute" else {}
        service.Service.create(binary=f"nova-{part}", topic=part, **more).start()
    objects.register_all()
    administrator = context.get_admin_context()
    host_mapping.discover_hosts(administrator)
    # It reports itself only after seconds, and who was last seen long ago gets no VM.
    compute = objects.Service.get_by_host_and_binary(administrator, HOST, "nova-compute")
    compute.report_count += 1
    compute.save()


def wait_for(port: int) -> None:
    """Wait until somebody listens; whoever started us ends us when that takes too long."""
    while True:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)


def main(service: str, host: str, port: int, neighbours: list[int]) -> None:
    """Serve until SIGTERM."""
    # The services parse it, too.
    sys.argv[1:] = []
    application = importlib.import_module(APPLICATIONS[service]).application
    if service == "nova":
        start_nova(neighbours)
    from werkzeug.serving import make_server

    # A line for each request would drown the others.
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    # Where two requests meet, Placement reads anew beside its own open transaction, for which
    # SQLite would wait until it gives up: so it gets one request after the other.
    server = make_server(host, port, application, threaded=service != "placement")
    print(f"{service}: ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), list(map(int, sys.argv[4:])))
