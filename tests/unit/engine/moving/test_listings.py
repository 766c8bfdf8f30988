"""What is in a folder is noted for who has no login to the store."""

import json
from typing import Any

import pytest

from cloudmesh_engine import config
from cloudmesh_engine.moving import listings, plan
from cloudmesh_engine.stores.local import Local

from .conftest import Lab


def record(lab: Lab, place: str) -> dict[str, Any]:
    (told,) = json.loads(lab("storage", "record", place, "--output=json"))
    return told


@pytest.mark.parametrize("service", ["aws", "azure", "google", "local"])
def test_a_folder_is_noted_as_it_is(lab: Lab, service: str) -> None:
    lab.fill({"in/a.txt": b"12", "in/sub/b": b"3", "in/[x] <b>*?/c": b"", "in/[x] <b>*?/d/e": b""})
    lab.move("aws:in", f"{service}:runs")
    told = record(lab, f"{service}:runs")
    assert (told["path"], told["folders"], told["files"]) == ("runs/", 2, 1)
    document = lab.noted("listings")[f"{service}:runs/"]
    assert document["cm"] | {"updated": ""} == {
        "kind": "listing",
        "cloud": service,
        "name": "runs/",
        "updated": "",
    }
    assert [(one["name"], one["kind"], one["size"]) for one in document["entries"]] == [
        ("runs/[x] <b>*?/", "folder", 0),
        ("runs/sub/", "folder", 0),
        ("runs/a.txt", "file", 2),
    ]
    # A name that looks like a glob is a name.
    told = record(lab, f"{service}:runs/[x] <b>*?/")
    assert (told["folders"], told["files"]) == (1, 1)
    assert record(lab, f"{service}:")["folders"] >= 1


def test_a_folder_that_is_gone_is_not_shown_any_more(lab: Lab) -> None:
    lab.fill({"in/a": b"1"})
    record(lab, "aws:in/")
    lab.s3.delete_object(Bucket=lab.bucket, Key="in/a")
    assert "aws: there is no folder 'in/'" in lab("storage", "record", "aws:in", code=1)
    assert lab.noted("listings") == {}


def test_an_empty_folder_is_a_folder(lab: Lab) -> None:
    for service in ("aws", "local"):
        assert record(lab, f"{service}:")["files"] == 0
        lab("storage", f"--storage={service}", "create", "dir", "empty")
        told = record(lab, f"{service}:empty")
        assert (told["folders"], told["files"]) == (0, 0)


def test_services_are_noted_without_their_secrets_even_if_the_store_fails(lab: Lab) -> None:
    lab.configure("aws", "http://127.0.0.1:9")
    lab("storage", "record", "aws:", code=4)
    services = lab.noted("storage")
    assert services["aws"]["place"] == lab.bucket
    assert services["aws"]["default"]
    assert services["google"]["supported"]
    assert "secret" not in json.dumps(services)
    file = lab.cms.root / "cloudmesh.yaml"
    before, head, after = file.read_text().partition("\n  storage:")
    file.write_text(before + head + after.replace("\n    google:", "\n    minio:", 1))
    lab("storage", "record", "local:")
    assert set(services) - set(lab.noted("storage")) == {"google"}


def test_more_than_a_person_looks_through_is_cut(lab: Lab) -> None:
    for number in range(1001):
        (lab.root / f"{number:04}").touch()
    told = record(lab, "local:")
    assert (told["truncated"], told["files"]) == (True, 1000)
    (lab.root / "0000").unlink()
    assert record(lab, "local:")["truncated"] is False
    assert len(lab.noted("listings")["local:"]["entries"]) == 1000


def test_the_oldest_listings_go(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listings, "_LISTINGS", 2)
    settings, store = config.load(lab.cms.environ), Local("local", lab.root)
    for name in "abac":
        (lab.root / name).mkdir(exist_ok=True)
        listings.note(settings, plan.spot(store, name))
    assert set(lab.noted("listings")) == {"local:a/", "local:c/"}


def test_a_name_that_is_no_text_is_told_as_far_as_it_is(lab: Lab) -> None:
    (lab.root / "bad").mkdir()
    with open(bytes(lab.root / "bad") + b"/\xff.txt", "wb"):
        pass
    record(lab, "local:bad")
    (entry,) = lab.noted("listings")["local:bad/"]["entries"]
    assert (entry["name"], entry["problem"]) == ("bad/?.txt", "has a name that is not UTF-8")


def test_a_link_leads_to_no_folder_outside(lab: Lab) -> None:
    outside = lab.cms.root / "outside"
    (outside / "sub").mkdir(parents=True)
    (lab.root / "folder").symlink_to(outside)
    for place in ("local:folder", "local:folder/sub"):
        assert "leads outside" in lab("storage", "record", place, code=5)
    assert "no folder" in lab("storage", "record", "local:..", code=1)
    assert lab.noted("listings") == {}
