"""Runs a transfer from begin to end, for every command that moves objects."""

from contextlib import nullcontext
from typing import Any

from cloudmesh_engine import causes
from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import EngineError
from cloudmesh_engine.moving import plan
from cloudmesh_engine.moving.filters import Filter
from cloudmesh_engine.moving.manifest import Manifest
from cloudmesh_engine.moving.mover import Mover
from cloudmesh_engine.moving.plan import Spot
from cloudmesh_engine.moving.progress import Progress
from cloudmesh_engine.moving.result import Options, Result
from cloudmesh_engine.moving.telling import told
from cloudmesh_engine.stores import printable

Document = dict[str, Any]
_TOLD, _LONGEST = 5, 120
# More would make the document too large; the task's log and --output=json have all.
_KEPT = 1000


def run(
    settings: Settings,
    source: Spot,
    target: Spot,
    options: Options,
    wanted: Filter | None = None,
    recursive: bool = True,
    name: str = "",
    shown: bool = True,
) -> tuple[Document, EngineError | None]:
    """Run a transfer; give its report, and what went wrong.

    :param name: under what `cms storage sync status` finds it
    :param shown: whether a person may watch
    """

    def explain(error: BaseException) -> EngineError:
        return causes.explain("transfer", error, settings)

    def why(error: BaseException) -> str:
        return settings.redact(str(explain(error)))

    def now() -> Document:
        begin = {"source": str(source), "target": str(target), "name": name}
        return {**begin, **_so_far(progress, mover.result)}

    manifest = Manifest(settings, source.name, target.name)
    todo = plan.make(source, target, wanted or Filter(), recursive)
    if options.delete:
        plan.spare_source(todo)
    with Progress(shown=shown and not options.dryrun) as progress:
        mover = Mover(todo, manifest, options, progress, explain)
        try:
            with nullcontext() if options.dryrun else told(manifest, now, why):
                result = mover.run()
        except Exception as error:
            # What was moved so far is noted; the next run goes on from there.
            failure = explain(error)
            raise type(failure)(str(failure)) from error
    report = describe(str(source), str(target), result, options)
    if not options.dryrun:
        manifest.close({**_kept(settings, report), "name": name})
    return report, _failure(result)


def describe(source: str, target: str, result: Result, options: Options) -> Document:
    """Make the report of a run."""
    action = "would move" if options.dryrun else "moved"
    deletes = [printable(key) for key in result.deleted]
    return {
        "action": action,
        "source": source,
        "target": target,
        "files": len(result.would_move) if options.dryrun else len(result.moved),
        "bytes": result.bytes,
        "unchanged": result.unchanged,
        "deleted": len(result.deleted),
        "failed": len(result.failures),
        "retries": result.retries,
        "seconds": round(result.seconds, 2),
        "digest": "" if options.dryrun else result.digest,
        "failures": [{"name": key, "error": str(why)} for key, why in result.failures.items()],
        **({"names": result.would_move, "deletes": deletes} if options.dryrun else {}),
    }


def _so_far(progress: Progress, result: Result) -> Document:
    """Describe a run that has not ended; beside what is known to be moved, more may come."""
    return {
        "action": "moving",
        "files": progress.files,
        "bytes": progress.bytes,
        "files_known": progress.files_known,
        "bytes_known": progress.bytes_known,
        "listed": progress.listed,
        "unchanged": result.unchanged,
        "deleted": len(result.deleted),
        "failed": len(result.failures),
        "seconds": round(progress.seconds, 2),
    }


def _kept(settings: Settings, report: Document) -> Document:
    """Make of a report what MongoDB keeps: others than who may see the secrets read it."""
    failures = report["failures"][:_KEPT]
    redacted = [{**one, "error": settings.redact(one["error"])} for one in failures]
    return {**report, "failures": redacted}


def _short(key: str) -> str:
    return key if len(key) <= _LONGEST else f"{key[:_LONGEST]}…"


def _failure(result: Result) -> EngineError | None:
    """Make one error of all, which says what failed and what to do."""
    failures = result.failures
    if not failures:
        return None
    worst = max(failures.values(), key=lambda error: error.exit_code)
    told = [f"{_short(key)!r}: {error}" for key, error in list(failures.items())[:_TOLD]]
    if len(failures) > _TOLD:
        told.append(f"{len(failures) - _TOLD} more, see --output=json")
    total = len(failures) + len(result.moved) + result.unchanged
    return type(worst)(
        f"{len(failures)} of {total} objects failed: {'; '.join(told)}: "
        "repeat the command to continue"
    )
