"""The operators and the sensor for files over small programs in the place of cms."""

import json
import logging
import sys
import time

import pytest
from airflow.sdk import Asset
from airflow.sdk.exceptions import (
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)

from cloudmesh_airflow import arguments, stores
from cloudmesh_airflow.assets import TRANSFERS, asset
from cloudmesh_airflow.failures import BadArgument, CmsFailed, CmsNotSupported
from cloudmesh_airflow.operators.files import (
    CloudmeshListFilesOperator,
    CloudmeshTransferOperator,
)
from cloudmesh_airflow.sensors.files import CloudmeshFileSensor

REPORT = {
    "action": "moved", "source": "aws:a", "target": "azure:b", "files": 1, "bytes": 2,
    "unchanged": 3, "deleted": 0, "failed": 0, "retries": 0, "seconds": 0.1, "digest": "d",
    "failures": [],
}  # fmt: skip
FILE = {"storage": "aws", "name": "in/a.csv", "kind": "file", "size": 1}
NOTHING = "cms: aws: there is no 'in/*.csv': see cms storage --storage=aws list\n"


@pytest.fixture
def cms(tmp_path, monkeypatch):
    """Puts a program in cms's place that writes, says, and ends; gives all the words it got."""
    words = tmp_path / "words"

    def install(stdout: object = "", stderr: str = "", code: int = 0):
        program = tmp_path / "cms"
        text = stdout if isinstance(stdout, str) else json.dumps(stdout)
        program.write_text(
            f"#!{sys.executable}\nimport json, sys\n"
            f"print(json.dumps(sys.argv[1:]), file=open({str(words)!r}, 'a'))\n"
            f"print({text!r}, end=''); print({stderr!r}, end='', file=sys.stderr)\n"
            f"sys.exit({code})\n"
        )
        program.chmod(0o755)
        monkeypatch.setenv("CLOUDMESH_CMS", str(program))
        monkeypatch.setenv("AIRFLOW_CONN_CLOUDMESH_DEFAULT", '{"conn_type": "cloudmesh"}')
        return lambda: [json.loads(line) for line in words.read_text().splitlines()]

    return install


class Events(list):
    """What a task has told of one asset alias."""

    def add(self, there, extra):
        self.append((there.uri, extra))


def move(**given):
    """Run the operator; what it returns, and the asset events."""
    task = CloudmeshTransferOperator(task_id="do", **{"source": "aws:a", "target": "b:c", **given})
    events = {TRANSFERS: Events()}
    return task.execute({"outlet_events": _Outlets(events)}), events[TRANSFERS]


class _Outlets(dict):
    def __init__(self, found):
        super().__init__({alias.name: events for alias, events in found.items()})

    def __getitem__(self, alias):
        return super().__getitem__(alias.name)


def test_every_option_reaches_cms_and_a_template_may_give_it_as_text(cms):
    words = cms([REPORT])
    report, events = move(
        target="azure:b", include=["*.csv", "*.gz"], exclude="tmp*", delete="True", verify="read",
        bwlimit="10M", parallel="4", dryrun="False",
    )  # fmt: skip
    assert words() == [
        ["transfer", "aws:a", "azure:b", "--output=json", "--include=*.csv", "--include=*.gz",
         "--exclude=tmp*", "--delete", "--verify=read", "--bwlimit=10M", "--parallel=4"],
    ]  # fmt: skip
    assert report == REPORT
    ((uri, extra),) = events
    assert uri == "cloudmesh://azure/b"
    assert extra == {key: REPORT[key] for key in extra}
    assert {"files", "bytes", "digest"} <= set(extra)


def test_what_is_not_given_is_no_option(cms):
    words = cms([REPORT])
    move(include="", exclude=[], bwlimit="", parallel="")
    assert words() == [["transfer", "aws:a", "b:c", "--output=json", "--verify=store"]]


def test_every_failed_object_is_logged_and_no_event_is_told(cms, capsys):
    failures = [{"name": f"b/{n}", "error": f"no {n}"} for n in range(9)]
    cms([REPORT | {"failures": failures}], "cms: 9 of 10 objects failed\n", 1)
    with pytest.raises(CmsFailed, match="9 of 10 objects failed"):
        move()
    logged = capsys.readouterr().out
    assert all(f"b/{n}: no {n}" in logged for n in range(9))


def test_a_dry_run_returns_a_thousand_names_logs_all_and_tells_nobody(cms, capsys):
    names = [f"b/{n}" for n in range(1005)]
    cms([REPORT | {"action": "would move", "files": 1005, "names": names, "deletes": ["b/x"]}])
    report, events = move(dryrun=True)
    assert (report["files"], report["names"], report["deletes"]) == (1005, names[:1000], ["b/x"])
    assert "would move b/1004" in capsys.readouterr().out
    assert events == []


@pytest.mark.parametrize("given", [{"source": "a"}, {"target": "-x:y"}, {"delete": "perhaps"}])
def test_what_makes_no_command_is_refused_before_cms_is_started(cms, given):
    words = cms([REPORT])
    with pytest.raises(BadArgument):
        move(**given)
    with pytest.raises(FileNotFoundError):
        words()


def test_a_name_too_long_for_an_asset_is_moved_all_the_same(cms, capsys):
    cms([REPORT])
    report, events = move(target="azure:" + "ü" * 500)
    assert (report, events) == (REPORT, [])
    assert "no asset event" in capsys.readouterr().out


def test_a_kind_of_store_that_is_not_supported_is_skipped_only_where_asked_for(cms):
    cms("", "cms: box: storage of kind 'box' is not supported\n", 3)
    with pytest.raises(CmsNotSupported):
        move()
    with pytest.raises(AirflowSkipException, match="box: storage"):
        move(skip_unsupported=True)


def test_assets_of_ones_own_stay():
    own = Asset("cloudmesh://azure/mine")
    task = CloudmeshTransferOperator(task_id="do", source="a:b", target="c:d", outlets=own)
    assert task.outlets == [own, TRANSFERS]


@pytest.mark.parametrize(
    ("place", "uri"),
    [
        ("azure:runs", "cloudmesh://azure/runs"),
        ("azure:/runs/", "cloudmesh://azure/runs"),
        ("azure:", "cloudmesh://azure/"),
        ("azure:a//b", "cloudmesh://azure/a//b"),
        ("azure:ü ~?#x@y:z", "cloudmesh://azure/%C3%BC%20~%3F%23x%40y%3Az"),
        ("my store:x", "cloudmesh://my%20store/x"),
    ],
)
def test_the_asset_of_a_place_is_a_valid_uri(place, uri):
    made = asset(place)
    assert (made.uri, made.name) == (uri, uri)
    # Airflow makes nothing else of it, so a DAG that is scheduled on it finds it.
    assert Asset(uri).uri == uri


def test_a_list_gives_records_or_nothing(cms):
    words = cms([FILE])
    task = CloudmeshListFilesOperator(task_id="do", source="aws:in/*.csv", missing_ok=True)
    assert task.execute({}) == [FILE]
    assert words() == [["storage", "--storage=aws", "list", "in/*.csv", "--recursive",
                        "--output=json"]]  # fmt: skip
    cms("", NOTHING, 1)
    assert task.execute({}) == []
    with pytest.raises(CmsFailed):
        CloudmeshListFilesOperator(task_id="do", source="aws:in/*.csv").execute({})
    cms("", "cms: aws: there is no 'bucket': make it with cms storage create dir /\n", 1)
    with pytest.raises(CmsFailed):
        task.execute({})


@pytest.mark.parametrize(
    ("place", "words"), [("aws:", []), ("aws:-x", ["./-x"]), ("aws:/-x", ["/-x"])]
)
def test_no_path_is_taken_for_an_option(place, words):
    assert arguments.listing(place, False) == [
        "storage", "--storage=aws", "list", *words, "--output=json",
    ]  # fmt: skip


def sensor(**given):
    return CloudmeshFileSensor(
        task_id="do", **{"source": "aws:in/*.csv", "timeout": 600, "poke_interval": 30, **given}
    )


def test_a_sensor_that_finds_its_files_returns_them(cms):
    cms([FILE, FILE | {"name": "in/"}])
    assert sensor().execute({}) == [FILE]
    with pytest.raises(TaskDeferred):
        sensor(at_least="2").execute({})


def test_a_sensor_that_finds_nothing_waits_in_the_triggerer_and_asks_again(cms):
    words = cms("", NOTHING, 1)
    before = time.time()
    with pytest.raises(TaskDeferred) as deferred:
        sensor().execute({})
    path, kept = deferred.value.trigger.serialize()
    assert path == "cloudmesh_airflow.triggers.files.CloudmeshPauseTrigger"
    assert before + 30 <= kept["until"] <= time.time() + 30
    assert before + 600 <= kept["deadline"] <= time.time() + 600
    with pytest.raises(TaskDeferred):
        sensor().execute_complete({}, {"deadline": kept["deadline"]})
    cms([FILE])
    assert sensor().execute_complete({}, {"deadline": kept["deadline"]}) == [FILE]
    assert len(words()) == 3


def test_a_sensor_gives_up_when_its_time_is_over_after_a_last_look(cms):
    cms("", NOTHING, 1)
    with pytest.raises(AirflowSensorTimeout, match=r"not 1 files within 600 s: aws:in/\*\.csv"):
        sensor().execute_complete({}, {"deadline": time.time() - 1})
    with pytest.raises(AirflowSkipException):
        sensor(soft_fail=True).execute_complete({}, {"deadline": time.time() - 1})
    cms([FILE])
    assert sensor().execute_complete({}, {"deadline": time.time() - 1}) == [FILE]


def test_a_sensor_without_deferring_asks_in_the_worker(cms):
    cms([FILE])
    assert sensor(deferrable=False).execute({}) == [FILE]


def test_a_store_that_fails_is_an_error_of_the_sensor(cms):
    cms("", "cms: aws at x:1 does not answer: check the endpoint\n", 4)
    with pytest.raises(Exception, match="does not answer"):
        sensor().execute({})
    with pytest.raises(BadArgument, match="at_least: 'many'"):
        sensor(at_least="many").execute({})


SERVICES = {
    "aws": {"storage": "aws", "kind": "awss3", "supported": True, "place": "cloudmesh"},
    "google": {"storage": "google", "kind": "google", "supported": True, "place": ""},
    "box": {"storage": "box", "kind": "box", "supported": False, "place": "x"},
}


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["aws", "google"], "google: its bucket, container or directory is not filled in"),
        (["aws", "box"], "box: storage of kind 'box' is not supported"),
        (["nosuch"], "nosuch: no such storage service in cloudmesh.yaml: use aws, google, box"),
    ],
)
def test_a_task_is_skipped_with_the_reason_where_a_store_is_not_filled_in(cms, names, said):
    cms(list(SERVICES.values()))
    stores.skip_unless_ready("aws")
    with pytest.raises(AirflowSkipException, match=said):
        stores.skip_unless_ready(*names)


@pytest.fixture
def sized(cms, tmp_path):
    """Lets cms know three stores and answer for one of them."""

    def install(code: int = 0):
        rows = [
            {"storage": "aws", "name": "/", "files": 1200, "bytes": 3 << 20},
            {"storage": "aws", "name": "runs/", "files": 2, "bytes": 12},
        ]
        cms()
        answers = {True: list(SERVICES.values()), False: rows}
        (tmp_path / "cms").write_text(
            f"#!{sys.executable}\nimport json, sys\nconfig = 'config' in sys.argv\n"
            f"print(json.dumps({answers!r}[config]))\n"
            "print(*sys.argv[1:], file=sys.stderr)\n"
            f"sys.exit(0 if config else {code})\n"
        )
        return rows

    return install


def test_a_report_counts_what_is_filled_in_and_is_readable(sized, caplog):
    rows = sized()
    caplog.set_level(logging.INFO)
    assert stores.measure("", "", 60) == rows
    assert "cms storage --storage=aws size --folders --output=json" in caplog.messages
    assert caplog.messages[-3:] == [
        "store  folder  files      bytes",
        "aws    /       1,200  3,145,728  3.0 MiB",
        "aws    runs/       2         12     12 B",
    ]


def test_a_store_that_fails_makes_the_report_fail_and_hides_no_other(sized, caplog):
    sized(code=4)
    caplog.set_level(logging.INFO)
    with pytest.raises(Exception, match="exit code 4"):
        stores.measure("aws,azure", "runs", 60)
    assert "3,145,728" in caplog.text
