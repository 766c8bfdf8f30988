"""`cloudmesh.configuration.Config`: upstream's, on the configuration that `cms` reads."""

import copy
from types import ModuleType
from typing import Any, NoReturn

import yaml

from cloudmesh_engine import config, variables
from cloudmesh_engine.entry.context import Unsupported, settings, told

_READ_ONLY = ("save", "set", "set_cloud", "edit", "fetch", "create", "check", "__delitem__")


def mend(module: ModuleType) -> None:
    """Let the class read through our configuration, show no secret, and write nothing."""
    cls = module.Config
    cls.load = _load
    cls.cat_lines = staticmethod(_cat_lines)
    cls.cat = staticmethod(_cat)
    cls.spec_replace = staticmethod(lambda spec: spec)
    for name in _READ_ONLY:
        setattr(cls, name, _read_only(name))
    cls.__setitem__ = cls.set


def _load(self: Any, config_path: Any = None) -> None:
    """Take what `cms` reads: upstream parses for 200 ms, and evaluates `{…}` as Python."""
    with told("Config"):
        found = settings()
    self.config_path = found.path
    self.config_folder = str(found.path.parent)
    self.data = copy.deepcopy(found.data)
    self.variable_database = variables.effective(found)
    self.cloud = self.default().get("cloud")


def _cat_lines(content: list[str], **_: Any) -> str:
    return config.dump(config.masked(yaml.safe_load("\n".join(content))))


def _cat(**_: Any) -> str:
    return config.dump(config.masked(settings().data))


def _read_only(name: str) -> Any:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise Unsupported(
            f"Config.{name.strip('_')}: {settings().path} is read-only here: edit it outside"
        )

    return refuse
