"""What the page of examples claims, run against a real web server."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import API, REPOSITORY, Web

GUIDE = (REPOSITORY / "docs/api-examples.md").read_text()
GENERATOR = Path(sys.executable).with_name("openapi-python-client")
# What differs in every run: the ids of jobs.
ID = re.compile(r"api__[0-9a-f]{32}")
# Installed already for the tests; the rest of that block is run.
INSTALL = re.compile(r"^pip install .*", re.MULTILINE)


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def steps(block: str) -> list[tuple[str, str]]:
    """The commands of a block, each with what it answers."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    found = []
    for part in parts:
        lines = part.splitlines()
        end = next((at for at, line in enumerate(lines) if not line.endswith(("\\", "|"))), 0) + 1
        found.append(("\n".join(lines[:end]), "\n".join(lines[end:])))
    return found


COMMANDS = [step for block in blocks("console") for step in steps(block)]


@pytest.fixture(scope="module")
def folder(web: Web, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a reader stands, with the secrets of the stack below."""
    root = tmp_path_factory.mktemp("reader")
    (root / ".secrets").mkdir()
    (root / ".secrets/admin_password").write_text(web.password)
    return root


def bash(folder: Path, web: Web, script: str) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={
            "PATH": f"{GENERATOR.parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            "URL": web.url,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_every_command_of_the_page_does_what_it_says(web, inventory, folder):
    setting, claimed, seen = "", [], []
    for command, answer in COMMANDS:
        command = INSTALL.sub(":", command).replace("http://localhost:8080", web.url)
        if re.match(r"umask|URL=", command):
            setting += f"{command}\n"
            continue
        said = bash(folder, web, setting + command).strip()
        claimed.append((command, ID.sub("api__", answer)))
        seen.append((command, ID.sub("api__", said)))
    assert seen == claimed
    assert (folder / "token.curl").stat().st_mode & 0o077 == 0
    assert (folder / "client/cloudmesh_api_client/api/machines/boot.py").is_file()


def test_the_page_has_a_command_for_every_route(web, inventory):
    paths = web("GET", "openapi.json").json()["paths"]
    routes = {
        (method.upper(), path.removeprefix("/api/v1")) for path in paths for method in paths[path]
    }
    shown = {found for command, _ in COMMANDS if (found := route(command, routes))}
    assert shown == routes


def route(command: str, routes: set[tuple[str, str]]) -> tuple[str, str] | None:
    """The route that a command asks."""
    place = re.search(r'"\$API(/[^?"]*|/jobs/\$\(cat job\)[^?"]*)', command)
    if not place:
        return None
    given = re.search(r"-X (\w+)", command)
    method = given[1] if given else "POST" if "--json" in command else "GET"
    path = place[1].replace("$(cat job)", "job")
    for known, template in sorted(routes):
        if known == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            return known, template
    return None


def test_the_generated_client_does_what_the_page_says(web, inventory, folder):
    document = web("GET", "openapi.json").json()
    (folder / "fresh.json").write_text(json.dumps(document))
    bash(folder, web, "openapi-python-client generate --path fresh.json --output-path fresh")
    (program,), (answer,) = blocks("python"), blocks("text")
    (folder / "program.py").write_text(program)
    said = bash(folder, web, f"PYTHONPATH=fresh {sys.executable} program.py")
    assert said == answer
    found = web("GET", "jobs?dag=vm_boot&limit=5").json()["items"]
    lab = [job for job in found if job["parameters"].get("name") == "lab"]
    assert {job["user"] for job in lab} == {"admin"}


def test_the_page_names_the_generator_that_was_tried():
    (pinned,) = re.findall(r"openapi-python-client==(\S+)", GUIDE)
    locked = (REPOSITORY / "locks/dev.txt").read_text()
    assert f"\nopenapi-python-client=={pinned} " in locked
    assert API in GUIDE.replace("$URL", "")
