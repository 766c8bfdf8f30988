"""`cms airflow`: finds out which verb was asked for, and runs it."""

from collections.abc import Callable, Mapping
from typing import Any

from cloudmesh_engine.commands import airflow_acts, airflow_logs, airflow_views
from cloudmesh_engine.commands.airflow_request import AirflowRequest
from cloudmesh_engine.config import Settings

_VERBS: Mapping[str, Callable[[AirflowRequest], None]] = {
    "login": airflow_acts.log_in,
    "logout": airflow_acts.log_out,
    "dags": airflow_views.list_dags,
    "params": airflow_views.list_params,
    "pause": airflow_acts.pause,
    "unpause": airflow_acts.unpause,
    "trigger": airflow_acts.trigger,
    "runs": airflow_views.list_runs,
    "state": airflow_views.show_state,
    "logs": airflow_logs.show,
    "clear": airflow_acts.clear,
}


def run(settings: Settings, arguments: Mapping[str, Any]) -> None:
    """Run one `cms airflow` command."""
    request = AirflowRequest(settings, arguments)
    for verb, command in _VERBS.items():
        if arguments[verb]:
            return command(request)
