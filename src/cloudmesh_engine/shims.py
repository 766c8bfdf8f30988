"""Answers upstream's defects one by one, without touching its files.

Each function mends one module right after it is imported, so a command pays only for what it
uses. Paths are relative to `cloudmesh/`; the releases they belong to are pinned in locks/cms.txt.
"""

import copy
import inspect
import os
import shlex
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

from cloudmesh_engine import config, guards
from cloudmesh_engine.errors import EngineError
from cloudmesh_engine.mending import shim
from cloudmesh_engine.session import Session
from cloudmesh_engine.usage import parse


@shim("cloudmesh.shell.command")
def command_decorator(module: ModuleType, session: Session) -> None:
    """shell/command.py:126: turns a usage error, and every `sys.exit`, into success."""
    from cloudmesh.common.dotdict import dotdict

    def command(function: Callable[..., Any]) -> Callable[..., Any]:
        manual = function.__doc__ or ""

        def run(instance: Any, args: str | list[str]) -> Any:
            argv = shlex.split(args) if isinstance(args, str) else args
            arguments = dotdict(parse(manual, argv))
            session.arguments = arguments
            session.output.open(arguments, argv)
            guards.check(session, arguments)
            return function(instance, shlex.join(argv), arguments)

        run.__doc__ = manual
        return run

    vars(module)["command"] = command


@shim("cloudmesh.common.console")
def console(module: ModuleType, session: Session) -> None:
    """common/console.py:203-353: errors and remarks go to stdout, wrapped at 80 columns."""
    cls = module.Console
    colourful = cls.cprint

    def cprint(message: str = "", color: str = "BLUE", prefix: str = "") -> None:
        if sys.stdout.isatty():
            colourful(message, color, prefix)
        else:
            print(f"{prefix or ''}{message or ''}")

    def error(message: object = "", prefix: bool = True, traceflag: bool = False) -> None:
        session.complain(message)

    def remark(*message: object) -> None:
        session.say(" ".join(map(str, message)))

    cls.color = False
    cls.cprint = staticmethod(cprint)
    cls.error = cls.TODO = staticmethod(error)
    for name in ("msg", "ok", "info", "warning", "debug_msg"):
        setattr(cls, name, staticmethod(remark))


@shim("cloudmesh.common.console")
def console_text(module: ModuleType, session: Session) -> None:
    """configuration/Config.py:469: adds a rich Text to a string, which is a TypeError."""

    def text(color: str = "RED", prefix: str | None = None, message: str | None = None) -> str:
        return f"{prefix or ''}{message or ''}"

    module.Console.text = staticmethod(text)


@shim("cloudmesh.common.error")
def swallowed_exception(module: ModuleType, session: Session) -> None:
    """common/error.py:18-47: prints an exception only when two variables are set, and goes on."""

    def note(error: object = None, *_: object, **__: object) -> None:
        session.complain(error)

    for name in ("error", "traceback", "msg"):
        setattr(module.Error, name, staticmethod(note))


@shim("cloudmesh.common.Printer")
@shim("cloudmesh.common.Tabulate")
def printer(module: ModuleType, session: Session) -> None:
    """common/Tabulate.py:129: cannot write dates as JSON; callers print remarks around it."""
    write = module.Printer.write
    known = inspect.signature(write).parameters

    def collect(results: Any, order: Iterable[str] | None = None, **options: Any) -> Any:
        if session.output.structured:
            session.output.add(results, order)
            return ""
        # sec/command/sec.py:134 passes `sort_keys` to the class that does not know it.
        accepted = {name: value for name, value in options.items() if name in known}
        return write(results, order=order, **accepted) or ""

    module.Printer.write = staticmethod(collect)


@shim("cloudmesh.configuration.Config")
def config_load(module: ModuleType, session: Session) -> None:
    """configuration/Config.py:151, 390: parses for 200 ms, and evaluates `{…}` as Python."""

    def load(self: Any, config_path: Any = None) -> None:
        self.config_path = Path(config_path or self.location.config())
        self.config_folder = str(self.config_path.parent)
        self.data = copy.deepcopy(session.settings.data)
        self.variable_database = module.Variables()
        self.cloud = self.default().get("cloud")

    module.Config.load = load


@shim("cloudmesh.configuration.Config")
def config_mask(module: ModuleType, session: Session) -> None:
    """configuration/Config.py:82: knows only some secrets; storage keys are shown in clear."""

    def cat_lines(content: list[str], **_: Any) -> str:
        return config.dump(config.masked(yaml.safe_load("\n".join(content))))

    module.Config.cat_lines = staticmethod(cat_lines)


@shim("cloudmesh.mongo.CmDatabase")
def database_client(module: ModuleType, session: Session) -> None:
    """mongo/CmDatabase.py:62, 81: waits 30 s for a dead server, closes a shared client."""
    from cloudmesh_engine import mongo

    server = mongo.server(session.settings)

    def connect(self: Any) -> None:
        self.client = mongo.client(server)
        self.db = self.client[server.database]

    module.CmDatabase.connect = connect
    module.CmDatabase.close_client = lambda self: None


@shim("cloudmesh.mongo.MongoDBController")
def database_is_a_service(module: ModuleType, session: Session) -> None:
    """mongo/MongoDBController.py:946: forks `pgrep mongo`, and starts a server of its own."""
    from cloudmesh_engine import mongo

    server = mongo.server(session.settings)
    answered: list[bool] = []

    def check(self: Any) -> None:
        if not answered:
            try:
                mongo.check(server)
            except EngineError as error:
                raise session.fail(error) from error.__cause__
            answered.append(True)

    cls = module.MongoDBController
    cls.start_if_not_running = cls.exit_if_not_running = check


@shim("cloudmesh.mongo.MongoDBController")
def database_import(module: ModuleType, session: Session) -> None:
    """mongo/MongoDBController.py:978: runs mongoimport on localhost, password on its argv."""
    from cloudmesh_engine import mongo

    server = mongo.server(session.settings)

    def import_as_file(self: Any, data: list[dict[str, Any]], collection: str, db: str) -> None:
        target = mongo.client(server)[db][collection]
        target.drop()
        if data:
            target.insert_many(data)

    module.MongoDBController.importAsFile = import_as_file


@shim("cloudmesh.mongo.CmDatabase")
def pymongo_3_methods(module: ModuleType, session: Session) -> None:
    """mongo/CmDatabase.py:104, 182, 470, 492: calls methods that pymongo 4 dropped."""
    from pymongo.collection import Collection
    from pymongo.cursor import Cursor
    from pymongo.database import Database

    def count(self: Any) -> int:
        return int(self.collection.count_documents(self._spec))

    methods: dict[type, tuple[str, Callable[..., Any]]] = {
        Cursor: ("count", count),
        Database: ("collection_names", Database.list_collection_names),
        Collection: ("update", Collection.update_one),
    }
    for cls, (name, method) in methods.items():
        setattr(cls, name, method)


@shim("cloudmesh.abstract.StorageABC")
def deprecated_storage(module: ModuleType, session: Session) -> None:
    """storage/provider/awss3/Provider.py:7: imports a class that abstract 4.2 and later dropped."""
    sys.modules["cloudmesh.abstract.StorageDeprecatedABC"] = module


@shim("cloudmesh.abstract.ComputeNodeABC")
@shim("cloudmesh.abstract.StorageABC")
def provider_signature(module: ModuleType, session: Session) -> None:
    """aws/compute/Provider.py:781 and others: pass a second argument that 5.x does not take."""
    cls = getattr(module, module.__name__.rpartition(".")[2])
    original = cls.__init__

    def init(self: Any, service: str | None = None, config: Any = None) -> None:
        original(self, service)

    cls.__init__ = init


@shim("cloudmesh.management.configuration.arguments")
def names_for_a_listing(module: ModuleType, session: Session) -> None:
    """management/configuration/arguments.py:66: a listing without a name is called an error."""
    original = module.Arguments.get_names

    def get_names(arguments: Any, variables: Any) -> Any:
        return None if arguments.get("list") else original(arguments, variables)

    module.Arguments.get_names = staticmethod(get_names)


@shim("cloudmesh.aws.compute.Provider")
def aws_endpoint(module: ModuleType, session: Session) -> None:
    """aws/compute/Provider.py:796: knows no endpoint, and calls the cloud even to read Mongo."""
    original = module.Provider.__init__

    def init(self: Any, name: str | None = None, *rest: Any) -> None:
        endpoint = session.settings.get(f"cloud.{name}.credentials").get("endpoint")
        if endpoint:
            os.environ["AWS_ENDPOINT_URL"] = endpoint
        original(self, name, *rest)

    module.Provider.__init__ = init
    # The account id is stored in an attribute that nothing reads.
    module.Provider._get_account_id = lambda self: None


@shim("cloudmesh.key.Key")
def key_add(module: ModuleType, session: Session) -> None:
    """key/Key.py:49: ignores NAME, replaces other keys, and fails for most files."""
    from cloudmesh_engine import keystore

    def add(self: Any, name: str, source: str, group: Any = None) -> None:
        for record in _key_records(module.SSHkey, session, source):
            new = keystore.add(session.settings, record)
            session.say(f"key {record['name']}: {'added' if new else 'already there'}")

    module.Key.add = add


def _key_records(cls: Any, session: Session, source: str) -> list[dict[str, Any]]:
    from cloudmesh_engine import keystore

    key = cls.__new__(cls)  # its __init__ reads ~/.ssh/id_rsa.pub even for another file
    profile = session.settings.get("profile")
    if source == "git":
        return [{**entry, "group": ["git"]} for entry in key.get_from_git(profile["github"])]
    name = session.arguments["NAME"] or str(profile["user"])
    own = source == "ssh"
    file = Path(profile["publickey"] if own else source).expanduser().resolve()
    key.add(keystore.read_public_key(file), ["local", "ssh" if own else "file"], str(file))
    key["name"] = key["cm"]["name"] = name
    return [dict(key)]
