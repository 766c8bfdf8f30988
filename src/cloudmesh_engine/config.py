"""Reads cloudmesh.yaml: the only place that does.

Values may say `${NAME}` or `${NAME:-default}` as in a compose file (`$$` is a dollar sign).
A key that ends in `_FILE` stands for the key without it, holding that file's content; a
relative file is looked up in the secrets directory.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cloudmesh_engine.errors import ConfigError

MASK = "********"

_VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>[A-Za-z_]\w*)(?::-(?P<default>[^}]*))?\})")
_SECRET_KEY = re.compile(
    r"(passw|passwd|secret|token|account_key|private_key$|pass_?phrase|access_key|access_id)", re.I
)
# Placeholders are told apart from secrets so that `cms config cat` still shows what to fill in.
_PLACEHOLDER = re.compile(r"^(TBD.*|xxxx[x.-]*|None|)$")
_SHORTEST_SECRET = 4


@dataclass(frozen=True)
class Settings:
    """The resolved configuration.

    :param secrets: values that must never reach a terminal or a log
    """

    path: Path
    data: dict[str, Any]
    secrets: frozenset[str] = field(repr=False)

    def get(self, dotted: str) -> Any:
        """Look up `a.b.c` below `cloudmesh`."""
        node: Any = self.data["cloudmesh"]
        for part in dotted.split("."):
            if not isinstance(node, Mapping) or part not in node:
                raise ConfigError(f"{self.path}: cloudmesh.{dotted} is missing: add it")
            node = node[part]
        return node

    def redact(self, text: str) -> str:
        """Hide every secret value in a text."""
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return text


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read and resolve the file that CLOUDMESH_CONFIG names."""
    env = os.environ if environ is None else environ
    path = Path(env.get("CLOUDMESH_CONFIG") or "/config/cloudmesh.yaml")
    resolver = _Resolver(path, env)
    missing = "copy config/cloudmesh.yaml there, or point CLOUDMESH_CONFIG at your file"
    data = resolver.resolve(read_yaml(path, missing), "")
    if not isinstance(data, dict) or not isinstance(data.get("cloudmesh"), dict):
        raise ConfigError(f"{path}: has no `cloudmesh:` section: start from the template")
    return Settings(path, data, frozenset(resolver.secrets))


def masked(node: Any, key: str = "") -> Any:
    """Copy a piece of configuration with the secret values hidden."""
    if isinstance(node, Mapping):
        return {name: masked(value, str(name)) for name, value in node.items()}
    if isinstance(node, list):
        return [masked(value, key) for value in node]
    return MASK if _is_secret(key, node) else node


def dump(data: Any) -> str:
    """Write a mapping as YAML, in its own order."""
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump(data, Dumper=dumper, sort_keys=False, width=10_000))


def _is_secret(key: str, value: Any) -> bool:
    return (
        bool(_SECRET_KEY.search(key))
        and isinstance(value, str | int)
        and not isinstance(value, bool)
        and not is_placeholder(value)
    )


def is_placeholder(value: object) -> bool:
    """Say whether a value is one that the template leaves for the user to fill in."""
    return bool(_PLACEHOLDER.match(str(value)))


def given(section: Any) -> dict[str, Any]:
    """Leave out of a section what is still to be filled in."""
    return {
        str(key): value
        for key, value in dict(section or {}).items()
        if value is not None and not (isinstance(value, str) and is_placeholder(value))
    }


def read_yaml(path: Path, missing: str, parse: Callable[..., Any] = yaml.load) -> Any:
    """Read a YAML file.

    :param missing: what to do when there is no such file
    :param parse: yaml.load, or yaml.compose for who needs the places of the values
    """
    # The C loader reads the template in 5 ms, the Python one in 60.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return parse(path.read_bytes(), Loader=loader)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file: {missing}") from None
    except OSError as error:
        hint = "make it readable for the user that runs cms"
        raise ConfigError(f"{path}: cannot be read ({error.strerror}): {hint}") from error
    except yaml.YAMLError as error:
        raise ConfigError(_yaml_problem(path, error)) from None


def _yaml_problem(path: Path, error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    # A word in quotes may be a piece of a password.
    problem = re.sub(r"'\w{2,}'", "'…'", str(getattr(error, "problem", None) or "not text"))
    return f"{path}{where}: not valid YAML ({problem}): correct that line"


class _Resolver:
    """Resolves variables and secret files, and remembers which values are secret."""

    def __init__(self, path: Path, environ: Mapping[str, str]) -> None:
        self.path = path
        self.environ = environ
        self.secrets_dir = Path(environ.get("CLOUDMESH_SECRETS_DIR") or "/run/secrets")
        self.secrets: set[str] = set()

    def resolve(self, node: Any, where: str) -> Any:
        if isinstance(node, dict):
            return self._mapping(node, where)
        if isinstance(node, list):
            return [self.resolve(value, f"{where}[{i}]") for i, value in enumerate(node)]
        return self._expand(node, where) if isinstance(node, str) else node

    def _mapping(self, node: dict[Any, Any], where: str) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        for key, value in node.items():
            place = f"{where}.{key}" if where else str(key)
            if isinstance(key, str) and key.endswith("_FILE"):
                key = key.removesuffix("_FILE")
                if key in node:
                    raise ConfigError(f"{self.path}: {place}: {key} is there too: keep only one")
                value = self._secret_file(value, place)
                self._remember(value)
            else:
                value = self.resolve(value, place)
                if _is_secret(str(key), value):
                    self._remember(str(value))
            result[key] = value
        return result

    def _remember(self, value: str) -> None:
        # Hiding a very short value would garble every message instead.
        lines = [value, *value.splitlines()]
        self.secrets.update(line for line in lines if len(line) >= _SHORTEST_SECRET)

    def _expand(self, text: str, where: str) -> str:
        def value(match: re.Match[str]) -> str:
            if match["dollar"]:
                return "$"
            found = self.environ.get(match["name"])
            if match["default"] is not None:
                return found or match["default"]
            if found is None:
                hint = f"set it, or write ${{{match['name']}:-default}}"
                raise ConfigError(f"{self.path}: {where}: {match['name']} is not set: {hint}")
            return found

        return _VARIABLE.sub(value, text)

    def _secret_file(self, value: Any, where: str) -> str:
        if not isinstance(value, str) or not value:
            raise ConfigError(f"{self.path}: {where}: must be the name of a file")
        file = self.secrets_dir / self._expand(value, where)
        try:
            secret = file.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8 text"
            hint = "run the init step, or create the file"
            raise ConfigError(
                f"{self.path}: {where}: secret file {file}: {reason}: {hint}"
            ) from None
        if not secret:
            raise ConfigError(f"{self.path}: {where}: secret file {file} is empty: fill it")
        return secret
