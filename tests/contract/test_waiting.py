"""The sensor and its trigger, over the cloud and the inventory."""


def test_a_vm_that_comes_later_is_seen_in_the_inventory(airflow, cms_aws, ec2):
    # Asked once more in ten minutes only: it is the inventory that tells. No cloud is named, and
    # none tells its name, as there is no VM yet.
    end = airflow.begin("wait_long", "web is absent, not yet running", names="web")
    assert cms_aws("vm", "boot", "--name=web").returncode == 0
    assert end().state == "success"


def test_a_vm_that_is_gone_is_absent(airflow, ec2):
    ec2.make("~web")
    assert airflow("wait", names="web", state="absent").state == "success"


def test_waiting_ends_when_its_time_is_up(airflow, ec2):
    ec2.make("web/stopped")
    assert airflow("wait", names="web").state == "failed"
    assert "not running within 3 s: web" in airflow.log.read_text()


def test_an_unknown_state_is_refused(airflow):
    assert airflow("wait", names="web", state="happy").state == "failed"
    assert "state: 'happy'" in airflow.log.read_text()


def test_the_inventory_that_lies_is_not_believed(airflow, cms_aws, ec2):
    assert cms_aws("vm", "boot", "--name=web").returncode == 0
    (web,) = ec2.instances()
    ec2.client.stop_instances(InstanceIds=[web["InstanceId"]])
    assert airflow("wait", names="web").state == "failed"
