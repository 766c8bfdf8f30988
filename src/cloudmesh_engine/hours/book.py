"""What office hours remember, in the MongoDB collection `hours`.

One document for each cloud says until when every transition is dealt with; one for each VM that
there is something to say of holds its note. A goal is written before anything is done, and
taken back when it is reached, so a command that was killed is finished by the next. One document
tells those who cannot read the file of schedules what stands there and what is to come.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from cloudmesh_engine import mongo
from cloudmesh_engine.config import Settings
from cloudmesh_engine.hours.plan import START, Note

_CLOUD, _VM, _TIMETABLE = "cloud", "vm", "timetable"
_TIMETABLE_ID = "/timetable"  # no cloud can have that name


@dataclass
class Pages:
    """The whole collection, read at once."""

    last: dict[str, datetime] = field(default_factory=dict)
    notes: dict[str, list[Note]] = field(default_factory=dict)


class Book:
    """The collection."""

    def __init__(self, settings: Settings) -> None:
        server = mongo.server(settings)
        self._stored = mongo.client(server)[server.database]["hours"]

    def read(self) -> Pages:
        """Read everything."""
        pages = Pages()
        for stored in self._stored.find({"kind": {"$in": [_CLOUD, _VM]}}):
            if stored["kind"] == _CLOUD:
                pages.last[stored["cloud"]] = datetime.fromisoformat(stored["last"])
            else:
                pages.notes.setdefault(stored["cloud"], []).append(_note(stored))
        return pages

    def publish(self, timetable: dict[str, Any]) -> None:
        """Note what the schedules say."""
        document = {"_id": _TIMETABLE_ID, "kind": _TIMETABLE, **timetable}
        self._stored.replace_one({"_id": _TIMETABLE_ID}, document, upsert=True)

    def passed(self, cloud: str, at: datetime, even_back: bool = False) -> None:
        """Note until when a cloud's transitions are dealt with.

        :param even_back: also if that is earlier than what was noted
        """
        how = "$set" if even_back else "$max"
        query = {"_id": cloud, "kind": _CLOUD, "cloud": cloud}
        self._stored.update_one(query, {how: {"last": _text(at)}}, upsert=True)

    def settled(self, before: Note, after: Note) -> None:
        """Write down what was decided for a VM."""
        values = {"name": after.name, "goal": after.goal, "launched": after.launched}
        self._put(after, values, {"snoozed": ""})
        if before.snoozed and not after.snoozed:
            # Unless somebody has prolonged it meanwhile.
            query = {"_id": _key(after), "snoozed": _text(before.snoozed)}
            self._stored.update_one(query, {"$set": {"snoozed": ""}})
        self._tidy(after)

    def reached(self, note: Note) -> None:
        """Note that a goal is reached."""
        values = {"goal": ""} if note.goal != START else {"goal": "", "launched": ""}
        self._stored.update_one({"_id": _key(note), "goal": note.goal}, {"$set": values})
        self._tidy(note)

    def snooze(self, note: Note, until: datetime) -> None:
        """Note until when a VM is not to be stopped."""
        values = {"name": note.name, "snoozed": _text(until)}
        self._put(note, values, {"goal": "", "launched": ""})

    def snoozed(self, note: Note, now: datetime) -> bool:
        """Say whether a VM has been snoozed by now."""
        stored = self._stored.find_one({"_id": _key(note)})
        until = _note(stored).snoozed if stored else None
        return until is not None and until > now

    def dropped(self, note: Note) -> None:
        """Take a goal back, with what was noted for it."""
        self._put(note, {"goal": "", "launched": ""}, {})
        self._tidy(note)

    def forget(self, note: Note) -> None:
        """Forget a VM."""
        self._stored.delete_one({"_id": _key(note)})

    def _put(self, note: Note, values: dict[str, Any], first: dict[str, Any]) -> None:
        fixed = {"kind": _VM, "cloud": note.cloud, "instance": note.instance}
        change = {"$set": {**fixed, **values}}
        if first:
            change["$setOnInsert"] = first
        self._stored.update_one({"_id": _key(note)}, change, upsert=True)

    def _tidy(self, note: Note) -> None:
        nothing = {"goal": "", "launched": "", "snoozed": ""}
        self._stored.delete_one({"_id": _key(note), **nothing})


def _key(note: Note) -> str:
    return f"{note.cloud}/{note.instance}"


def _text(at: datetime) -> str:
    # Text of one length in one zone sorts as the times do.
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _note(stored: dict[str, Any]) -> Note:
    note = Note(
        stored["cloud"], stored["instance"], stored["name"], stored["goal"], stored["launched"]
    )
    until = stored["snoozed"]
    return replace(note, snoozed=datetime.fromisoformat(until)) if until else note
