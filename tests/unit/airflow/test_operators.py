"""The operators over small programs in the place of cms; tests/contract has the real one."""

import json
import sys

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from cloudmesh_airflow.failures import (
    BadArgument,
    CmsFailed,
    CmsNotSupported,
    PauseLonger,
    VmFailed,
)
from cloudmesh_airflow.operators.cloudmesh import CloudmeshCommandOperator
from cloudmesh_airflow.operators.ssh import CloudmeshSshOperator
from cloudmesh_airflow.operators.vm import (
    CloudmeshVmBootOperator,
    CloudmeshVmDeleteOperator,
    CloudmeshVmListOperator,
)

SAID = [
    {"name": "web1", "exit_code": 0, "stdout": "up 3 days\n", "stderr": ""},
    {"name": "web2", "exit_code": 7, "stdout": "", "stderr": "no disk\n"},
]


@pytest.fixture
def cms(tmp_path, monkeypatch):
    """Puts a program in cms's place that writes, says, and ends; gives the words it got."""

    def install(stdout: object = "", stderr: str = "", code: int = 0):
        program, words = tmp_path / "cms", tmp_path / "words"
        text = stdout if isinstance(stdout, str) else json.dumps(stdout)
        program.write_text(
            f"#!{sys.executable}\nimport json, sys\n"
            f"json.dump(sys.argv[1:], open({str(words)!r}, 'w'))\n"
            f"print({text!r}, end=''); print({stderr!r}, end='', file=sys.stderr)\n"
            f"sys.exit({code})\n"
        )
        program.chmod(0o755)
        monkeypatch.setenv("CLOUDMESH_CMS", str(program))
        monkeypatch.setenv("AIRFLOW_CONN_CLOUDMESH_DEFAULT", '{"conn_type": "cloudmesh"}')
        return lambda: json.loads(words.read_text())

    return install


def test_a_script_reaches_the_vms_as_it_is(cms):
    words = cms(SAID[:1])
    script = 'set -e\necho "$HOME" | tr a-z A-Z\n'
    task = CloudmeshSshOperator(task_id="do", names="web1", command=script, cloud="aws")
    assert task.execute({}) == SAID[:1]
    assert words() == [
        "vm", "ssh", "web1", "--output=json", f"--command={script}", "--cloud=aws",
    ]  # fmt: skip


def test_what_every_vm_said_is_logged_also_when_one_failed(cms, capsys):
    cms(SAID, "cms: web2: the command ended with exit code 7\n", 1)
    task = CloudmeshSshOperator(task_id="do", names="web[1-2]", command="uptime")
    with pytest.raises(CmsFailed, match="web2: the command ended with exit code 7"):
        task.execute({})
    logged = capsys.readouterr().out
    assert "web1: up 3 days" in logged
    assert "web2: no disk" in logged


@pytest.mark.parametrize("command", ["", "  \n"])
def test_nothing_to_run_is_refused(command):
    with pytest.raises(BadArgument, match="command: empty"):
        CloudmeshSshOperator(task_id="do", names="web", command=command).execute({})


@pytest.mark.parametrize("command", ["vm list", [], ["vm", 1]])
def test_a_command_is_a_list_of_words(command):
    with pytest.raises(BadArgument, match="give a list of words"):
        CloudmeshCommandOperator(task_id="do", command=command).execute({})


def test_a_boot_does_not_wait_for_a_vm_that_failed(cms):
    fault = {"name": "web", "cloud": "chameleon", "status": "failed", "fault": "No valid host"}
    cms([fault])
    task = CloudmeshVmBootOperator(task_id="do", names="web", deferrable=True)
    event = {"names": ["web"], "cloud": "chameleon", "deadline": 4e9}
    with pytest.raises(VmFailed, match="web: No valid host: the next try replaces it"):
        task.execute_complete({}, event)


def test_what_a_command_wrote_is_returned(cms):
    cms("first\nlast\n")
    assert CloudmeshCommandOperator(task_id="do", command=["x"]).execute({}) == "first\nlast"
    cms({"a": 1})
    task = CloudmeshCommandOperator(task_id="do", command=["x"], parse_json=True)
    assert task.execute({}) == {"a": 1}


def test_much_text_is_returned_in_part(cms):
    cms("x" * 100_000)
    assert len(CloudmeshCommandOperator(task_id="do", command=["x"]).execute({})) == 48 << 10


def test_the_connection_names_the_program(cms, tmp_path, monkeypatch):
    words = cms([])
    extra = {"cms": str(tmp_path / "cms"), "cloud": "azure"}
    connection = {"conn_type": "cloudmesh", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_CLOUDMESH_DEFAULT", json.dumps(connection))
    monkeypatch.setenv("CLOUDMESH_CMS", "/nonexistent")
    CloudmeshVmDeleteOperator(task_id="do", names="web").execute({})
    assert words() == ["vm", "delete", "web", "--output=json", "--cloud=azure", "--missing-ok"]


def test_what_is_missing_is_forgiven_by_cms_unless_it_must_be_there(cms):
    words = cms([])
    CloudmeshVmDeleteOperator(task_id="do", names="web", missing_ok=False).execute({})
    assert words() == ["vm", "delete", "web", "--output=json"]


def test_not_supported_is_a_skip_only_where_asked_for(cms):
    cms("", "cms: azure: not supported yet\n", 3)
    with pytest.raises(CmsNotSupported):
        CloudmeshVmListOperator(task_id="do").execute({})
    with pytest.raises(AirflowSkipException, match="azure: not supported yet"):
        CloudmeshVmListOperator(task_id="do", skip_unsupported=True).execute({})


def test_every_task_pauses_longer_unless_its_author_says_otherwise():
    assert isinstance(CloudmeshVmListOperator(task_id="do").retry_policy, PauseLonger)
    assert CloudmeshVmListOperator(task_id="do", retry_policy=None).retry_policy is None
