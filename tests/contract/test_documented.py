"""The DAG that docs/dags.md shows, taken from there and run."""

from .conftest import engine


def test_the_shortest_useful_dag_does_what_the_page_says(airflow, ec2, faults, sshd):
    # Both VMs get an address at which somebody lets us in before the boot hears of the second.
    faults.script({"action": "RunInstances", "nth": 2, "fault": "hold", "when": "after"})
    end = airflow.begin("two_hosts")
    engine.wait_until(lambda: len(ec2.instances()) == 2)
    sshd.stand_for(ec2)
    faults.script()
    done = end()
    assert done.state == "success", airflow.log.read_text()[-3000:]
    assert [one["exit_code"] for one in done.returned["work"]] == [0, 0]
    assert all(one["stdout"].strip() for one in done.returned["work"])
    assert len(faults.launches()) == 2
    assert ec2.words() == ""
