"""The DAGs in dags/, run to their end."""

from datetime import UTC, datetime, timedelta


def test_vm_boot_has_exactly_the_vms_asked_for_also_when_cleared(airflow, ec2, faults):
    form = {"cloud": "aws", "n": 3, "name": "web", "hours": 2}
    faults.script({"action": "RunInstances", "fault": "lose-reply"})
    first = airflow("vm_boot", **form)
    assert first.state == "success", airflow.log.read_text()[-3000:]
    assert ec2.words() == "web-0 web-1 web-2"
    lives = datetime.fromisoformat(first.returned["boot"][0]["deadline"]) - datetime.now(UTC)
    assert timedelta(hours=1) < lives <= timedelta(hours=2)
    assert airflow("vm_boot", **form).state == "success"
    assert ec2.words() == "web-0 web-1 web-2"
    assert len(faults.launches()) == 3


def test_vm_delete_deletes_the_named_and_nothing_else(airflow, ec2):
    ec2.make("web1 web2 web3 ~web4")
    done = airflow("vm_delete", names="web[1-2]", cloud="aws")
    assert done.state == "success", airflow.log.read_text()[-3000:]
    assert done.tasks["approve"] == "skipped"
    assert ec2.words() == "web3 ~web4"
    assert airflow("vm_delete", names="web[1-2]", cloud="aws").state == "success"
    assert ec2.words() == "web3 ~web4"


def test_vm_cleanup_deletes_what_is_past_its_deadline(airflow, cms_aws, ec2):
    past, future = (
        (datetime.now(UTC) + timedelta(hours=hours)).isoformat(timespec="seconds")
        for hours in (-1, 1)
    )
    for name, deadline in (("old", past), ("new", future)):
        assert cms_aws("vm", "boot", f"--name={name}", f"--deadline={deadline}").returncode == 0
    ec2.make("keep ~other")
    for _ in range(2):
        done = airflow("vm_cleanup")
        assert done.state == "success", airflow.log.read_text()[-3000:]
        assert ec2.words() == "keep new ~other"


def test_vm_cleanup_deletes_what_one_run_booted(airflow, cms_aws, ec2):
    first = airflow("boot", n=2)
    airflow("boot", day=2, names="other")
    assert airflow("vm_cleanup", run=f"boot/{first.id}").state == "success"
    assert ec2.words() == "other"


def test_fleet_report_tells_hours_and_cost(airflow, cms_aws, ec2):
    airflow("boot", n=2)
    told = airflow("fleet_report", by="dag,cloud")
    assert told.state == "success", airflow.log.read_text()[-3000:]
    assert told.tasks["prices"] == "success"
    (record,) = told.returned["report"]
    assert [record[one] for one in ("dag", "cloud", "vms", "running")] == ["boot", "aws", 2, 2]
    assert "unpriced_hours" in airflow.log.read_text()


def test_the_forms_propose_what_the_refresh_found(airflow, ec2, home):
    ec2.make("web ~other")
    assert airflow("vm_inventory_refresh").state == "success"
    text = (home / "choices.json").read_text()
    assert '"web"' in text
    assert '"other"' not in text


def test_the_forms_propose_what_is_known_while_a_cloud_is_broken(airflow, cms_aws, ec2, home):
    ec2.make("other")
    section = "    broken: {cm: {active: true, kind: aws}, credentials: {EC2_ACCESS_ID: a-1234}}\n"
    cms_aws.configure("  cloud:\n", f"  cloud:\n{section}")
    assert airflow("vm_inventory_refresh").state == "failed"
    assert '"other"' in (home / "choices.json").read_text()
    assert "cms: broken: " in airflow.log.read_text()


def test_aws_and_azure_at_once_leave_nothing(airflow, ec2, azure):
    done = airflow("aws_azure_boot")
    parts = ("vm_boot", "status", "vm_delete")
    told = {f"{cloud}.{part}": "success" for cloud in ("aws", "azure") for part in parts}
    assert told.items() <= done.tasks.items(), airflow.log.read_text()[-3000:]
    assert (ec2.words(), azure.words(), len(azure.launches())) == ("", "", 1)
    assert azure.names("Network/networkInterfaces") == []
