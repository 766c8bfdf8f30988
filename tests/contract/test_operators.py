"""Every operator twice in a row and once with a lost reply: the same VMs after as before."""

import pytest


def ids(ec2) -> list[str]:
    return sorted(one["InstanceId"] for one in ec2.instances())


def booted(cms_aws, *names: str) -> None:
    done = cms_aws("vm", "boot", f"--name={','.join(names)}")
    assert done.returncode == 0, done.stderr


def test_a_cleared_boot_adopts_its_vms(airflow, ec2, faults):
    first = airflow("boot", names="web", n=2)
    assert first.state == "success"
    assert ec2.words() == "web-0 web-1"
    assert [one["name"] for one in first.returned["do"]] == ["web-0", "web-1"]
    before = ids(ec2)
    assert airflow("boot", names="web", n=2).state == "success"
    assert ids(ec2) == before
    assert len(faults.launches()) == 2


def test_a_boot_without_names_has_vms_of_its_own_in_every_run(airflow, ec2):
    first = airflow("boot", n=2)
    (one, two) = first.returned["do"]
    assert {one["run"], two["run"]} == {f"boot/{first.id}"}
    before = ids(ec2)
    airflow("boot", n=2)
    assert ids(ec2) == before
    airflow("boot", n=2, day=2)
    assert len(ids(ec2)) == 4
    assert set(before) < set(ids(ec2))


@pytest.mark.parametrize(
    ("dag", "action", "before", "after"),
    [
        ("boot", "RunInstances", "~other", "web ~other"),
        ("boot_deferred", "RunInstances", "~other", "web ~other"),
        ("start", "StartInstances", "web/stopped ~other/stopped", "web ~other/stopped"),
        ("stop", "StopInstances", "web ~other", "web/stopped ~other"),
        ("delete", "TerminateInstances", "web ~other", "~other"),
        ("list", "DescribeInstances", "web ~other", "web ~other"),
        ("command", "DescribeInstances", "web ~other", "web ~other"),
        ("decorated", "DescribeInstances", "web ~other", "web ~other"),
        ("wait", "DescribeInstances", "web ~other", "web ~other"),
    ],
)
@pytest.mark.parametrize("fault", [[], ["lose-reply"]], ids=["", "lost-reply"])
def test_twice_is_as_once(airflow, ec2, faults, dag, action, before, after, fault):
    ec2.make(before)
    faults.script(*({"action": action, "fault": one} for one in fault))
    for _ in range(2):
        done = airflow(dag, names="web")
        assert done.state == "success", airflow.log.read_text()[-3000:]
        assert ec2.words() == after
    assert len(faults.launches()) == dag.startswith("boot")


def test_a_vm_of_somebody_else_is_never_touched(airflow, ec2):
    ec2.make("~web ~db/stopped")
    for dag, names in (("delete", "web"), ("stop", "web"), ("start", "db")):
        assert airflow(dag, names=names).tasks == {"do": "failed"}
    assert ec2.words() == "~db/stopped ~web"


def test_one_missing_vm_does_not_keep_the_others(airflow, ec2):
    ec2.make("web")
    assert airflow("delete", names="web,nosuch").state == "success"
    assert ec2.words() == ""
    assert airflow("delete_known", names="nosuch").state == "failed"


def test_a_foreign_vm_among_missing_ones_still_fails_the_task(airflow, ec2):
    ec2.make("~web")
    assert airflow("delete", names="nosuch,web").state == "failed"


def test_no_name_deletes_nothing(airflow, ec2):
    ec2.make("web")
    assert airflow("delete", names="").state == "failed"
    assert ec2.words() == "web"


def test_a_cloud_without_a_driver_is_skipped(airflow, ec2):
    assert airflow("boot_on", cloud="nimbus").tasks == {"do": "skipped"}
    assert "nimbus: not supported yet" in airflow.log.read_text()


@pytest.mark.parametrize("fail", [False, True])
def test_vms_live_as_long_as_their_block(airflow, ec2, faults, fail):
    done = airflow("lifespan", fail=fail)
    assert done.tasks["m_boot"] == "success"
    assert done.tasks["work"] == ("failed" if fail else "success")
    assert done.tasks["m_delete"] == "success"
    assert len(faults.launches()) == 2
    assert ec2.words() == ""
    assert done.returned["work"] == (None if fail else ["running", "running"])


def test_a_boot_that_fails_half_way_is_cleaned_up_too(airflow, ec2, faults):
    refusal = {"status": 400, "code": "InstanceLimitExceeded"}
    faults.script({"action": "RunInstances", "fault": "error", "nth": 2, **refusal})
    done = airflow("lifespan")
    assert done.tasks["m_boot"] == "failed"
    assert done.tasks["m_delete"] == "success"
    assert len(faults.launches()) == 1
    assert ec2.words() == ""
