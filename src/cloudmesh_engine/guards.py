"""Refuses, before upstream runs, what upstream would do harmfully or only pretend to do."""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from cloudmesh_engine.errors import ActionFailed, ConfigError, NotSupported, Refused
from cloudmesh_engine.session import Session

Arguments = Mapping[str, Any]

_SERVICE = "MongoDB is a service of the stack: use docker compose start, stop or ps mongo"

BLOCKED: Mapping[str, Exception] = {
    "admin": NotSupported(f"admin: {_SERVICE}; make backup saves the database"),
    "start": NotSupported(f"start: {_SERVICE}"),
    "stop": NotSupported(f"stop: {_SERVICE}"),
    "inventory": NotSupported(
        "inventory: its file is in HOME, which lasts for one command only: use cms vm list"
    ),
    "man": NotSupported("man: cloudmesh's manual writer is broken: use cms help COMMAND"),
    "py": NotSupported("py: runs any code that it is given: use python"),
    "shell": NotSupported("shell: runs any program that it is given: use your shell"),
}


def check(session: Session, arguments: Arguments) -> None:
    """Look at parsed arguments and raise when upstream must not see them."""
    guard = _GUARDS.get(session.word)
    if guard:
        guard(session, arguments)


def _key(session: Session, arguments: Arguments) -> None:
    for verb in ("gen", "reformat", "verify", "export"):
        if arguments.get(verb):
            hint = "use ssh-keygen" if verb != "export" else "use cms key list --output=json"
            raise NotSupported(f"key {verb}: cloudmesh does not implement it: {hint}")
    if arguments.get("group"):
        raise NotSupported("key group: cloudmesh does not implement it")
    if arguments.get("upload") and arguments.get("--dryrun"):
        raise NotSupported("key upload: cloudmesh would upload in spite of --dryrun: leave it out")
    if arguments.get("delete") and not arguments.get("--cloud"):
        _known_keys(session, str(arguments.get("NAMES")))


def _known_keys(session: Session, names: str) -> None:
    from cloudmesh.common.parameter import Parameter

    from cloudmesh_engine import keystore

    unknown = sorted(set(Parameter.expand(names)) - keystore.names(session.settings))
    if unknown:
        raise ActionFailed(f"key delete: no key named {', '.join(unknown)}: see cms key list")


def _config(session: Session, arguments: Arguments) -> None:
    if arguments.get("--secrets"):
        raise NotSupported("config: secrets are never shown: read the secret's file")
    for verb in ("edit", "set", "security"):
        if arguments.get(verb):
            _read_only(session, verb)
    if arguments.get("check"):
        raise NotSupported("config check: every command checks the file: try cms config cat")
    if arguments.get("value") or arguments.get("get"):
        _known_attribute(session, str(arguments.get("ATTRIBUTE")))


def _read_only(session: Session, verb: str) -> NoReturn:
    file = session.settings.path
    raise NotSupported(f"config {verb}: {file} is read-only here: edit it outside")


def _known_attribute(session: Session, attribute: str) -> None:
    name = attribute.removeprefix("cloudmesh.")
    clouds = session.settings.get("cloud")
    try:
        session.settings.get(f"cloud.{name}" if name.split(".")[0] in clouds else name)
    except ConfigError:
        raise ActionFailed(f"config: no attribute {attribute}: see cms config cat") from None


def _query(session: Session, arguments: Arguments) -> None:
    if arguments.get("--query"):
        raise Refused(f"{session.word}: --query would run its text as code: filter the JSON output")


_GUARDS: Mapping[str, Callable[[Session, Arguments], None]] = {
    "key": _key,
    "config": _config,
    "image": _query,
    "flavor": _query,
}
