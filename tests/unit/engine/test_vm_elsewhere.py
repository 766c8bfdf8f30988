"""What a command says of a name that only another cloud has."""

import pytest

from .conftest import Cms, Ec2, free_port, wait_until
from .gce import Gce

ELSEWHERE = "cms: no VM named web on aws, but on google: give --cloud=google\n"
UNKNOWN = "cms: no VM named web on aws: see cms vm list --refresh\n"


@pytest.fixture
def cms_both(cms_aws: Cms, ec2: Ec2, google_project: Gce) -> Cms:
    """AWS is the default cloud and empty; Google has a VM `web` that the ledger knows."""
    cms_aws.environ["CLOUDMESH_SANDBOX_GOOGLE"] = google_project.address
    assert cms_aws("vm", "boot", "--cloud=google", "--name=web").returncode == 0
    return cms_aws


def test_a_name_of_another_cloud_is_told_with_it(cms_both: Cms, google_project: Gce) -> None:
    for words in ("stop web", "start web", "delete web", "status web", "meta list web",
                  "resize web --size=t2.small", "ssh web --command=true"):  # fmt: skip
        told = cms_both("vm", *words.split())
        assert (told.returncode, told.stderr) == (1, ELSEWHERE), words
    deadline = cms_both("fleet", "deadline", "web", "--until=2h")
    assert (deadline.returncode, deadline.stderr) == (1, ELSEWHERE)
    noted = cms_both("vm", "delete", "web", "--missing-ok")
    note = "cms: note: no VM named web on aws, but on google\n"
    assert (noted.returncode, noted.stderr) == (0, note)
    assert google_project.words() == "web"


def test_a_cloud_that_was_asked_or_has_it_no_more_is_not_told(
    cms_both: Cms, google_project: Gce
) -> None:
    google_project.terminate(google_project.machine_ids()[0])
    wait_until(lambda: not google_project.instances())
    asked = cms_both("vm", "status", "web", "--cloud=aws,google")
    assert (asked.returncode, asked.stderr) == (1, UNKNOWN)
    assert cms_both("vm", "list", "--refresh", "--cloud=google").returncode == 0
    gone = cms_both("vm", "stop", "web")
    assert (gone.returncode, gone.stderr) == (1, UNKNOWN)


def test_without_mongodb_the_name_is_what_failed(cms_both: Cms) -> None:
    told = cms_both("vm", "stop", "web", CLOUDMESH_MONGO_PORT=str(free_port()))
    assert (told.returncode, told.stderr) == (1, UNKNOWN)
