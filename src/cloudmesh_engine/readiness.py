"""The steps that make MongoDB and a cloud ready for the first VM; each may be taken again."""

from collections.abc import Callable, Iterable, Iterator

from cloudmesh_engine import access, causes, clouds, database, keystore, offers, owner
from cloudmesh_engine.clouds.resources import Resources
from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import DependencyDown, EngineError

# What the step is called, what it works on, and the work, which says what it did.
Step = tuple[str, str, Callable[[], str]]
Record = dict[str, str]


class Report:
    """What the steps for one cloud did, and what went wrong."""

    def __init__(self, settings: Settings, cloud: str) -> None:
        self.settings = settings
        self.cloud = cloud
        self.records: list[Record] = []
        self.errors: list[EngineError] = []

    @property
    def is_down(self) -> bool:
        """Whether something does not answer, so that further steps are of no use."""
        return any(isinstance(error, DependencyDown) for error in self.errors)

    def take(self, steps: Iterable[Step]) -> "Report":
        """Take the steps; one that fails hinders no other."""
        try:
            for step, name, work in steps:
                try:
                    self._note(step, name, work())
                except Exception as error:
                    self._failed(step, name, error)
                if self.is_down:
                    break
        except Exception as error:
            self._failed("open", self.cloud, error)
        return self

    def _note(self, step: str, name: str, action: str) -> None:
        self.records.append({"cloud": self.cloud, "step": step, "name": name, "action": action})

    def _failed(self, step: str, name: str, error: Exception) -> None:
        self.errors.append(causes.explain("init", error, self.settings))
        self._note(step, name, "failed")


def local_steps(settings: Settings, dryrun: bool) -> Iterator[Step]:
    """Give the steps that need MongoDB alone."""
    place = str(settings.get("data.mongo.MONGO_DBNAME"))
    yield "index", place, lambda: _index(settings, database.LOCAL, dryrun)
    name = access.key_name(settings)
    yield "key", name, lambda: _said(access.ensure_key(settings, dryrun), dryrun)


def cloud_steps(settings: Settings, cloud: str, dryrun: bool) -> Iterator[Step]:
    """Give the steps for a cloud."""
    resources = clouds.open_resources(settings, cloud, owner.current(make=not dryrun))
    key = access.key_name(settings)
    group = access.group_name(clouds.section(settings, cloud)) or access.DEFAULT_GROUP
    yield "index", cloud, lambda: _index(settings, cloud, dryrun)
    yield "upload", key, lambda: _upload(settings, resources, key, dryrun)
    yield "group", group, lambda: _group(resources, group, dryrun)
    yield "images", cloud, lambda: _refresh(settings, resources, "image", dryrun)
    yield "flavors", cloud, lambda: _refresh(settings, resources, "flavor", dryrun)


def _index(settings: Settings, cloud: str, dryrun: bool) -> str:
    return _said(database.ensure_indexes(settings, cloud, dryrun), dryrun)


def _upload(settings: Settings, resources: Resources, key: str, dryrun: bool) -> str:
    if dryrun:
        found = resources.keys()
        return _said(not any(entry["name"] == key for entry in found), dryrun)
    return _said(resources.add_key(key, keystore.public_key(settings, key)), dryrun)


def _group(resources: Resources, name: str, dryrun: bool) -> str:
    action = access.ensure_group(resources, name, dryrun=dryrun)
    return _said(True, dryrun) if action == access.ADDED else action


def _refresh(settings: Settings, resources: Resources, kind: str, dryrun: bool) -> str:
    if dryrun:
        return "would refresh"
    found = resources.images() if kind == "image" else resources.flavors()
    changed = offers.refresh(settings, resources.cloud, kind, found)
    return f"{len(found)} {'stored' if changed else 'unchanged'}"


def _said(new: bool, dryrun: bool) -> str:
    if not new:
        return access.THERE
    return "would add" if dryrun else access.ADDED
