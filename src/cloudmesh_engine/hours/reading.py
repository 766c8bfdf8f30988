"""Reads YAML and keeps the place of every value, so that an error can name its line."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import yaml

from cloudmesh_engine.config import read_yaml
from cloudmesh_engine.errors import ConfigError


@dataclass(frozen=True)
class Value:
    """A value of the file as it is written there: `18:00` is a text, not YAML 1.1's 1080."""

    path: Path
    node: yaml.Node
    where: str

    def error(self, problem: str, hint: str) -> ConfigError:
        """Make an error that says where it is."""
        place = f"{self.path}, line {self.node.start_mark.line + 1}"
        return ConfigError(f"{place}: {self.where}: {problem}: {hint}")

    def text(self) -> str:
        """Give a single value."""
        if not isinstance(self.node, yaml.ScalarNode):
            raise self.error("is no single value", "write one value")
        if not self.node.value:
            raise self.error("is empty", "give a value, or remove the line")
        return str(self.node.value)

    def items(self) -> list["Value"]:
        """Give the values of a list; a single value counts as a list of one."""
        if isinstance(self.node, yaml.ScalarNode):
            self.text()
            return [self]
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.error("is no list", "write it as [one, two]")
        return [Value(self.path, node, self.where) for node in self.node.value]

    def mapping(self, known: Collection[str] = ()) -> dict[str, "Value"]:
        """Give the values of a mapping by their keys.

        :param known: the only keys that may be there; none: any key may
        """
        if not isinstance(self.node, yaml.MappingNode):
            raise self.error("is no mapping", "write lines of the form `key: value` below it")
        values: dict[str, Value] = {}
        for key, node in self.node.value:
            here = Value(self.path, key, self.where)
            name = here.text()
            if known and name not in known:
                raise here.error(f"unknown key {name!r}", f"use {', '.join(known)}")
            if name in values:
                raise here.error(f"{name!r} is there twice", "keep only one")
            where = f"{self.where}.{name}" if self.where else name
            values[name] = Value(self.path, node, where)
        return values


def read(path: Path, missing: str) -> Value:
    """Read a file.

    :param missing: what to do when there is no such file
    """
    node = read_yaml(path, missing, yaml.compose)
    if node is None:
        raise ConfigError(f"{path}: is empty: {missing}")
    return Value(path, node, "")
