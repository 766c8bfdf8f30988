"""A tree with awkward names and sizes arrives as it was, between any two clouds."""

import json
import os
import random
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from .conftest import Lab, digests
from .tree import FILES, MIB, make


@pytest.fixture(scope="module")
def tree() -> dict[str, bytes]:
    return make()


@pytest.fixture(scope="module")
def lighter(tree: dict[str, bytes]) -> dict[str, bytes]:
    """What is quick enough for every run of the tests; `scripts/test transfer` has it all."""
    return tree if FILES else make(32 * MIB)


def test_s3_to_azure_and_back(lab: Lab, tree: dict[str, bytes]) -> None:
    lab.fill(tree, "in/")
    there = lab.move("aws:in", "azure:mid")
    assert lab.seen_by_rclone("azure", "mid") == digests(tree)
    back = lab.move("azure:mid", "aws:out")
    assert lab.in_s3("out/") == digests(tree)
    total = sum(map(len, tree.values()))
    assert (there["files"], there["bytes"]) == (back["files"], back["bytes"]) == (len(tree), total)
    # Equal trees have equal digests, wherever they are.
    assert there["digest"] == back["digest"]
    assert lab.uploads() == []


def test_s3_to_disk_and_back(lab: Lab, lighter: dict[str, bytes]) -> None:
    tree = lighter
    lab.fill(tree, "in/")
    lab.move("aws:in", "local:mid", "--verify=read")
    assert lab.seen_by_rclone("local", "mid") == digests(tree)
    lab.move("local:mid", "aws:out", "--verify=read")
    assert lab.in_s3("out/") == digests(tree)
    assert [path.name for path in lab.root.rglob(".cms-*")] == []


def test_s3_to_google_and_back(lab: Lab, lighter: dict[str, bytes]) -> None:
    tree = lighter
    lab.fill(tree, "in/")
    lab.move("aws:in", "google:mid")
    assert lab.seen_by_rclone("google", "mid") == digests(tree)
    lab.move("google:mid", "aws:out")
    assert lab.in_s3("out/") == digests(tree)


def test_keys_that_are_no_paths_stay_what_they_are(lab: Lab) -> None:
    odd = {"a//b": b"1", "/lead": b"2", "tail/": b"", "x/../y": b"3", "x/./y": b"4", "..": b"5"}
    lab.fill(odd, "in/")
    lab.move("aws:in", "google:mid")
    lab.move("google:mid", "aws:out")
    assert lab.in_s3("out/") == digests(odd)


def test_what_cannot_be_a_file_name_is_told_and_the_rest_arrives(lab: Lab) -> None:
    odd = {"a//b": b"1", "x/../../y": b"3", "n" * 256: b"4", "good": b"5"}
    lab.fill(odd, "in/")
    said = lab("transfer", "aws:in", "local:out", code=5)
    assert said.startswith("cms: 3 of 4 objects failed: ")
    assert said.count("cannot be a file name") == 3
    assert lab.seen_by_rclone("local", "out") == digests({"good": b"5"})
    assert [path.name for path in lab.root.iterdir()] == ["out"]


def test_a_file_whose_name_is_no_text_is_told_and_the_rest_arrives(lab: Lab) -> None:
    folder = lab.root / "in"
    folder.mkdir()
    odd = Path(os.fsdecode(bytes(folder) + b"/odd\xff"))
    for file in (odd, folder / "good", folder / "more"):
        file.write_bytes(b"1")
    for words in ([], [], ["--dryrun"]):
        said = lab("transfer", "local:in", "aws:out", *words, code=1)
        assert said.startswith("cms: 1 of ")
        assert "has a name that is not UTF-8" in said
        assert "odd" in said
    assert lab.in_s3("out/") == digests({"good": b"1", "more": b"1"})
    done = lab.cms("transfer", "local:in", "aws:out", "--delete", "--output=json")
    (report,) = json.loads(done.stdout)
    assert (report["files"], report["unchanged"], report["failed"]) == (0, 2, 1)
    assert [one["name"] for one in report["failures"]] == ["out/odd\\udcff"]
    # As surplus at a target it is deleted as any other.
    lab.fill({"from/good": b"1"})
    assert lab.move("aws:from", "local:in", "--delete", "--dryrun")["deleted"] == 2
    assert lab.move("aws:from", "local:in", "--delete")["deleted"] == 2
    assert [file.name for file in folder.iterdir()] == ["good"]


def test_a_backslash_is_refused_by_azure_before_it_is_sent(lab: Lab) -> None:
    lab.fill({"in/a\\b": b"1", "in/a/b": b"2"})
    assert "turns a backslash into a slash" in lab("transfer", "aws:in", "azure:out", code=5)
    assert lab.seen_by_rclone("azure", "out") == digests({"a/b": b"2"})


@pytest.mark.parametrize(
    ("source", "target", "arrives"),
    [
        ("aws:d/one.txt", "azure:two.txt", {"two.txt": b"1"}),
        ("aws:d/one.txt", "azure:e/", {"e/one.txt": b"1"}),
        ("aws:d", "azure:e", {"e/one.txt": b"1", "e/sub/two.csv": b"2"}),
        ("aws:d/*.txt", "azure:e", {"e/one.txt": b"1"}),
        ("aws:d/**/*.csv", "azure:e", {"e/sub/two.csv": b"2"}),
        ("aws:/d/one.txt", "azure:/e/", {"e/one.txt": b"1"}),
    ],
)
def test_names_are_what_the_command_says(
    lab: Lab, source: str, target: str, arrives: dict[str, bytes]
) -> None:
    lab.fill({"d/one.txt": b"1", "d/sub/two.csv": b"2", "other": b"3"})
    lab.move(source, target)
    assert lab.seen_by_rclone("azure") == digests(arrives)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["--include=*.csv"], {"a.csv", "x/b.csv"}),
        (["--include=x/*.csv"], {"x/b.csv"}),
        (["--exclude=*.csv"], {"c.txt", "x/y/d.txt"}),
        (["--exclude=x/**"], {"a.csv", "c.txt"}),
        (["--include=*.csv", "--include=*.txt", "--exclude=c*"], {"a.csv", "x/b.csv", "x/y/d.txt"}),
    ],
)
def test_filters_choose_what_is_moved(lab: Lab, words: list[str], names: set[str]) -> None:
    lab.fill({"a.csv": b"1", "x/b.csv": b"2", "c.txt": b"3", "x/y/d.txt": b"4"}, "in/")
    lab.move("aws:in", "local:out", *words)
    assert set(lab.seen_by_rclone("local", "out")) == names


def test_the_digest_is_stored_with_each_object(lab: Lab) -> None:
    tree = {"small": b"x", "large": random.randbytes(17 * MIB)}
    lab.fill(tree, "in/")
    lab.move("aws:in", "azure:out")
    lab.move("azure:out", "aws:back")
    lab.move("aws:in", "google:out")
    found = {
        name: lab.s3.head_object(Bucket=lab.bucket, Key=f"back/{name}")["Metadata"] for name in tree
    }
    # Of a large object S3 takes no metadata once its content is known.
    assert found == {"small": {"sha256": digests(tree)["small"]}, "large": {}}
    for service in ("azure", "google"):
        assert stored(lab, service) == digests(tree)


def stored(lab: Lab, service: str) -> dict[str, str]:
    """The digests in the metadata, past `cms`."""
    if service == "google":
        with urlopen(f"{lab.addresses['google']}/storage/v1/b/{lab.bucket}/o?prefix=out/") as reply:
            found = json.load(reply)["items"]
        return {one["name"].removeprefix("out/"): one["metadata"]["sha256"] for one in found}
    told: list[dict[str, Any]] = json.loads(
        lab.rclone("lsjson", "-M", "-R", "--files-only", lab.remote(service, "out"))
    )
    return {entry["Path"]: entry["Metadata"]["sha256"] for entry in told}
