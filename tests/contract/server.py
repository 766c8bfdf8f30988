"""An Airflow that runs DAGs as it is told: JSON lines in, one JSON line for each run out.

    {"dag": …, "conf": {…}, "environ": {…}, "date": …}
    {"run": "success", "tasks": {"do": "success"}, "returned": {"do": …}, "events": {uri: {…}}}

Two runs of a DAG with the same date are one run that was cleared. Folders with DAG files are the
arguments, as NAME=FOLDER.
"""

import json
import os
import sys
from datetime import datetime


def load(arguments):
    from airflow.dag_processing.dagbag import DagBag

    dags = {}
    for argument in arguments:
        name, _, folder = argument.partition("=")
        bag = DagBag(folder, bundle_path=folder, bundle_name=name)
        assert not bag.import_errors, bag.import_errors
        dags |= bag.dags
    return dags


def events(after=0):
    """Give the asset events that came after one of them, by their number."""
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        found = session.scalars(select(AssetEvent).where(AssetEvent.id > after))
        return {event.id: (event.asset.uri, event.extra) for event in found}


def run(folders, request):
    os.environ.update(request["environ"])
    # Anew each time, as in a task: a run leaves its form's values in the DAG.
    dags = load(folders)
    date = datetime.fromisoformat(request["date"])
    dag = dags[request["dag"]]
    # Airflow 3.3.2's test() fails on a deadline, which is kept in the database by then.
    dag.deadline = None
    last = max(events(), default=0)
    done = dag.test(run_after=date, logical_date=date, run_conf=request["conf"])
    tasks = {ti.task_id: ti for ti in done.get_task_instances()}
    return {
        "run": done.state,
        "run_id": done.run_id,
        "tasks": {name: ti.state for name, ti in tasks.items()},
        "returned": {name: ti.xcom_pull(task_ids=name) for name, ti in tasks.items()},
        "events": dict(events(last).values()),
    }


def main():
    # Whatever Airflow prints goes to the log; the answers have a descriptor of their own.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    DagBundlesManager().sync_bundles_to_db()
    for line in sys.stdin:
        answer = run(sys.argv[1:], json.loads(line))
        # A mapped task returned one thing for each of its instances.
        answers.write(json.dumps(answer, default=list) + "\n")
        answers.flush()


main()
