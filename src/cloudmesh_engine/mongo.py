"""Talks to MongoDB: the only place that makes a connection string or a client."""

import functools
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

from pymongo import MongoClient
from pymongo.errors import ConfigurationError, OperationFailure, PyMongoError

from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import ActionFailed, ConfigError, DependencyDown, EngineError

_NO_ENTRY = (13, 18)  # Unauthorized, AuthenticationFailed


@dataclass(frozen=True)
class Server:
    """Where MongoDB is and how to get in."""

    host: str
    port: int
    database: str
    username: str
    password: str = field(repr=False)

    @property
    def address(self) -> str:
        """Host and port as one word for messages."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def server(settings: Settings) -> Server:
    """Take the server from the configuration."""
    port = str(settings.get("data.mongo.MONGO_PORT"))
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise ConfigError(
            f"{settings.path}: cloudmesh.data.mongo.MONGO_PORT: {port!r} is not a port number"
        )
    return Server(
        host=str(settings.get("data.mongo.MONGO_HOST")),
        port=int(port),
        database=str(settings.get("data.mongo.MONGO_DBNAME")),
        username=str(settings.get("data.mongo.MONGO_USERNAME")),
        password=str(settings.get("data.mongo.MONGO_PASSWORD")),
    )


def uri(server: Server) -> str:
    """Build the connection string.

    The mechanism is named because the offline stand-in cannot negotiate it; the time-outs make a
    dead server fail in seconds where pymongo would wait for half a minute.
    """
    login = f"{quote_plus(server.username)}:{quote_plus(server.password)}"
    options = (
        "authMechanism=SCRAM-SHA-256&authSource=admin&appName=cms"
        "&serverSelectionTimeoutMS=3000&connectTimeoutMS=3000&socketTimeoutMS=30000"
    )
    return f"mongodb://{login}@{server.address}/?{options}"


@functools.cache
def client(server: Server) -> MongoClient[dict[str, Any]]:
    """Give the one client of this process; it connects on first use."""
    try:
        return MongoClient(uri(server), connect=False)
    except (ConfigurationError, ValueError) as error:
        raise ConfigError(f"MongoDB address {server.address}: {error}") from None


def check(server: Server) -> None:
    """Make sure that the server answers and lets us in."""
    try:
        client(server).admin.command("ping")
    except PyMongoError as error:
        raise explain(error, server) from error


def explain(error: PyMongoError, server: Server) -> EngineError:
    """Turn a driver's error into one line that says what to do."""
    if isinstance(error, OperationFailure):
        # The stand-in gives no code.
        if error.code in _NO_ENTRY or "Authentication failed" in str(error):
            return DependencyDown(
                f"MongoDB at {server.address} refuses user {server.username!r}: "
                "check MONGO_USERNAME and the mongo_password secret"
            )
        return ActionFailed(f"MongoDB at {server.address}: {error.details or error}")
    # The driver's text goes on with time-outs and a dump of what it knows of the servers.
    reason = re.split(r" \(configured|, Timeout", str(error))[0].removeprefix(server.address + ": ")
    return DependencyDown(
        f"MongoDB at {server.address} does not answer ({reason}): "
        "start it (docker compose up -d mongo), or check MONGO_HOST and MONGO_PORT"
    )
