"""Makes the metadata database ready: `python -m cloudmesh_airflow.init`.

Idempotent. It migrates the schema, then creates the user `admin` unless there is
one: a password that was changed in the UI stays as it is.
"""

import os
import sys
from pathlib import Path

from cloudmesh_airflow.errors import SetupError

ADMIN = "admin"


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


def main() -> int:
    """Run both steps; 1 and one line on stderr when one fails."""
    try:
        password = read_secret("admin_password")
        migrate()
        created = create_admin(password)
    except SetupError as error:
        print(f"init: {error}", file=sys.stderr)
        return 1
    print(f"init: database ready, user {ADMIN!r} {'created' if created else 'kept'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
