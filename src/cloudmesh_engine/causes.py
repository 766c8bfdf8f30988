"""Says what an exception from upstream means: which exit code, and one line for people."""

from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import ActionFailed, DependencyDown, EngineError, NotSupported

# By name, because importing the SDKs only to recognise their errors costs half a second.
_UNREACHABLE = {
    "botocore.exceptions": {"ConnectionError", "HTTPClientError"},
    "keystoneauth1.exceptions.connection": {"ConnectFailure"},
    "requests.exceptions": {"ConnectionError", "Timeout"},
    "urllib3.exceptions": {"NewConnectionError", "MaxRetryError"},
    "builtins": {"ConnectionError", "TimeoutError"},
    "socket": {"gaierror"},
}


def explain(word: str, error: BaseException, settings: Settings) -> EngineError:
    """Turn any exception of a command into one of ours."""
    if isinstance(error, EngineError):
        return error
    if isinstance(error, NotImplementedError):
        return NotSupported(f"{word}: cloudmesh does not implement this: see cms help {word}")
    if isinstance(error, ModuleNotFoundError):
        return NotSupported(f"{word}: needs {error.name}, which is not part of this image")
    if isinstance(error, SystemExit):
        return ActionFailed(f"{word}: cloudmesh gave up without a reason")
    if type(error).__module__.startswith("pymongo."):
        return _database_failure(word, error, settings)
    line = " ".join(f"{word}: {type(error).__name__}: {error}".split())
    return DependencyDown(line) if _is_unreachable(error) else ActionFailed(line)


def _database_failure(word: str, error: BaseException, settings: Settings) -> EngineError:
    from pymongo.errors import PyMongoError

    from cloudmesh_engine import mongo

    if isinstance(error, PyMongoError):
        return mongo.explain(error, mongo.server(settings))
    return ActionFailed(f"{word}: {type(error).__name__}: {error}")


def _is_unreachable(error: BaseException | None) -> bool:
    while error:
        names = {(cls.__module__, cls.__name__) for cls in type(error).__mro__}
        if any(name in _UNREACHABLE.get(module, ()) for module, name in names):
            return True
        # Some SDKs wrap without `from`.
        error = error.__cause__ or error.__context__
    return False
