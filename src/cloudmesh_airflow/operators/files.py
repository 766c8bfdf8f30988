"""Operators that move files between stores and list them."""

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Asset

from cloudmesh_airflow import arguments, files
from cloudmesh_airflow.assets import TRANSFERS, asset
from cloudmesh_airflow.errors import CmsError
from cloudmesh_airflow.operators.cloudmesh import CloudmeshOperator

_DAY = 86_400
# What a listing shows of itself in the log, and a dry run returns.
_SHOWN = 1000
_TOLD = ("source", "target", "files", "bytes", "unchanged", "deleted", "digest")


class CloudmeshTransferOperator(CloudmeshOperator):
    """Moves objects from any store to any store, and fails unless all of them arrived.

    Returns the report: files, bytes, unchanged, deleted, retries, seconds, and a digest over all
    objects. What is there already is not moved again, so a retried task goes on where the last try
    ended. A task that succeeds emits an event of the asset of its target, see `asset` below; also
    when nothing had to be moved, because an earlier try may have moved it.

    :param source: `SERVICE:PATH`, an object, a folder with all that is in it, or a glob
    :param target: `SERVICE:PATH`, a name if the source is one object, otherwise a folder
    :param include: only names that match this glob, or one of these
    :param exclude: no names that match this glob, or one of these
    :param delete: delete at the target what the source does not have
    :param verify: store compares what the stores say; read reads everything back as well
    :param bwlimit: bytes a second, as 500K or 10M; no limit if empty
    :param parallel: how many workers move files; as many as `cms` thinks best if empty
    :param dryrun: move nothing; the report has up to 1000 `names` of what would be moved
    :param outlets: further assets of the task
    :param command_timeout: seconds after which the command is ended; what it moved is not lost
    """

    template_fields: Sequence[str] = (
        "source",
        "target",
        "include",
        "exclude",
        "delete",
        "verify",
        "bwlimit",
        "parallel",
        "dryrun",
        "cloudmesh_conn_id",
    )
    ui_color = "#d6e4f7"

    def __init__(
        self,
        *,
        source: str,
        target: str,
        include: str | list[str] = "",
        exclude: str | list[str] = "",
        delete: bool | str = False,
        verify: str = "store",
        bwlimit: str = "",
        parallel: int | str = "",
        dryrun: bool | str = False,
        command_timeout: float = _DAY,
        outlets: Any = None,
        **kwargs: Any,
    ) -> None:
        given = outlets if isinstance(outlets, list) else [outlets] if outlets else []
        super().__init__(command_timeout=command_timeout, outlets=[*given, TRANSFERS], **kwargs)
        self.source = source
        self.target = target
        self.include = include
        self.exclude = exclude
        self.delete = delete
        self.verify = verify
        self.bwlimit = bwlimit
        self.parallel = parallel
        self.dryrun = dryrun

    def execute(self, context: Any) -> dict[str, Any]:
        """Move the objects, and tell of it."""
        dryrun = arguments.flag("dryrun", self.dryrun)
        words = arguments.transfer(
            self.source,
            self.target,
            include=arguments.several(self.include),
            exclude=arguments.several(self.exclude),
            delete=arguments.flag("delete", self.delete),
            verify=self.verify,
            bwlimit=self.bwlimit,
            parallel=self.parallel,
            dryrun=dryrun,
        )
        report = self._moved(words)
        self.log.info("%s", files.summary(report))
        if dryrun:
            return self._shortened(report)
        self._announce(context, report)
        return report

    def _moved(self, words: list[str]) -> dict[str, Any]:
        try:
            with self.skipping():
                said = self.hook.run(words, timeout=self.command_timeout, log_stdout=False)
        except CmsError as error:
            # stderr names the first of them only.
            for report in files.written(error.stdout):
                for one in report["failures"]:
                    self.log.error("%s: %s", one["name"], one["error"])
            raise
        (report,) = said.json()
        return dict(report)

    def _shortened(self, report: dict[str, Any]) -> dict[str, Any]:
        for name in report["names"]:
            self.log.info("would move %s", name)
        for name in report["deletes"]:
            self.log.info("would delete %s", name)
        return report | {key: report[key][:_SHOWN] for key in ("names", "deletes")}

    def _announce(self, context: Any, report: dict[str, Any]) -> None:
        try:
            there: Asset = asset(self.target)
        except ValueError as error:
            self.log.warning("no asset event for a name that long: %s", error)
            return
        context["outlet_events"][TRANSFERS].add(there, extra={key: report[key] for key in _TOLD})


class CloudmeshListFilesOperator(CloudmeshOperator):
    """Lists an object, a folder, or what matches a glob.

    Returns one record for each: storage, name, kind, size, modified and etag.

    :param source: `SERVICE:PATH`, as `aws:runs` or `azure:logs/**/*.gz`
    :param recursive: with all that is in its folders; otherwise those are records of their own
    :param missing_ok: nothing of that name is an empty list; False makes it an error
    """

    template_fields: Sequence[str] = ("source", "recursive", "cloudmesh_conn_id")
    ui_color = "#d6e4f7"

    def __init__(
        self,
        *,
        source: str,
        recursive: bool | str = True,
        missing_ok: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.source = source
        self.recursive = recursive
        self.missing_ok = missing_ok

    def execute(self, context: Any) -> list[dict[str, Any]]:
        """List the files."""
        deep = arguments.flag("recursive", self.recursive)
        try:
            with self.skipping():
                found = files.find(self.hook, self.source, deep, self.command_timeout)
        except CmsError as error:
            if not (self.missing_ok and files.is_missing(error)):
                raise
            found = []
        for record in found[:_SHOWN]:
            self.log.info("%s %s", record["size"], record["name"])
        self.log.info("%d in all, %d bytes", len(found), sum(record["size"] for record in found))
        return found
