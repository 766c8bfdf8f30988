"""A copy of the scripts, with a stand-in for `docker`: what it is asked, and no engine."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# An engine that has the official images, reaches no registry, and whose volumes are folders.
DOCKER = r"""#!/usr/bin/env bash
echo "$*" >> "$ASKED"
here=${ASKED%/*}
case "$*" in
  version*) [ -z "${NO_ENGINE-}" ] && echo 27.0.0 ;;
  "compose version"*) echo 2.26.1 ;;
  info*) echo 8000000000 ;;
  "compose pull "*"--policy missing"*) ;;
  "compose pull "*) echo "no route to host" >&2; exit 18 ;;
  "compose --progress"*" up "*) : > "$here/running"; [ -z "${UNHEALTHY-}" ] ;;
  "compose --profile * down"*)
    rm -f "$here/running"
    [[ $* != *--volumes* ]] || rm -rf "$here"/volumes/demo_{postgres,mongo}
    ;;
  "volume ls --quiet --filter label=com.docker.compose.project=demo") ls "$here/volumes" ;;
  "compose ps --quiet") [ ! -e "$here/running" ] || echo one ;;
  "compose --profile * config --volumes") ls "$here/volumes" | sed s/demo_// ;;
  "compose config --format json") printf '{\n  "name": "demo",\n}\n' ;;
  "volume inspect "*) [ -d "$here/volumes/$3" ] ;;
  run*)
    volume=$here/volumes/$(sed -n 's/.*--volume \([^:]*\):.*/\1/p' <<< "$*") command=${*: -1}
    sh -euc "${command//\/data/$volume}"
    ;;
  "compose ps --all --quiet") [ -z "${UNHEALTHY-}" ] || echo one ;;
  inspect*State.Status}}/*) echo running/0/unhealthy ;;
  inspect*com.docker.compose.service*) echo worker ;;
esac
"""


class Installation:
    """A folder with the scripts, and the commands that a person would type in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env_file = folder / ".env"
        for name in ("scripts", "config", "embedded", "offline", "locks"):
            shutil.copytree(ROOT / name, folder / name)
        shutil.copy(ROOT / "Makefile", folder)
        (folder / "bin").mkdir()
        self.stand_in("docker", DOCKER)

    def stand_in(self, name: str, program: str) -> None:
        file = self.folder / "bin" / name
        file.write_text(program)
        file.chmod(0o755)

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        base = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "HOME": "/nonexistent",
            "ASKED": str(self.folder / "asked"),
            "CLOUDMESH_MIN_MEMORY_MB": "1",
        }
        return subprocess.run(
            command,
            cwd=self.folder,
            env=base | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def up(self, mode: str, **variables: str) -> subprocess.CompletedProcess[str]:
        # Nobody listens there, and nothing of ours ever will.
        return self.run("scripts/up", mode, **{"CLOUDMESH_PORT": "1"} | variables)

    def make_volume(self, name: str) -> Path:
        folder = self.folder / "volumes" / f"demo_{name}"
        folder.mkdir(parents=True)
        return folder

    @property
    def is_running(self) -> bool:
        return (self.folder / "running").exists()

    def settings(self) -> dict[str, str]:
        lines = self.env_file.read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if not line.startswith("#"))

    def asked(self) -> list[str]:
        """What docker was asked since the last time."""
        file = self.folder / "asked"
        lines = file.read_text().splitlines()
        file.write_text("")
        return lines


@pytest.fixture
def installation(tmp_path) -> Installation:
    return Installation(tmp_path)
