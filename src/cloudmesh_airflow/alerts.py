"""What a DAG's `DeadlineAlert` calls, in the triggerer, when a run takes too long."""

import logging
from typing import Any

log = logging.getLogger(__name__)


async def too_slow(text: str, context: dict[str, Any] | None = None) -> None:
    """Write a warning into the triggerer's log that says which run it is.

    :param text: what to say
    :param context: which run it is, given by Airflow
    """
    run = (context or {}).get("dag_run") or {}
    log.warning("%s/%s: %s", run.get("dag_id", "?"), run.get("dag_run_id", "?"), text)
