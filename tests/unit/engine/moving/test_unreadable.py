"""A folder that cannot be read is no empty folder: it is told, and nothing is deleted for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cloudmesh_engine.moving.filters import Filter, reaches

from .conftest import Lab, digests

TREE = {"in/a.csv": b"1", "in/sub/b.csv": b"2", "in/sub/deep/c.csv": b"3"}
ARRIVED = {"a.csv": b"1", "sub/b.csv": b"2", "sub/deep/c.csv": b"3"}


@pytest.fixture
def full(lab: Lab) -> Lab:
    for name, content in TREE.items():
        (lab.root / name).parent.mkdir(parents=True, exist_ok=True)
        (lab.root / name).write_bytes(content)
    return lab


@contextmanager
def closed(folder: Path) -> Iterator[None]:
    folder.chmod(0)
    try:
        yield
    finally:
        folder.chmod(0o755)


@pytest.mark.parametrize(
    "words",
    [
        ["local:in", "aws:out"],
        ["local:in", "aws:out", "--include=*.csv"],
        ["local:in", "aws:out", "--exclude=*.txt"],
        ["local:in/**/*.csv", "aws:out"],
    ],
    ids=["all", "include", "exclude", "glob"],
)
def test_what_it_held_is_not_deleted_at_the_target(full: Lab, words: list[str]) -> None:
    full.move(*words)
    for root, code in ((full.root / "in/sub", 1), (full.root / "in", 1)):
        with closed(root):
            for more in (["--delete"], ["--delete", "--dryrun"]):
                said = full.unprivileged("transfer", *words, *more, code=code)
                assert "Permission denied" in said
                assert str(root.relative_to(full.root)) in said
    assert full.in_s3("out/") == digests(ARRIVED)


def test_the_rest_is_moved(full: Lab) -> None:
    with closed(full.root / "in/sub"):
        said = full.unprivileged("transfer", "local:in", "aws:out", code=1)
    assert "1 of 2 objects failed: 'out/sub/': local: 'in/sub/' cannot be listed" in said
    assert full.in_s3("out/") == digests({"a.csv": b"1"})
    assert full.move("local:in", "aws:out")["files"] == 2


@pytest.mark.parametrize(
    "words",
    [
        ["local:in", "aws:out", "--exclude=sub/**"],
        ["local:in", "aws:out", "--include=a/**", "--include=/*.csv"],
        ["local:in/*.csv", "aws:out"],
    ],
)
def test_it_is_not_told_where_nobody_asked_for_it(full: Lab, words: list[str]) -> None:
    full.fill({"out/sub/kept": b"4", "out/gone.csv": b"5"})
    with closed(full.root / "in/sub"):
        full.unprivileged("transfer", *words, "--delete")
    assert "a.csv" in full.in_s3("out/")
    assert "gone.csv" not in full.in_s3("out/")


def test_nothing_is_deleted_beside_one_at_the_target(full: Lab) -> None:
    full.fill({"x": b"1"}, "from/")
    with closed(full.root / "in/sub"):
        said = full.unprivileged("transfer", "aws:from", "local:in", "--delete", code=1)
    assert "local: 'in/sub/' cannot be listed: Permission denied: nothing is deleted" in said
    assert full.seen_by_rclone("local") == digests({**TREE, "in/x": b"1"})


@pytest.mark.parametrize(
    "command", ["list in --recursive", "size in", "tree in", "search in *.csv --recursive",
                "delete in --recursive", "delete in/**/*.csv"],
)  # fmt: skip
def test_it_is_told_by_whatever_looks_below_it(full: Lab, command: str) -> None:
    with closed(full.root / "in/sub"):
        said = full.unprivileged("storage", "--storage=local", *command.split(), code=1)
        assert "'in/sub/' cannot be listed: Permission denied" in said
        full.unprivileged("storage", "--storage=local", "list", "in")
    assert full.seen_by_rclone("local") == digests(TREE)


def test_a_folder_of_this_machine_that_cannot_be_read_at_all(full: Lab) -> None:
    put = ["storage", "--storage=aws", "put", str(full.root / "in"), "out", "--recursive"]
    with closed(full.root / "in"):
        assert f"{full.root / 'in'}: Permission denied" in full.unprivileged(*put, code=1)


@pytest.mark.parametrize(
    ("text", "hidden", "seen"),
    [
        ("**/*.csv", ["a/", "a/b/"], []),
        ("*.csv", [], ["a/", "a.csv/"]),
        ("a/*.csv", ["a/"], ["b/", "a/b/"]),
        ("a*/**", ["a/", "ab/c/d/"], ["b/"]),
        ("a/**/[xy]/?", ["a/", "a/b/"], ["b/a/"]),
    ],
)
def test_what_a_glob_may_match_below_a_folder(
    text: str, hidden: list[str], seen: list[str]
) -> None:
    assert [folder for folder in hidden + seen if reaches(text, folder)] == hidden


def test_only_what_means_all_of_a_folder_excludes_it() -> None:
    def kept(text: str) -> bool:
        return Filter(exclude=[text]).reaches("a/b/")

    assert [text for text in ("a/**", "**", "a/b/**", "**/b/**") if kept(text)] == []
    partly = ["a/*", "a/b/*", "a/b/", "*", "a/b/c/**", "*.csv", "a/b**"]
    assert [text for text in partly if kept(text)] == partly
