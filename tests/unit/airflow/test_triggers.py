"""The trigger as it is kept in Airflow's database while it waits."""

import asyncio
import inspect
import json
import time

import pytest
from airflow.sdk.module_loading import import_string

from cloudmesh_airflow.hooks.cloudmesh import CloudmeshHook
from cloudmesh_airflow.triggers.files import CloudmeshPauseTrigger
from cloudmesh_airflow.triggers.vm import CloudmeshVmStateTrigger

SECRET = "canary-of-the-reader"
# Nobody listens there.
NOWHERE = {"conn_type": "cloudmesh", "host": "127.0.0.1", "port": 9, "password": SECRET}


@pytest.fixture
def trigger(monkeypatch) -> CloudmeshVmStateTrigger:
    monkeypatch.setenv("AIRFLOW_CONN_CLOUDMESH_DEFAULT", json.dumps(NOWHERE))
    return CloudmeshVmStateTrigger(
        names=["web"],
        cloud="aws",
        state="running",
        until=time.time() + 0.1,
        deadline=1e10,
        poll_interval=0.01,
        cloudmesh_conn_id=CloudmeshHook.default_conn_name,
    )


def test_another_triggerer_can_go_on_with_what_was_kept(trigger):
    path, kept = trigger.serialize()
    assert set(kept) == set(inspect.signature(CloudmeshVmStateTrigger).parameters)
    again = import_string(path)(**json.loads(json.dumps(kept)))
    assert again.serialize() == trigger.serialize()
    assert SECRET not in json.dumps(kept)


def test_an_inventory_that_is_down_ends_with_asking_the_cloud(trigger):
    async def first():
        return await anext(trigger.run())

    event = {"names": ["web"], "cloud": "aws", "deadline": 1e10}
    assert asyncio.run(first()).payload == event


def test_a_pause_ends_at_its_moment_also_in_another_triggerer():
    begun = CloudmeshPauseTrigger(until=time.time() + 0.1, deadline=1e10)
    path, kept = begun.serialize()
    assert set(kept) == set(inspect.signature(CloudmeshPauseTrigger).parameters)
    again = import_string(path)(**json.loads(json.dumps(kept)))

    async def first():
        return await anext(again.run())

    assert asyncio.run(first()).payload == {"deadline": 1e10}
    assert time.time() >= kept["until"]


def test_the_button_on_the_connections_page_says_what_is_wrong(trigger):
    works, text = CloudmeshHook().test_connection()
    assert not works
    assert text.startswith("MongoDB at 127.0.0.1:9 cannot be read as 'airflow': ")
    assert SECRET not in text
    assert len(text.splitlines()) == 1


def test_a_connection_that_is_missing_is_named():
    with pytest.raises(Exception, match="connection 'nosuch' does not exist"):
        _ = CloudmeshHook("nosuch").settings


def test_without_the_default_connection_the_appliances_own_settings_are_taken(
    monkeypatch, tmp_path
):
    (tmp_path / "mongo_reader_password").write_text(SECRET + "\n")
    monkeypatch.setenv("CLOUDMESH_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("CLOUDMESH_MONGO_HOST", "somewhere")
    server = CloudmeshHook().settings.server
    assert (server.address, server.login, server.password) == ("somewhere:27017", "airflow", SECRET)
