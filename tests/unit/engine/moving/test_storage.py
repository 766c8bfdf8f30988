"""Every usage line of `cms storage` does what it says."""

import json
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
from docopt import docopt

from cloudmesh_engine import catalog, usage
from cloudmesh_engine.commands import storage_manual

from .conftest import Lab, digests

SERVICES = ["aws", "azure", "google", "local"]


def told(lab: Lab, *words: str) -> list[dict[str, Any]]:
    return json.loads(lab("storage", *words, "--output=json"))


def names(records: list[dict[str, Any]]) -> list[str]:
    return [record["name"] for record in records]


def upstreams_lines() -> list[str]:
    text = textwrap.dedent(catalog.commands()["storage"].manual())
    lines = re.search(r"Usage:\n(.*?)\n\n", text, re.DOTALL)
    assert lines
    return [line.strip() for line in lines[1].splitlines()]


def test_upstream_has_as_many_usage_lines_as_we_know() -> None:
    assert len(upstreams_lines()) == 10


@pytest.mark.parametrize("line", upstreams_lines())
def test_every_usage_line_of_upstream_is_taken(line: str) -> None:
    words = re.sub(r"[\[\]]", "", line).split()[1:]
    argv = [re.sub(r"=\w+", "=x", word) if word.startswith("--") else word for word in words]
    arguments = usage.parse(storage_manual.MANUAL, argv)
    # What upstream's own text makes of the same words.
    theirs = docopt(f"Usage:\n  {line}\n", argv)
    for name, value in theirs.items():
        assert arguments[name] == value, name


@pytest.mark.parametrize("service", SERVICES)
def test_put_list_get_and_delete(lab: Lab, service: str) -> None:
    here = lab.cms.root / "work"
    (here / "my file.txt").write_bytes(b"content")
    chosen = f"--storage={service}"
    lab("storage", chosen, "put", "my file.txt", "folder/~kept ü.txt")
    lab("storage", chosen, "put", str(here / "my file.txt"), "folder/")
    assert names(told(lab, chosen, "list", "folder")) == [
        "folder/my file.txt",
        "folder/~kept ü.txt",
    ]
    assert names(told(lab, chosen, "list")) == ["folder/"]
    assert sorted(names(told(lab, chosen, "list", "--recursive"))) == [
        "folder/my file.txt",
        "folder/~kept ü.txt",
    ]
    lab("storage", chosen, "get", "folder/~kept ü.txt", "back.txt")
    assert (here / "back.txt").read_bytes() == b"content"
    lab("storage", chosen, "get", "folder/~kept ü.txt", "new/")
    assert (here / "new/~kept ü.txt").read_bytes() == b"content"
    (gone,) = told(lab, chosen, "delete", "folder/my file.txt")
    assert gone["action"] == "deleted"
    assert names(told(lab, chosen, "list", "folder")) == ["folder/~kept ü.txt"]
    assert "there is no 'folder/my file.txt'" in lab(
        "storage", chosen, "delete", "folder/my file.txt", code=1
    )


def make_tree(root: Path) -> dict[str, bytes]:
    tree = {"a.txt": b"1", "sub/b.csv": b"22", "sub/deep er/c.csv": b"333"}
    for name, content in tree.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return tree


@pytest.mark.parametrize("service", SERVICES)
def test_folders(lab: Lab, service: str) -> None:
    tree = make_tree(lab.cms.root / "work/tree")
    chosen = f"--storage={service}"
    assert "add --recursive" in lab("storage", chosen, "put", "tree", "t", code=1)
    lab("storage", chosen, "put", "tree", "t", "--recursive")
    found = {
        entry["name"]: entry["size"] for entry in told(lab, chosen, "list", "t", "--recursive")
    }
    assert found == {f"t/{name}": len(content) for name, content in tree.items()}
    assert names(told(lab, chosen, "search", "t", "*.csv", "--recursive")) == [
        "t/sub/b.csv",
        "t/sub/deep er/c.csv",
    ]
    assert names(told(lab, chosen, "search", "t/sub", "*.csv")) == ["t/sub/b.csv"]
    assert told(lab, chosen, "size", "t") == [
        {"storage": service, "name": "t", "files": 3, "bytes": 6}
    ]
    drawn = lab("storage", chosen, "tree", "t").splitlines()
    assert drawn[1:] == [
        "├── a.txt",
        "└── sub",
        "    ├── b.csv",
        "    └── deep er",
        "        └── c.csv",
    ]
    assert "add --recursive" in lab("storage", chosen, "get", "t", "back", code=1)
    lab("storage", chosen, "get", "t", "back", "--recursive")
    back = lab.cms.root / "work/back"
    assert {
        str(p.relative_to(back)): p.read_bytes() for p in back.rglob("*") if p.is_file()
    } == tree
    assert "add --recursive" in lab("storage", chosen, "delete", "t", code=5)
    told(lab, chosen, "delete", "t", "--recursive")
    assert told(lab, chosen, "list", "--recursive") == []


def test_size_counts_each_folder_by_itself_when_asked(lab: Lab) -> None:
    lab.fill({"a/1": b"1", "a/b/2": b"22", "c/3": b"333", "4": b"4444", "/5": b"55555"})
    fives = {"/": (1, 5)} | {"a/": (2, 3), "c/": (1, 3)}

    def counted(*words: str) -> list[tuple[str, tuple[int, int]]]:
        every = told(lab, "--storage=aws", "size", *words, "--folders")
        return [(one["name"], (one["files"], one["bytes"])) for one in every]

    assert counted() == [("/", (5, 15)), *fives.items()]
    assert counted("a") == [("a", (2, 3)), ("a/b/", (1, 2))]
    assert counted("a/*") == [("a/*", (1, 1))]
    assert counted("a/**") == [("a/**", (2, 3)), ("a/b/", (1, 2))]
    assert counted("a/b/2") == [("a/b/2", (1, 2))]


def test_the_whole_path_of_a_file_means_that_file(lab: Lab) -> None:
    for name in (".cache/junk", "cache/good", ".env", "env"):
        (lab.root / name).parent.mkdir(exist_ok=True)
        (lab.root / name).write_text("x")
    for name in (".cache", ".cache/", ".env", "./env"):
        path = f"{lab.root}/{name}"
        assert names(told(lab, "--storage=local", "list", path)) == [
            ".cache/junk" if "cache" in name else name.removeprefix("./")
        ]
    lab("storage", "--storage=local", "delete", f"{lab.root}/.cache", "--recursive")
    lab("storage", "--storage=local", "delete", f"{lab.root}/.env")
    assert set(lab.seen_by_rclone("local")) == {"cache/good", "env"}
    for root in (f"{lab.root}", f"{lab.root}/", f"{lab.root}//./"):
        assert names(told(lab, "--storage=local", "list", root)) == ["cache/", "env"]


@pytest.mark.parametrize("path", ["{}/../env", "{}/cache/../env", "{}/.."])
def test_a_whole_path_that_may_lead_outside_is_refused(lab: Lab, path: str) -> None:
    for root in (lab.root, lab.root.parent):
        (root / "env").write_text("x")
    said = lab("storage", "--storage=local", "delete", path.format(lab.root), code=5)
    assert "'..' may lead outside" in said
    assert (lab.root / "env").exists()
    assert (lab.root.parent / "env").exists()


@pytest.mark.parametrize("service", SERVICES)
def test_create_dir(lab: Lab, service: str) -> None:
    chosen = f"--storage={service}"
    assert told(lab, chosen, "create", "dir", "new/one")[0]["action"] == "created"
    assert told(lab, chosen, "create", "dir", "new/one")[0]["action"] == "already there"
    assert names(told(lab, chosen, "list", "new")) == ["new/one/"]


def test_copy_keeps_names_and_tells_the_truth(lab: Lab) -> None:
    lab.fill({"run A/data.bin": b"1", "run A/x/y": b"2"})
    lab("storage", "copy", "aws:run A/data.bin", "azure:target.bin")
    lab("storage", "copy", "aws:run A/data.bin", "azure:")
    assert "add --recursive" in lab("storage", "copy", "aws:run A", "azure:all", code=1)
    lab("storage", "copy", "aws:run A", "azure:all", "--recursive")
    expected = {"target.bin": b"1", "data.bin": b"1", "all/data.bin": b"1", "all/x/y": b"2"}
    assert lab.seen_by_rclone("azure") == digests(expected)
    assert "there is no 'nosuch'" in lab("storage", "copy", "aws:nosuch", "azure:x", code=1)


def test_a_service_may_be_called_by_its_kind_as_in_upstreams_manual(lab: Lab) -> None:
    lab.fill({"source.txt": b"1"})
    lab("storage", "copy", "awss3:source.txt", "azureblob:target.txt")
    assert lab.seen_by_rclone("azure") == digests({"target.txt": b"1"})


def test_sync_makes_the_destination_what_the_source_is(lab: Lab) -> None:
    tree = make_tree(lab.cms.root / "work/tree")
    lab("storage", "--storage=aws", "sync", "tree", "t", "--name=nightly", "--async")
    assert lab.in_s3("t/") == digests(tree)
    (lab.cms.root / "work/tree/a.txt").unlink()
    lab("storage", "--storage=aws", "sync", "tree", "t", "--name=nightly", "--delete")
    assert set(lab.in_s3("t/")) == {"sub/b.csv", "sub/deep er/c.csv"}
    (status,) = told(lab, "sync", "status", "--name=nightly")
    assert (status["status"], status["target"]) == ("done", f"aws:{lab.bucket}:t")
    assert "no sync named other" in lab("storage", "sync", "status", "--name=other", code=1)


def test_several_services_are_listed_together(lab: Lab) -> None:
    lab.fill({"x": b"1"})
    (lab.root / "y").write_bytes(b"2")
    found = told(lab, "--storage=aws,local", "list")
    assert [(one["storage"], one["name"]) for one in found] == [("aws", "x"), ("local", "y")]


def test_config_list_says_which_place_is_not_filled_in(lab: Lab) -> None:
    google = f"bucket: {lab.bucket}\n        endpoint"
    lab.cms.configure(google, google.replace(lab.bucket, "TBD"))
    found = {entry["storage"]: entry["place"] for entry in told(lab, "config", "list")}
    bucket = lab.bucket
    wanted = {"aws": bucket, "azure": bucket, "google": "", "local": str(lab.root)}
    assert {service: found[service] for service in wanted} == wanted


def test_config_list_shows_no_secret(lab: Lab) -> None:
    found = {entry["storage"]: entry for entry in told(lab, "config", "list")}
    assert set(found) == set(SERVICES)
    assert found["aws"]["place"] == lab.bucket
    assert "secret" not in json.dumps(found)


@pytest.mark.parametrize("form", ["table", "csv", "yaml"])
def test_every_listing_knows_the_formats(lab: Lab, form: str) -> None:
    lab.fill({"x": b"1"})
    assert "x" in lab("storage", "list", f"--output={form}")
    assert lab.bucket in lab("storage", "config", "list", f"--output={form}")
