"""The operators and the sensor for files, over the real `cms` and emulated stores."""

import os
import signal
import threading

import pytest

from .conftest import engine, moving

MIB = 1024 * 1024
TREE = {"a/one.txt": b"1", "a/two ü.txt": b"22", "a/b/-three.csv": b"333"}
LARGE = {f"a/{name}": os.urandom(20 * MIB) for name in ("large", "larger")}


def transfers(lab) -> list[int]:
    """Give the processes of this test that run `cms transfer`."""
    return engine.processes(lab.cms, "transfer")


def test_a_moved_tree_is_told_in_xcom_and_as_an_asset(airflow, stores):
    stores.fill(TREE)
    done = airflow("move", source="aws:a", target="azure:b ü")
    assert done.state == "success", airflow.log.read_text()[-3000:]
    report = done.returned["do"]
    assert (report["files"], report["bytes"], report["failed"]) == (3, 6, 0)
    wanted = {name.removeprefix("a/"): content for name, content in TREE.items()}
    assert stores.seen_by_rclone("azure", "b ü") == moving.digests(wanted)
    ((uri, extra),) = done.events.items()
    assert uri == "cloudmesh://azure/b%20%C3%BC"
    assert extra["digest"] == report["digest"]
    assert (extra["source"], extra["files"], extra["bytes"]) == ("aws:a", 3, 6)
    again = airflow("move", source="aws:a", target="azure:b ü", day=2)
    assert (again.returned["do"]["bytes"], again.returned["do"]["unchanged"]) == (0, 3)
    # An earlier try may have moved it: whoever waits for it has to hear of it.
    assert again.events[uri]["digest"] == report["digest"]
    assert moving.ACCOUNT_KEY not in airflow.log.read_text()


def test_filters_and_a_dry_run_reach_cms(airflow, stores):
    stores.fill(TREE)
    done = airflow("move", source="aws:a", target="azure:b", include="*.csv", dryrun=True)
    assert done.state == "success", airflow.log.read_text()[-3000:]
    assert done.returned["do"]["names"] == ["b/b/-three.csv"]
    assert "would move b/b/-three.csv" in airflow.log.read_text()
    assert done.events == {}
    assert stores.seen_by_rclone("azure") == {}


def test_a_killed_command_is_a_failure_and_the_next_try_goes_on(airflow, stores, proxied):
    stores.fill(TREE | LARGE)
    proxy = proxied("azure")

    def kill(call):
        if call.method == "PUT" and call.name.endswith("/one.txt") and call.status == 201:
            arrived.set()
        if call.method == "PUT" and "blockid=" in call.path and arrived.wait(engine.PATIENCE):
            for process in transfers(stores):
                os.kill(process, signal.SIGKILL)

    arrived = threading.Event()
    proxy.after = kill
    first = airflow("move", source="aws:a", target="azure:b")
    assert first.tasks == {"do": "failed"}
    assert "ended by signal 9" in airflow.log.read_text()
    assert first.events == {}
    assert transfers(stores) == []
    proxy.after = lambda call: None
    second = airflow("move", source="aws:a", target="azure:b")
    assert second.state == "success", airflow.log.read_text()[-3000:]
    report = second.returned["do"]
    assert report["files"] + report["unchanged"] == len(TREE | LARGE)
    wanted = {name.removeprefix("a/"): content for name, content in (TREE | LARGE).items()}
    assert stores.seen_by_rclone("azure", "b") == moving.digests(wanted)
    assert len(second.events) == 1


def test_what_has_no_time_left_ends_and_leaves_no_parts(airflow, stores, proxied):
    for name, content in LARGE.items():
        (stores.root / name).parent.mkdir(exist_ok=True)
        (stores.root / name).write_bytes(content)
    proxy = proxied("aws")
    ended, held = threading.Event(), threading.Event()

    def hold(call):
        if "partNumber=2" in call.path:
            held.set()
            ended.wait(120)

    proxy.before = hold
    airflow.environ["CONTRACT_MOST"] = "15"
    try:
        done = airflow("move", source="local:a", target="aws:b")
    finally:
        airflow.environ["CONTRACT_MOST"] = ""
        ended.set()
    assert held.is_set()
    assert done.tasks == {"do": "failed"}
    assert "ended after 15 s without a result" in airflow.log.read_text()
    assert transfers(stores) == []
    engine.wait_until(lambda: stores.uploads() == [])
    assert airflow("move", source="local:a", target="aws:b").state == "success"


@pytest.mark.parametrize(
    ("source", "target", "said", "tries"),
    [
        ("aws:nosuch", "azure:b", "there is no 'nosuch'", 2),
        ("aws:a", "nosuch:b", "nosuch: no such storage service", 1),
        ("aws:a", "aws:a/b", "lies inside", 1),
        ("aws", "azure:b", "'aws': write SERVICE:PATH", 0),
    ],
)
def test_only_what_may_go_well_is_tried_again(airflow, stores, source, target, said, tries):
    stores.fill(TREE)
    before = len(airflow.log.read_text())
    done = airflow("move_again", source=source, target=target)
    assert done.tasks == {"do": "failed"}
    log = airflow.log.read_text()[before:]
    assert said in log
    assert log.count(f"] cms transfer {source} {target}") == tries
    assert done.events == {}


def test_files_are_listed_or_missing(airflow, stores):
    stores.fill(TREE)
    done = airflow("list_files", source="aws:a/**/*.txt")
    assert [one["name"] for one in done.returned["do"]] == ["a/one.txt", "a/two ü.txt"]
    assert [one["size"] for one in done.returned["do"]] == [1, 2]
    assert airflow("list_files", source="aws:nosuch").tasks == {"do": "failed"}
    assert airflow("list_some", source="aws:no' \n such").returned == {"do": []}
    assert airflow("list_some", source="nosuch:a").tasks == {"do": "failed"}


def test_a_bucket_that_is_missing_is_no_empty_list(airflow, stores):
    stores.cms.configure(f"bucket: {stores.bucket}", "bucket: nosuch-bucket")
    for dag in ("list_some", "await_files"):
        assert airflow(dag, source="aws:a").tasks == {"do": "failed"}
    assert "there is no 'nosuch-bucket'" in airflow.log.read_text()


def test_files_that_come_later_are_seen(airflow, stores):
    stores.fill({"in/": b"", "in/a.csv": b"1"})
    waited = []
    before = len(airflow.log.read_text())

    def wait():
        waited.append(airflow("await_files", source="aws:in/*", n=2))

    task = threading.Thread(target=wait)
    task.start()
    said = "aws:in/*: 1 of 2 files are there"
    engine.wait_until(lambda: airflow.log.read_text()[before:].count(said) > 1)
    stores.fill({"in/b.csv": b"22"})
    task.join(300)
    (done,) = waited
    assert done.state == "success", airflow.log.read_text()[-3000:]
    assert [one["name"] for one in done.returned["do"]] == ["in/a.csv", "in/b.csv"]


def test_waiting_for_files_ends_when_its_time_is_up(airflow, stores):
    airflow.environ["CONTRACT_MOST"] = "1"
    try:
        assert airflow("await_files", source="azure:in/*.csv").tasks == {"do": "failed"}
    finally:
        airflow.environ["CONTRACT_MOST"] = ""
    assert "not 1 files within 1 s: azure:in/*.csv" in airflow.log.read_text()
