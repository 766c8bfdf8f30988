"""What is known of a transfer is kept, also when MongoDB does not take it at once."""

from collections.abc import Iterator
from typing import Any

import pytest
from pymongo.errors import DuplicateKeyError

from cloudmesh_engine import config, mongo
from cloudmesh_engine.config import Settings
from cloudmesh_engine.moving.manifest import DONE, FAILED, MOVING, Manifest
from cloudmesh_engine.stores import Item, Put

from ..conftest import Cms


@pytest.fixture
def settings(cms_db: Cms) -> Settings:
    return config.load(cms_db.environ)


@pytest.fixture
def pages(settings: Settings) -> Iterator[Any]:
    server = mongo.server(settings)
    yield mongo.client(server)[server.database]["transfer_pages"]
    mongo.client(server).close()
    mongo.client.cache_clear()


def test_rows_that_were_not_taken_are_written_with_the_next(settings: Settings, pages: Any) -> None:
    manifest = Manifest(settings, "from", "to")
    assert manifest.rows() == {}
    # As if a page had arrived, and the answer to it had not.
    pages.insert_one({"_id": f"{manifest.id}/1"})
    with pytest.raises(DuplicateKeyError):
        manifest.begin("large", Item("large", 1, "tag"))
    manifest.done("small", Item("small", 1, "tag"), "digest", Put("tag"))
    manifest.flush()
    rows = Manifest(settings, "from", "to").rows()
    assert {key: row.state for key, row in rows.items()} == {"large": MOVING, "small": DONE}


def test_a_name_that_is_no_text_costs_no_other_row(settings: Settings, pages: Any) -> None:
    manifest = Manifest(settings, "from", "to")
    manifest.rows()
    manifest.failed("odd\udcff", Item("odd\udcff", 1, "tag"), "why")
    manifest.done("good", Item("good", 1, "tag"), "digest", Put("tag"))
    manifest.flush()
    rows = Manifest(settings, "from", "to").rows()
    assert {key: row.state for key, row in rows.items()} == {"odd\\udcff": FAILED, "good": DONE}


def test_rows_wait_until_those_of_earlier_runs_are_read(settings: Settings, pages: Any) -> None:
    first = Manifest(settings, "from", "to")
    first.rows()
    first.begin("old", Item("old", 1, "tag"))
    second = Manifest(settings, "from", "to")
    second.done("new", Item("new", 1, "tag"), "digest", Put("tag"))
    second.flush()
    assert pages.count_documents({"transfer": second.id}) == 1
    assert set(second.rows()) == {"old"}
    second.flush()
    assert set(Manifest(settings, "from", "to").rows()) == {"old", "new"}
