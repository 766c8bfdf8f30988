"""Finds the VMs that should be gone: past their deadline, or of a run that has ended."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

log = logging.getLogger(__name__)


def due(records: Iterable[Mapping[str, Any]], now: datetime, run: str = "") -> list[dict[str, Any]]:
    """Give the VMs to delete as `cloud` and `names`, one entry for each cloud.

    They are named by their id, so that a new VM of the same name is not taken for the old one.

    :param run: `DAG/run`; if given, all that it booted instead of what is past its deadline
    """
    found: dict[str, list[str]] = defaultdict(list)
    for record in records:
        if record.get("run") == run if run else _is_past(record, now):
            log.info("%s on %s is due", record["name"], record["cloud"])
            found[record["cloud"]].append(record["instance_id"])
    return [{"cloud": cloud, "names": sorted(ids)} for cloud, ids in sorted(found.items())]


def _is_past(record: Mapping[str, Any], now: datetime) -> bool:
    text = record.get("deadline")
    if not text:
        return False
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        log.warning("%s: deadline %r is not ISO 8601, it stays", record["name"], text)
        return False
    return moment.replace(tzinfo=moment.tzinfo or UTC) <= now
