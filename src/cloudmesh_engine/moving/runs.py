"""Runs a transfer from begin to end, for every command that moves objects."""

from typing import Any

from cloudmesh_engine import causes
from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import EngineError
from cloudmesh_engine.moving import plan
from cloudmesh_engine.moving.manifest import Manifest
from cloudmesh_engine.moving.mover import Mover
from cloudmesh_engine.moving.plan import Filter, Spot
from cloudmesh_engine.moving.progress import Progress
from cloudmesh_engine.moving.result import Options, Result

Document = dict[str, Any]
_TOLD, _LONGEST = 5, 120


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

    manifest = Manifest(settings, source.name, target.name)
    todo = plan.make(source, target, wanted or Filter(), recursive)
    with Progress(shown=shown and not options.dryrun) as progress:
        mover = Mover(todo, manifest, options, progress, explain)
        try:
            result = mover.run()
        except Exception as error:
            # What was moved so far is noted; the next run goes on from there.
            failure = explain(error)
            raise type(failure)(str(failure)) from error
    report = describe(str(source), str(target), result, options)
    if not options.dryrun:
        manifest.close({**report, "name": name})
    return report, _failure(result)


def describe(source: str, target: str, result: Result, options: Options) -> Document:
    """Make the report of a run."""
    action = "would move" if options.dryrun else "moved"
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
        **({"names": result.would_move, "deletes": result.deleted} if options.dryrun else {}),
    }


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
