"""`cms airflow logs`: what tasks wrote, so far or as they go on."""

from cloudmesh_engine.airflow import logs, runs
from cloudmesh_engine.airflow.logs import Line
from cloudmesh_engine.commands.airflow_request import AirflowRequest, Document
from cloudmesh_engine.errors import ActionFailed, UsageError

_COLUMNS = ("task", "try", "timestamp", "level", "event")


def show(request: AirflowRequest) -> None:
    """Show the log of a task, or of all tasks of a run."""
    if request.arguments["--follow"]:
        _follow(request)
    else:
        _read(request)


def line(task: str, content: Line) -> str:
    """Write a line of one of several tasks."""
    return "\n".join(f"{task} | {part}" for part in logs.text(content).split("\n"))


def _follow(request: AirflowRequest) -> None:
    if request.form != "table" or request.arguments["--try"]:
        raise UsageError("--follow: goes without --output and --try")
    task = request.arguments["TASK"]

    def tell(name: str, content: Line) -> None:
        request.write((logs.text(content) if name == task else line(name, content)) + "\n")
        request.flush()

    run = request.run()
    follower = logs.Follower(request.client, run, tell, task)
    runs.wait(request.client, run, follower.look)


def _read(request: AirflowRequest) -> None:
    task, number = request.arguments["TASK"], request.number("--try")
    if number and not task:
        raise UsageError(f"--try={number}: name the task")
    run = request.run()
    found = runs.tasks(request.client, run["dag_id"], run["dag_run_id"])
    chosen = runs.named(found, task) if task else found
    records: list[Document] = []
    for one in chosen:
        # Airflow counts from 1: a task that has not begun, or was skipped, has no log.
        if one["try_number"]:
            records += _lines(request, run, one, number)
    if task and not records:
        raise ActionFailed(f"{task} has written no log: it is {chosen[0]['state'] or 'to come'}")
    if request.form != "table":
        return request.show(records, _COLUMNS)
    several = len({record["task"] for record in records}) > 1
    for record in records:
        text = line(record["task"], record) if several else logs.text(record)
        request.write(f"{text}\n")


def _lines(
    request: AirflowRequest, run: Document, task: Document, number: int | None
) -> list[Document]:
    attempt = logs.last(run, task, number)
    content, _ = attempt.read(request.client)
    kept = logs.shown(content) or logs.sources(content)
    head = {"task": runs.label(task), "try": attempt.number}
    return [{**head, **one} for one in kept]
