"""Keeps the login of a person's shell: one file for each Airflow, for its owner alone."""

import base64
import contextlib
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from cloudmesh_engine import variables
from cloudmesh_engine.airflow.client import LOGIN, Client
from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import DependencyDown, NotSupported

_DEFAULT = "http://localhost:8080"


@dataclass(frozen=True)
class Login:
    """One user's entry to one Airflow.

    :param ends: when the token ends, or nothing if it does not tell
    """

    url: str
    user: str
    token: str
    ends: str

    @property
    def over(self) -> bool:
        """Whether its time has passed."""
        return bool(self.ends) and datetime.fromisoformat(self.ends) <= datetime.now(UTC)


def address(settings: Settings, given: str | None) -> str:
    """Say which Airflow is meant: by the option, cloudmesh.yaml, or the environment."""
    section = settings.data["cloudmesh"].get("airflow")
    configured = section.get("url") if isinstance(section, dict) else None
    url = given or configured or os.environ.get("CLOUDMESH_AIRFLOW_URL") or _DEFAULT
    return str(url).rstrip("/")


def enter(url: str, user: str, password: str) -> Login:
    """Log in, and keep the token."""
    file = _file(url)
    credentials = {"username": user, "password": password}
    token = str(Client(url).ask("POST", "/auth/token", credentials)["access_token"])
    login = Login(url, user, token, _end(token))
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    variables.write_whole(file, json.dumps(asdict(login)) + "\n")
    return login


def client(url: str) -> Client:
    """Give a client that is logged in."""
    login = kept(url)
    if login is None:
        raise DependencyDown(f"not logged in to Airflow at {url}: {LOGIN}")
    if login.over:
        raise DependencyDown(f"the login of {login.user} at {url} ended at {login.ends}: {LOGIN}")
    return Client(url, login.token)


def kept(url: str) -> Login | None:
    """Give what was kept of a login."""
    try:
        return Login(**json.loads(_file(url).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        # A file that cannot be understood is replaced by the next login.
        return None


def leave(url: str) -> None:
    """Forget the login here, then end its token at Airflow."""
    login = kept(url)
    with contextlib.suppress(FileNotFoundError):
        _file(url).unlink()
    if login is None or login.over:
        return
    try:
        Client(url, login.token).send("GET", "/api/v2/auth/logout")
    except DependencyDown as error:
        still = f"the login is forgotten here, but its token works until {login.ends}"
        raise DependencyDown(f"{error}; {still}") from error


def _file(url: str) -> Path:
    folder = variables.folder()
    if folder is None:
        raise NotSupported(
            "a login is kept for a person's shell only (CLOUDMESH_SHELL_DIR is not set): "
            "in a DAG use TriggerDagRunOperator"
        )
    return folder / f"airflow/{hashlib.sha256(url.encode()).hexdigest()[:16]}.json"


def _end(token: str) -> str:
    """Read when a token ends; Airflow checks it, so nobody else has to."""
    try:
        middle = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
        return datetime.fromtimestamp(claims["exp"], UTC).isoformat()
    except (IndexError, KeyError, TypeError, ValueError):
        return ""
