"""The verbs of `cms vm` that find out whether VMs can be reached: ping, check."""

import socket
import time

from cloudmesh_engine import ssh
from cloudmesh_engine.clouds import Machine
from cloudmesh_engine.commands import vm_login, vm_views
from cloudmesh_engine.commands.vm_request import COLUMNS, VmRequest
from cloudmesh_engine.errors import ActionFailed, UsageError
from cloudmesh_engine.ledger import Document, document

_PING = ("cloud", "name", "address", "port", "sent", "received", "milliseconds")
_PING_SECONDS = 3
_MOST_PINGS = 100


def check(request: VmRequest) -> None:
    """Ask the cloud about VMs, and fail unless they run and let us log in."""

    def verify(machine: Machine) -> list[Document]:
        login = vm_login.login(request, machine)
        ssh.check(login)
        return [{**document(machine), "login": login.place}]

    machines, errors = vm_views.seen(request)
    records, failures = request.gather(machines, verify)
    request.show(records, (*COLUMNS, "login"))
    request.fail(errors + failures)


def ping(request: VmRequest) -> None:
    """Try to reach the ssh port of VMs: clouds drop the packets of the usual ping."""
    count = _count(request)

    def probe(machine: Machine) -> list[Document]:
        address = vm_login.address(request, machine)
        port = vm_login.port(request.settings, machine.cloud)
        times = [_connect(address, port) for _ in range(count)]
        reached = [seconds * 1000 for seconds in times if seconds is not None]
        place = {"cloud": machine.cloud, "name": machine.name, "address": address, "port": port}
        average = round(sum(reached) / len(reached), 1) if reached else None
        counts = {"sent": count, "received": len(reached), "milliseconds": average}
        return [{**place, **counts}]

    machines, errors = vm_views.seen(request)
    records, failures = request.gather(machines, probe)
    request.show(records, _PING)
    silent = [_silence(record) for record in records if not record["received"]]
    request.fail([*errors, *failures, *silent])


def _count(request: VmRequest) -> int:
    text = str(request.arguments["--count"] or 1)
    if not text.isdecimal() or not 0 < int(text) <= _MOST_PINGS:
        raise UsageError(f"--count={text}: give a number from 1 to {_MOST_PINGS}")
    return int(text)


def _connect(address: str, port: int) -> float | None:
    """Give the seconds that a connection took, nothing if there was none."""
    began = time.monotonic()
    try:
        with socket.create_connection((address, port), _PING_SECONDS):
            return time.monotonic() - began
    except OSError:
        return None


def _silence(record: Document) -> ActionFailed:
    return ActionFailed(
        f"{record['name']} does not answer on port {record['port']} of {record['address']}: "
        "see cms vm status, and whether its security group lets us in"
    )
