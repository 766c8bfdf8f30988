"""The verbs of `cms fleet hours`."""

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from cloudmesh_engine import clouds
from cloudmesh_engine.commands.vm_request import VmRequest, expand, result
from cloudmesh_engine.errors import ActionFailed, EngineError, UsageError
from cloudmesh_engine.hours import config, times
from cloudmesh_engine.hours.applying import Applying, Done
from cloudmesh_engine.hours.book import Book, Pages
from cloudmesh_engine.hours.config import OPT_OUT, OPT_OUT_TAG, Schedule
from cloudmesh_engine.hours.plan import Note, covering, is_due
from cloudmesh_engine.hours.timetable import coming, described, timetable
from cloudmesh_engine.ledger import Document

_SCHEDULES = (
    "name", "enabled", "now", "next", "timezone", "weekdays", "start", "stop", "clouds", "vms",
)  # fmt: skip
_NOTES = ("cloud", "name", "instance_id", "stopped_by_us", "goal", "snoozed_until")
_PREVIEW = ("at", "schedule", "action", "utc")
_RESULTS = ("cloud", "name", "status", "instance_id")
_MOST_DAYS = 3660
# A clock that was wrong once must not stop office hours until that time comes.
_CLOCK_TOLERANCE = timedelta(minutes=10)


def show(request: VmRequest) -> None:
    """Show the schedules, or what is remembered of VMs."""
    schedules = config.load(request.settings)
    if request.arguments["--vms"]:
        pages = Book(request.settings).read()
        notes = [note for cloud in sorted(pages.notes) for note in pages.notes[cloud]]
        request.show([_remembered(note) for note in notes], _NOTES)
        return
    now = datetime.now(UTC)
    request.show([described(schedule, now) for schedule in schedules], _SCHEDULES)


def preview(request: VmRequest) -> None:
    """Show when the schedules will start and stop VMs."""
    begin = _time(request, "--from") if request.arguments["--from"] != "now" else None
    begin = begin or datetime.now(UTC)
    end = begin + timedelta(days=request.days(_MOST_DAYS))
    request.show(coming(_chosen(request), begin, end), _PREVIEW)


def apply(request: VmRequest) -> None:
    """Do what is due since the last time, on all clouds at once."""
    now = _apply_time(request)
    every = config.load(request.settings)
    schedules = [one for one in every if one.enabled]
    book = Book(request.settings)
    pages = book.read()
    if not request.dryrun:
        book.publish(timetable(every, datetime.now(UTC)))
    due: dict[str, tuple[list[Schedule], datetime]] = {}
    by_cloud = _by_cloud(request, schedules)
    # Also where nothing is scheduled: a schedule switched on later must not look back to before.
    for cloud in sorted({*by_cloud, *pages.last}):
        chosen, last = by_cloud.get(cloud, []), _last(request, book, pages, cloud, now)
        if chosen and is_due(chosen, pages.notes.get(cloud, ()), last, now):
            due[cloud] = chosen, last
        elif not request.dryrun:
            book.passed(cloud, now)
    done, errors = _on_all(request, book, pages, due, now)
    request.show([result(machine, action) for machine, action in done], _RESULTS)
    request.fail_clouds(errors)


def snooze(request: VmRequest) -> None:
    """Note that VMs are not to be stopped before a time."""
    schedules = [one for one in config.load(request.settings) if one.enabled]
    driver, book, now = request.driver(request.cloud()), Book(request.settings), datetime.now(UTC)
    text = str(request.arguments["--until"])

    def work(name: str) -> list[Document]:
        records = []
        for machine in request.owned(driver, name):
            zones = {hours.zone for hours in covering(machine, schedules)}
            if not zones:
                raise ActionFailed(
                    f"{machine.name} on {machine.cloud} has no office hours: nothing stops it"
                )
            until = times.until(text, "--until", zones, now)
            if not request.dryrun:
                book.snooze(Note(machine.cloud, machine.id, machine.name), until)
            action = "would snooze" if request.dryrun else "snoozed"
            ends = max(until.astimezone(zone).isoformat(timespec="minutes") for zone in zones)
            records.append({**result(machine, action), "snoozed_until": ends})
        return records

    request.each(request.names, work)


def opt_out(request: VmRequest) -> None:
    """Take VMs out of office hours."""
    _set_tag(request, OPT_OUT, "opted out")


def opt_in(request: VmRequest) -> None:
    """Put VMs back."""
    _set_tag(request, "on", "opted in")


def _set_tag(request: VmRequest, value: str, action: str) -> None:
    driver = request.driver(request.cloud())

    def work(name: str) -> list[Document]:
        machines = request.owned(driver, name)
        if request.dryrun:
            return [result(machine, f"would set {OPT_OUT_TAG}={value}") for machine in machines]
        for machine in machines:
            driver.tag(machine, OPT_OUT_TAG, value)
        return [result(driver.get(machine.id) or machine, action) for machine in machines]

    request.each(request.names, work)


def _by_cloud(request: VmRequest, schedules: Sequence[Schedule]) -> dict[str, list[Schedule]]:
    every = clouds.supported(request.settings)
    found: dict[str, list[Schedule]] = {}
    for schedule in schedules:
        for cloud in schedule.clouds or every:
            found.setdefault(cloud, []).append(schedule)
    return found


def _last(request: VmRequest, book: Book, pages: Pages, cloud: str, now: datetime) -> datetime:
    """Give until when a cloud is dealt with; one that is new has nothing to catch up on."""
    last = pages.last.get(cloud, min(now, datetime.now(UTC)))
    if request.arguments["--at"] or last < now + _CLOCK_TOLERANCE:
        return last
    print(f"cms: {cloud}: the last apply was at {last}: the clock was changed", file=sys.stderr)
    if not request.dryrun:
        book.passed(cloud, now, even_back=True)
    return now


def _on_all(
    request: VmRequest,
    book: Book,
    pages: Pages,
    due: Mapping[str, tuple[list[Schedule], datetime]],
    now: datetime,
) -> tuple[list[Done], list[EngineError]]:
    """Work on the clouds side by side, so that one which hangs hinders no other."""

    def work(cloud: str) -> tuple[list[Done], list[EngineError]]:
        schedules, last = due[cloud]
        applying = Applying(
            driver=request.driver(cloud),
            ledger=request.ledger,
            book=book,
            schedules=schedules,
            notes=pages.notes.get(cloud, []),
            last=last,
            now=now,
            budget=request.budget,
        )
        return (applying.preview(), []) if request.dryrun else applying.run()

    parts, errors = request.on_clouds(due, work)
    done = [one for found, _ in parts.values() for one in found]
    return done, [one for _, bad in parts.values() for one in bad] + errors


def _apply_time(request: VmRequest) -> datetime:
    now = datetime.now(UTC)
    if not request.arguments["--at"]:
        return now
    at = _time(request, "--at")
    if at > now and not request.dryrun:
        text = request.arguments["--at"]
        raise UsageError(f"--at={text}: is still to come: add --dryrun to see what would be done")
    return at


def _time(request: VmRequest, option: str) -> datetime:
    return times.parse(str(request.arguments[option]), option)


def _chosen(request: VmRequest) -> list[Schedule]:
    schedules = {schedule.name: schedule for schedule in config.load(request.settings)}
    names = expand(request.arguments["SCHEDULES"], "SCHEDULES")
    for name in names:
        if name not in schedules:
            raise UsageError(f"{name}: no such schedule: there are {', '.join(schedules)}")
    return [schedules[name] for name in names] or [one for one in schedules.values() if one.enabled]


def _remembered(note: Note) -> Document:
    return {
        "cloud": note.cloud,
        "name": note.name,
        "instance_id": note.instance,
        "stopped_by_us": bool(note.launched),
        "goal": note.goal,
        "snoozed_until": note.snoozed.isoformat() if note.snoozed else "",
    }
