"""The throw-away Compose project that is measured: its own port, secrets, volumes and DAGs."""

import configparser
import fcntl
import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from benchmarks.process import ROOT, BenchError, CommandError, free_port, run, say
from cloudmesh_airflow.client import AirflowClient

NAME = "cloudmesh-airflow-bench"
# Images that the build is timed with; the user's own keep their tag.
BUILD_TAG = "bench"
BUILT = ("cloudmesh-airflow", "cloudmesh-airflow-sandbox")
# In the repository, not in /tmp: what a killed run has left behind is found again.
FOLDER = ROOT / ".run" / "bench"
FILES = {
    "docker": ["docker-compose.yaml"],
    "offline": ["docker-compose.yaml", "docker-compose.offline.yaml"],
}
CONFIG = "/etc/airflow/airflow.cfg"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
# What config/airflow.cfg tunes for speed. Not worker_concurrency: it would hide the rest.
TUNED = {
    "scheduler": (
        "scheduler_idle_sleep_time",
        "task_instance_heartbeat_timeout",
        "task_instance_heartbeat_detection_interval",
        "task_queued_timeout",
        "task_queued_timeout_check_interval",
        "orphaned_tasks_check_interval",
    ),
    "workers": ("min_heartbeat_interval", "max_failed_heartbeats"),
    "celery": ("worker_prefetch_multiplier", "sync_parallelism", "operation_timeout"),
    "dag_processor": ("refresh_interval", "min_file_process_interval", "parsing_processes"),
}


@dataclass(frozen=True)
class Container:
    """A running container of the project."""

    service: str
    id: str
    pid: int


def only_one() -> TextIO:
    """The lock that keeps a second benchmark away, for as long as it is open."""
    FOLDER.parent.mkdir(exist_ok=True)
    lock = FOLDER.with_suffix(".lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        raise BenchError("another benchmark runs; wait for it, or end it") from error
    return lock


def choose_mode(wanted: str) -> str:
    """Docker or offline, as `make up` would choose on a machine that has no stack yet."""
    command = ["scripts/mode", *([wanted] if wanted else [])]
    mode = run(command, timeout=180, env={**os.environ, "CLOUDMESH_MODE": ""}).stdout.split()[0]
    if mode not in FILES:
        raise BenchError("no Docker engine answers, and only the stack in Docker is measured")
    return mode


class Project:
    """The project's words: up, down, build, remove."""

    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.secrets = FOLDER / "secrets"
        self.port = free_port()
        # The environment wins over a user's .env.
        self.env = {
            **os.environ,
            "COMPOSE_PROJECT_NAME": NAME,
            "COMPOSE_FILE": ":".join(FILES[mode]),
            "COMPOSE_PROFILES": "sandbox",
            "CLOUDMESH_MODE": mode,
            "CLOUDMESH_SECRETS_DIR": str(self.secrets),
            "CLOUDMESH_DAGS_DIR": str(ROOT / "benchmarks" / "dags"),
            "CLOUDMESH_BIND": "127.0.0.1",
            "CLOUDMESH_PORT": str(self.port),
            "CLOUDMESH_UID": str(os.getuid() or 50000),
        }

    def compose(self, *arguments: str, timeout: float = 120, **env: str) -> str:
        """Run `docker compose`; what it printed."""
        command = ["docker", "compose", *arguments]
        return run(command, timeout=timeout, env={**self.env, **env}).stdout

    def prepare(self) -> None:
        """Make the images and the secrets."""
        run(["scripts/images", self.mode], timeout=3600, env=self.env)
        run(["scripts/secrets"], timeout=60, env=self.env)

    def build(self, *, cold: bool) -> float:
        """Seconds that building the images takes, under a tag that nobody uses."""
        env = {"CLOUDMESH_TAG": BUILD_TAG}
        # As scripts/build does.
        if self._config()["secrets"]["ca"]["file"] == os.devnull and os.access(BUNDLE, os.R_OK):
            env["CLOUDMESH_BUILD_CA"] = BUNDLE
        options = ["--no-cache"] if cold else []
        command = ["--progress", "plain", "build", *options, "init", "sandbox"]
        started = time.monotonic()
        self.compose(*command, timeout=3600, **env)
        return time.monotonic() - started

    def up(self) -> float:
        """Seconds until every service is healthy."""
        started = time.monotonic()
        try:
            self.compose("up", "--detach", "--wait", "--wait-timeout", "300", timeout=360)
        except CommandError:
            say(run(["scripts/unhealthy"], timeout=60, env=self.env, check=False).stderr)
            raise
        return time.monotonic() - started

    def down(self, *, volumes: bool = False) -> None:
        """Stop; the data stays unless asked otherwise."""
        options = ["--volumes"] if volumes else []
        self.compose("down", "--remove-orphans", "--timeout", "30", *options)

    def remove(self) -> None:
        """Leave nothing of the project, nor of a killed run's."""
        self.compose("down", "--volumes", "--remove-orphans", "--timeout", "5")
        # Those of the other mode.
        mine = f"label=com.docker.compose.project={NAME}"
        listing = ["docker", "volume", "ls", "--quiet", "--filter", mine]
        for volume in run(listing, timeout=60).stdout.split():
            run(["docker", "volume", "rm", volume], timeout=60, check=False)
        for image in BUILT:
            command = ["docker", "image", "rm", f"{image}:{BUILD_TAG}"]
            run(command, timeout=60, check=False)
        shutil.rmtree(FOLDER, ignore_errors=True)

    def use_airflow_defaults(self) -> dict[str, str]:
        """Start with Airflow's own values from now on; what they replace."""
        config = configparser.RawConfigParser()
        config.read(ROOT / "config" / "airflow.cfg")
        dropped = {}
        for section, options in TUNED.items():
            for option in options:
                if config.has_option(section, option):
                    dropped[f"[{section}] {option}"] = config.get(section, option)
                    config.remove_option(section, option)
        path = FOLDER / "airflow.cfg"
        with path.open("w") as file:
            config.write(file)
        path.chmod(0o644)
        extra = FOLDER / "airflow-defaults.json"
        extra.write_text(json.dumps({"services": self._mounting(path)}))
        self.env["COMPOSE_FILE"] += f":{extra}"
        return dropped

    def _mounting(self, path: Path) -> dict[str, Any]:
        volume = {"type": "bind", "source": str(path), "target": CONFIG, "read_only": True}
        return {
            name: {"volumes": [volume]}
            for name, service in self._config()["services"].items()
            if any(mount["target"] == CONFIG for mount in service.get("volumes", ()))
        }

    def _config(self) -> dict[str, Any]:
        return json.loads(self.compose("config", "--format", "json"))

    def containers(self) -> list[Container]:
        """What runs now."""
        ids = self.compose("ps", "--quiet").split()
        command = ["docker", "inspect", *ids]
        label = "com.docker.compose.service"
        return [
            Container(found["Config"]["Labels"][label], found["Id"], found["State"]["Pid"])
            for found in json.loads(run(command, timeout=60).stdout)
        ]

    def client(self) -> AirflowClient:
        """A login at its web server."""
        password = (self.secrets / "admin_password").read_text().strip()
        return AirflowClient(f"http://127.0.0.1:{self.port}", "admin", password)
