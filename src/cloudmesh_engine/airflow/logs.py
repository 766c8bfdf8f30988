"""Logs of tasks: read to their end, or followed while they grow."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cloudmesh_engine.airflow import runs
from cloudmesh_engine.airflow.client import Client, run_path

_SOURCES = "::group::Log message source details"
# What Airflow's page folds.
_FOLD, _FOLD_END = "::group::", "::endgroup::"
# Attempts that may still write, and those that have not begun.
_GROWING = ("running", "deferred", "up_for_reschedule", "restarting")
_WAITING = (None, "scheduled", "queued")
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

Line = Mapping[str, Any]


@dataclass(frozen=True)
class Attempt:
    """One try of one task."""

    path: str
    task: str
    map_index: int
    number: int

    def read(self, client: Client, token: str | None = None) -> tuple[list[Line], str | None]:
        """Give the lines after those that the token stands for, and the next token, if any."""
        path = f"{self.path}/taskInstances/{quote(self.task, safe='')}/logs/{self.number}"
        answer = client.ask("GET", path, map_index=self.map_index, token=token)
        return answer["content"], answer.get("continuation_token")


def last(run: Mapping[str, Any], task: Mapping[str, Any], number: int | None = None) -> Attempt:
    """Give a task's last attempt, or another."""
    path = run_path(run["dag_id"], run["dag_run_id"])
    return Attempt(path, task["task_id"], task["map_index"], number or task["try_number"])


def shown(lines: list[Line]) -> list[Line]:
    """Leave out the marks for Airflow's page, and where Airflow found the log."""
    kept, inside = [], False
    for line in lines:
        if _is_mark(line):
            inside = line["event"] == _SOURCES
        elif not inside:
            kept.append(line)
    return kept


def sources(lines: list[Line]) -> list[Line]:
    """Give what Airflow says about where it looked."""
    return [line for line in lines if not _is_mark(line)]


def _is_mark(line: Line) -> bool:
    return str(line["event"]).startswith((_FOLD, _FOLD_END))


def text(line: Line) -> str:
    """Write a line for people, with nothing in it that steers a terminal."""
    time = str(line.get("timestamp") or "")[:19]
    level = str(line.get("level") or "").upper()
    body = [str(line["event"]), *_traceback(line)]
    head = " ".join(part for part in (time, level) if part)
    return _plain(f"{head} {chr(10).join(body)}" if head else body[0])


def _plain(written: str) -> str:
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", _COLOUR.sub("", written))


def _traceback(line: Line) -> Iterator[str]:
    for error in line.get("error_detail") or ():
        for frame in error.get("frames") or ():
            yield f'  File "{frame["filename"]}", line {frame["lineno"]}, in {frame["name"]}'
        yield f"{error.get('exc_type')}: {error.get('exc_value')}"


def _coming(task: Mapping[str, Any]) -> int:
    """Give the attempt that a task is at: of those before, nothing is asked for."""
    # What was cleared still has the number of its last attempt until it is scheduled.
    return max(1, int(task["try_number"]) + (task["state"] is None))


class Follower:
    """Gives the lines of a run's tasks as they come, each once.

    :param tell: called with the task's name and a line
    :param task: the only task to follow
    """

    def __init__(
        self,
        client: Client,
        run: runs.Document,
        tell: Callable[[str, Line], None],
        task: str | None = None,
    ) -> None:
        self._client, self._run, self._tell, self._task = client, run, tell, task
        self._first: dict[str, int] = {}
        self._readings: dict[Attempt, _Reading] = {}

    def look(self) -> bool:
        """Tell what is new, and say whether the task to follow has ended."""
        found = runs.tasks(self._client, self._run["dag_id"], self._run["dag_run_id"])
        chosen = runs.named(found, self._task) if self._task and found else found
        for task in chosen:
            name = runs.label(task)
            first = self._first.setdefault(name, _coming(task))
            for number in range(first, task["try_number"] + 1):
                self._advance(name, task, last(self._run, task, number))
        ended = all(task["state"] in runs.TASK_ENDED for task in chosen)
        return bool(self._task and chosen) and ended and self._drained()

    def _drained(self) -> bool:
        return all(reading.done for reading in self._readings.values())

    def _advance(self, name: str, task: Mapping[str, Any], attempt: Attempt) -> None:
        current = attempt.number == task["try_number"]
        reading = self._readings.setdefault(attempt, _Reading(attempt))
        if reading.done or (current and task["state"] in _WAITING):
            return
        for line in reading.more(self._client):
            self._tell(name, line)
        reading.done = not (reading.open or (current and task["state"] in _GROWING))


class _Reading:
    """How far an attempt was read."""

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self.done = False
        self.open = False
        self._token: str | None = None
        self._beyond = 0

    def more(self, client: Client) -> list[Line]:
        lines, token = self.attempt.read(client, self._token)
        lines = shown(lines)
        fresh = lines[self._beyond :]
        self.open = token is not None
        if token is None:
            # The task has stopped, perhaps for a while: without a new token, count.
            self._beyond = len(lines)
        else:
            self._token, self._beyond = token, 0
        return fresh
