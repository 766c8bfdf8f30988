"""The stand-in for MongoDB: its answer to a write is true while others read."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.collection import Collection

from .conftest import Mongo


@pytest.fixture
def rows(mongo: Mongo) -> Iterator[Collection[dict[str, Any]]]:
    with MongoClient[dict[str, Any]](
        "127.0.0.1",
        mongo.port,
        username="cloudmesh",
        password=mongo.password,
        authSource="admin",
        authMechanism="SCRAM-SHA-256",
    ) as client:
        yield client["test_standin"]["rows"]
        client.drop_database("test_standin")


def test_no_write_fails_because_others_read(rows: Collection[dict[str, Any]]) -> None:
    """What mongoeco notes of each field that a read names, it forgets at a write."""
    rows.insert_one({"_id": "row", "count": 0})
    written = threading.Event()

    def read(reader: int) -> None:
        turn = 0
        while not written.is_set():
            turn += 1
            new = [{f"field-{reader}-{turn}-{number}": "x"} for number in range(100)]
            assert list(rows.database["others"].find({"$or": new})) == []

    def write() -> None:
        for _ in range(100):
            rows.update_one({"_id": "row"}, {"$inc": {"count": 1}})

    with ThreadPoolExecutor() as pool:
        reading = [pool.submit(read, reader) for reader in range(2)]
        writing = [pool.submit(write) for _ in range(2)]
        try:
            for each in writing:
                each.result()
        finally:
            written.set()
        for each in reading:
            each.result()
    assert rows.find_one() == {"_id": "row", "count": 200}
