"""Makes the metadata database ready: `python -m cloudmesh_airflow.init`.

Idempotent. It migrates the schema, then creates the user `admin` and the pools unless there
are any: a password or a size that was changed in the UI stays as it is. PostgreSQL keeps a note of
the versions that did this, so that the next start need not import Airflow, for
seconds, to find that there is nothing to do.
"""

import importlib.metadata
import os
import sys
from pathlib import Path
from typing import Any

from cloudmesh_airflow.errors import SetupError
from cloudmesh_airflow.health import setting

ADMIN = "admin"
# How many tasks may work on a cloud at once; changed in the UI, a size stays as it is. The pool
# `clouds` is for tasks that learn their cloud from the form of a run.
POOLS = {
    "clouds": 16,
    "cloud_aws": 8,
    "cloud_azure": 8,
    "cloud_chameleon": 8,
    "cloud_google": 8,
    # Each of its tasks may take 256 MB of the worker.
    "transfers": 4,
}
# The packages that have tables of their own.
_SCHEMAS = ("apache-airflow-core", "apache-airflow-providers-fab")


def read_secret(name: str) -> str:
    """The content of a secret file, or a SetupError that says how to get one."""
    path = Path(os.environ.get("CLOUDMESH_SECRETS_DIR", "/run/secrets")) / name
    try:
        value = path.read_text().strip()
    except OSError as error:
        raise SetupError(f"secret {path}: {error.strerror}; 'make up' makes it") from error
    if not value:
        raise SetupError(f"secret {path} is empty; delete it and run 'make up'")
    return value


def migrate() -> None:
    """Bring the schema to this Airflow's version, as `airflow db migrate` does."""
    from airflow.cli.cli_parser import get_parser

    arguments = get_parser().parse_args(["db", "migrate"])
    arguments.func(arguments)


def create_admin(password: str) -> bool:
    """Create the administrator; False when there is one already."""
    # Not `airflow users create`: it wants the password on the command line.
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    with get_application_builder() as builder:
        manager = builder.sm
        if manager.find_user(ADMIN):
            return False
        role = manager.find_role("Admin")
        if not manager.add_user(ADMIN, "Admin", "User", "admin@localhost", role, password):
            raise SetupError(f"user {ADMIN!r} could not be created; Airflow's log above says why")
    return True


def create_pools() -> list[str]:
    """Create the pools that are missing; their names."""
    from airflow.models.pool import Pool

    missing = {name: slots for name, slots in POOLS.items() if Pool.get_pool(name) is None}
    for name, slots in missing.items():
        Pool.create_or_update_pool(name, slots, "see docs/dags.md", include_deferred=False)
    return list(missing)


def connect() -> Any:
    """Give a connection to PostgreSQL; None where Airflow runs on SQLite, which keeps no note."""
    if "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD" not in os.environ:
        return None
    import psycopg2

    try:
        return psycopg2.connect(setting("database", "sql_alchemy_conn").replace("+psycopg2", ""))
    except psycopg2.OperationalError as error:
        raise SetupError(f"the metadata database does not let us in: {error}") from error


def note() -> str:
    """What these versions write on a database that they have made ready."""
    found = (f"{name} {importlib.metadata.version(name)}" for name in _SCHEMAS)
    return f"made ready by {', '.join(found)} with pools {', '.join(POOLS)}"


def has_note(connection: Any) -> bool:
    """Whether these very versions made the database ready before."""
    query = "SELECT shobj_description(oid, 'pg_database') FROM pg_database"
    with connection.cursor() as cursor:
        cursor.execute(f"{query} WHERE datname = current_database()")
        return bool(cursor.fetchone() == (note(),))


def write_note(connection: Any) -> None:
    """Keep it as the database's comment: it comes and goes with the data."""
    from psycopg2 import sql

    name = sql.Identifier(connection.info.dbname)
    statement = sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, sql.Literal(note()))
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)


def make_ready() -> str:
    """Run both steps, unless they are done; what was found or done."""
    connection = connect()
    if connection and has_note(connection):
        return "nothing to do"
    password = read_secret("admin_password")
    migrate()
    created = create_admin(password)
    create_pools()
    if connection:
        write_note(connection)
    return f"user {ADMIN!r} {'created' if created else 'kept'}"


def main() -> int:
    """Make it ready; 1 and one line on stderr when that fails."""
    try:
        print(f"init: database ready, {make_ready()}")
    except SetupError as error:
        print(f"init: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
