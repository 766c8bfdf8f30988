"""The documents say what there is, and nothing else."""

import itertools
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = sorted(set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE)))
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
COMMANDS = (ROOT / "docs/commands.md").read_text()


@pytest.mark.parametrize("target", TARGETS)
def test_every_make_target_has_help_and_a_place_in_the_docs(target):
    assert re.search(rf"^{target}:.*## \S", MAKEFILE, re.MULTILINE)
    assert re.search(rf"^\.PHONY: {target}$", MAKEFILE, re.MULTILINE)
    assert f"`make {target}`" in COMMANDS


def test_the_docs_name_no_make_target_that_does_not_exist():
    for page in PAGES:
        for target in re.findall(
            r"^ *make ([a-z]+)|`make ([a-z]+)", page.read_text(), re.MULTILINE
        ):
            assert "".join(target) in TARGETS, page.name


def test_make_alone_prints_the_help():
    # Not as a part of the make that may run these tests.
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    done = subprocess.run(
        ["make"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line.split()[1] for line in done.stdout.splitlines()] == re.findall(
        r"^([a-z]+):.*## ", MAKEFILE, re.MULTILINE
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if not link.startswith("http"):
            assert (page.parent / link).exists(), link


def test_every_variable_of_the_example_is_explained():
    lines = (ROOT / ".env.example").read_text().splitlines()
    for before, line in itertools.pairwise(lines):
        if re.match(r"[A-Z_]+=", line):
            assert before.startswith("#"), line
