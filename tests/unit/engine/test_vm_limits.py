"""What `cms vm boot` refuses before anything is made: too many VMs, or too dear ones."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from cloudmesh_engine import config, mongo, months
from cloudmesh_engine.clouds import CHANGING, Machine
from cloudmesh_engine.ledger import Ledger
from cloudmesh_engine.timesheets import Sheet, Stretch, Timesheets

from .conftest import AMI, OWNER, PATIENCE, Cms, Ec2, Faults

NO_ROOM = {"action": "RunInstances", "fault": "error", "nth": "every", "status": 400,
           "code": "InstanceLimitExceeded"}  # fmt: skip
MICRO = 0.0116  # t2.micro in config/prices.yaml


def limit(cms: Cms, name: str, value: object) -> None:
    cms.configure("  limits:", f"  limits:\n    {name}: {value}")


def test_different_boots_at_once_keep_the_limit(cms_aws: Cms, ec2: Ec2) -> None:
    limit(cms_aws, "max_vms", 2)
    running = [cms_aws.start("vm", "boot", f"--name=web{number}") for number in range(4)]
    for process in running:
        process.communicate(timeout=PATIENCE)
    assert {process.returncode for process in running} <= {0, 5}
    assert len(ec2.instances()) <= 2


def test_the_limit_refuses_before_anything_is_made(cms_aws: Cms, ec2: Ec2) -> None:
    limit(cms_aws, "max_vms", 2)
    refused = cms_aws("vm", "boot", "--name=web[1-3]")
    assert (refused.returncode, ec2.words()) == (5, "")
    assert "3 VMs would be more than the 2 that cloudmesh.limits.max_vms allows" in refused.stderr
    assert cms_aws("vm", "boot", "--name=web[1-2]").returncode == 0
    assert cms_aws("vm", "boot", "--name=web[1-2]").returncode == 0
    assert cms_aws("vm", "boot", "--name=web3").returncode == 5
    assert cms_aws("vm", "delete", "web1").returncode == 0
    assert cms_aws("vm", "boot", "--name=web3").returncode == 0
    assert ec2.words() == "web2 web3"


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [(400, "InstanceLimitExceeded", 1), (403, "UnauthorizedOperation", 4)],
)
def test_boots_that_the_cloud_refused_use_up_no_limit(
    cms_aws: Cms, ec2: Ec2, faults: Faults, status: int, error: str, code: int
) -> None:
    limit(cms_aws, "max_vms", 1)
    faults.script({**NO_ROOM, "status": status, "code": error})
    for _ in range(3):
        assert cms_aws("vm", "boot").returncode == code
    faults.script()
    assert cms_aws("vm", "boot", "--name=web").returncode == 0
    assert ec2.words() == "web"


def test_boots_that_were_not_begun_for_others_that_were_not_let_in_count_for_no_limit(
    cms_aws: Cms, ec2: Ec2, faults: Faults
) -> None:
    limit(cms_aws, "max_vms", 20)
    faults.script({**NO_ROOM, "status": 403, "code": "UnauthorizedOperation"})
    assert cms_aws("vm", "boot", "--name=web[1-20]").returncode == 4
    faults.script()
    assert cms_aws("vm", "boot", "--name=db[1-12]", "--dryrun").returncode == 0
    assert ec2.words() == ""


def test_a_boot_that_a_limit_refuses_leaves_the_name_of_a_failed_one_free(
    cms_aws: Cms, ec2: Ec2, faults: Faults
) -> None:
    faults.script(NO_ROOM)
    assert cms_aws("vm", "boot", "--name=web").returncode == 1
    faults.script()
    limit(cms_aws, "max_vms", 0)
    assert cms_aws("vm", "boot", "--name=web").returncode == 5
    cms_aws.configure("    max_vms: 0", "    max_vms: 1")
    assert cms_aws("vm", "boot", "--name=web", "--flavor=t2.small").returncode == 0


def test_the_price_cap_counts_what_is_there(cms_aws: Cms, ec2: Ec2) -> None:
    limit(cms_aws, "max_hourly_cost", 3 * MICRO)
    assert cms_aws("vm", "boot", "--name=web[1-2]").returncode == 0
    refused = cms_aws("vm", "boot", "--name=db[1-2]")
    assert (refused.returncode, ec2.words()) == (5, "web1 web2")
    assert "4 VMs would cost 0.0464 USD an hour, more than the 0.0348" in refused.stderr
    assert refused.stderr.count("\n") == 1
    # A repetition costs nothing, a stopped VM may be started again, a deleted one is free.
    assert cms_aws("vm", "boot", "--name=web[1-2]").returncode == 0
    assert cms_aws("vm", "stop", "web1").returncode == 0
    assert cms_aws("vm", "boot", "--name=db[1-2]").returncode == 5
    assert cms_aws("vm", "delete", "web1").returncode == 0
    assert cms_aws("vm", "boot", "--name=db[1-2]").returncode == 0
    assert ec2.words() == "db1 db2 web2"


def test_what_the_ledger_lost_still_costs(cms_aws: Cms, ec2: Ec2) -> None:
    limit(cms_aws, "max_hourly_cost", 2 * MICRO)
    ec2.make("web1 web2 ~db ?")
    assert cms_aws("vm", "boot", "--name=web3").returncode == 5
    assert cms_aws("vm", "boot", "--name=web3", "--dryrun").returncode == 5
    assert ec2.words() == "? web1 web2 ~db"


def test_different_boots_at_once_keep_the_price_cap(cms_aws: Cms, ec2: Ec2) -> None:
    limit(cms_aws, "max_hourly_cost", 2 * MICRO)
    running = [cms_aws.start("vm", "boot", f"--name=web{number}") for number in range(4)]
    for process in running:
        process.communicate(timeout=PATIENCE)
    assert {process.returncode for process in running} <= {0, 5}
    assert len(ec2.instances()) <= 2


def test_a_flavor_without_price_is_refused_under_a_cap(cms_aws: Cms, ec2: Ec2) -> None:
    limit(cms_aws, "max_hourly_cost", 100)
    huge = ("vm", "boot", "--name=web", "--flavor=u-6tb1.metal")
    refused = cms_aws(*huge)
    assert (refused.returncode, ec2.words()) == (5, "")
    assert "nobody knows what u-6tb1.metal on aws costs" in refused.stderr
    assert "cloudmesh.cloud.aws.prices" in refused.stderr
    cms_aws.configure("    aws: # the", "    aws:\n      prices: {u-6tb1.metal: 54.6}\n      #")
    assert cms_aws(*huge).returncode == 0


def test_a_vm_whose_flavor_is_being_changed_has_the_price_of_the_new_one(
    cms_aws: Cms, ec2: Ec2
) -> None:
    settings = config.load(cms_aws.environ)
    tags = {"cm-owner": OWNER, "cm-name": "db"}
    flavor = f"t2.micro{CHANGING}"
    Ledger(settings).record(
        Machine("aws", "db", "i-1", "running", AMI, flavor, "cloudmesh", [], [], "", tags)
    )
    mongo.client(mongo.server(settings)).close()
    (row,) = json.loads(cms_aws("vm", "list", "--output=json").stdout)
    assert (row["flavor"], row["cost_per_hour"]) == (flavor, MICRO)
    limit(cms_aws, "max_hourly_cost", 2 * MICRO)
    limit(cms_aws, "max_monthly_cost", 2 * 31 * 24 * MICRO)
    assert cms_aws("vm", "boot", "--name=web").returncode == 0


def test_a_price_is_one_of_its_region_only(cms_aws: Cms, ec2: Ec2) -> None:
    limit(cms_aws, "max_hourly_cost", 100)
    cms_aws.configure("region: us-east-1\n        endpoint", "region: eu-west-1\n        endpoint")
    assert cms_aws("vm", "boot", "--name=web").returncode == 5
    prices = cms_aws.root / "prices.yaml"
    prices.write_text("aws: {eu-west-1: {t2.micro: 0.0126}}\n")
    assert cms_aws("vm", "boot", "--name=web").returncode == 0
    prices.unlink()
    assert cms_aws("vm", "boot", "--name=db").returncode == 5


def test_a_resize_keeps_the_price_cap_and_may_always_save(cms_aws: Cms, ec2: Ec2) -> None:
    assert cms_aws("vm", "boot", "--name=web").returncode == 0
    limit(cms_aws, "max_hourly_cost", MICRO)
    refused = cms_aws("vm", "resize", "web", "--size=t2.small")
    assert refused.returncode == 5
    assert "resize: 1 VMs would cost 0.0230 USD an hour" in refused.stderr
    assert ec2.instances()[0]["InstanceType"] == "t2.micro"
    # Beyond the cap from before it.
    assert cms_aws("vm", "boot", "--name=db").returncode == 5
    cms_aws.configure(f"max_hourly_cost: {MICRO}", "max_hourly_cost: 0.001")
    assert cms_aws("vm", "resize", "web", "--size=t2.nano").returncode == 0


def left() -> float:
    """How many hours of this month are left."""
    return months.hours_left("", datetime.now(UTC))


def in_hours(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


def test_the_budget_of_a_month_counts_until_its_end_or_the_deadline(cms_aws: Cms, ec2: Ec2) -> None:
    limit(cms_aws, "max_monthly_cost", 1.5 * MICRO * left())
    assert cms_aws("vm", "boot", "--name=web").returncode == 0
    refused = cms_aws("vm", "boot", "--name=db")
    assert (refused.returncode, ec2.words()) == (5, "web")
    assert "boot: 2 VMs would make this month cost" in refused.stderr
    assert "cloudmesh.limits.max_monthly_cost allows: give a --deadline" in refused.stderr
    assert refused.stderr.count("\n") == 1
    short = f"--deadline={in_hours(left() / 4)}"
    assert cms_aws("vm", "boot", "--name=db", short).returncode == 0
    assert cms_aws("vm", "boot", "--name=a,b", short).returncode == 5
    # A repetition, a stop and a start cost nothing more.
    assert cms_aws("vm", "boot", "--name=web,db").returncode == 0
    assert cms_aws("vm", "delete", "web").returncode == 0
    assert cms_aws("vm", "boot", "--name=a,b", short).returncode == 0


def test_what_is_spent_in_a_month_stays_spent(cms_aws: Cms, ec2: Ec2) -> None:
    """Also by VMs that are gone, on other clouds too."""
    far = "    far:\n      cm: {active: false, kind: aws}\n      prices: {big: 100000}\n"
    cms_aws.configure("  cloud:\n", f"  cloud:\n{far}")
    limit(cms_aws, "max_monthly_cost", MICRO * left() + 1)
    server = mongo.server(config.load(cms_aws.environ))
    client = mongo.client(server)
    begin = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0)
    tags = {"cm-owner": OWNER}
    gone = Machine("far", "old", "i-1", "running", "", "big", "", [], [], begin.isoformat(), tags)
    sheets = Timesheets(client[server.database])
    sheets.saw([gone], datetime.now(UTC).isoformat(timespec="microseconds"))
    sheets.gone("far", "i-1", datetime.now(UTC).isoformat(timespec="microseconds"))
    refused = cms_aws("vm", "boot", "--name=web")
    assert (refused.returncode, ec2.words()) == (5, "")
    assert "of them spent by now" in refused.stderr
    client[server.database].drop_collection("timesheets")
    client.close()
    assert cms_aws("vm", "boot", "--name=web").returncode == 0


def test_different_boots_at_once_keep_the_budget_of_a_month(cms_aws: Cms, ec2: Ec2) -> None:
    limit(cms_aws, "max_monthly_cost", 2 * MICRO * left())
    running = [cms_aws.start("vm", "boot", f"--name=web{number}") for number in range(4)]
    for process in running:
        process.communicate(timeout=PATIENCE)
    assert {process.returncode for process in running} <= {0, 5}
    assert len(ec2.instances()) <= 2


def test_a_month_is_one_of_utc_and_counts_nothing_of_another() -> None:
    now = datetime(2026, 2, 28, 12, tzinfo=UTC)
    begin = datetime(2026, 1, 31, 22, tzinfo=UTC)
    sheets = [
        Sheet("aws", "i-1", "", "", "", "", [Stretch("small", begin, begin + timedelta(hours=5))]),
        Sheet("aws", "i-2", "", "", "", "", [Stretch("small", now - timedelta(hours=1), None)]),
        Sheet("aws", "i-3", "", "", "", "", [Stretch("big", begin, begin + timedelta(hours=1))]),
    ]
    assert list(months.hours(sheets, now)) == [("aws", "small", 4.0)]
    assert months.hours_left("", now) == 12
    assert months.hours_left("2026-02-28T13:30:00Z", now) == 1.5
    assert months.hours_left("2026-02-28T11:30:00Z", now) == 0
    assert months.hours_left("2026-03-31T00:00:00Z", now) == 12
    assert months.hours_left("some day", now) == 12


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [("max_monthly_cost", "all", "max_monthly_cost: 'all' is not a number"),
     ("max_hourly_cost", "cheap", "max_hourly_cost: 'cheap' is not a number"),
     ("max_hourly_cost", "-1", "max_hourly_cost: -1 is not a number"),
     ("max_vms", "1.5", "max_vms: 1.5 is not a number")],
)  # fmt: skip
def test_a_limit_that_is_no_number_is_told(
    cms_aws: Cms, ec2: Ec2, name: str, value: str, says: str
) -> None:
    limit(cms_aws, name, value)
    told = cms_aws("vm", "boot", "--name=web")
    assert (told.returncode, ec2.words()) == (2, "")
    assert says in told.stderr


@pytest.mark.parametrize("table", ["aws: 5", "aws: {us-east-1: {t2.micro: free}}", "[1]"])
def test_a_price_that_is_none_is_told_with_its_file(cms_aws: Cms, ec2: Ec2, table: str) -> None:
    limit(cms_aws, "max_hourly_cost", 100)
    (cms_aws.root / "prices.yaml").write_text(table)
    told = cms_aws("vm", "boot", "--name=web")
    assert (told.returncode, ec2.words()) == (2, "")
    assert "prices.yaml" in told.stderr
    assert told.stderr.count("\n") == 1


def test_nothing_is_looked_up_without_a_cap(cms_aws: Cms, ec2: Ec2) -> None:
    (cms_aws.root / "prices.yaml").write_text("not: [valid")
    assert cms_aws("vm", "boot", "--name=web", "--flavor=u-6tb1.metal").returncode == 0
    assert json.loads(cms_aws("vm", "list", "--output=json").stdout)[0]["flavor"] == "u-6tb1.metal"
