"""An image may be a pattern, whose newest match changes while VMs are there."""

import json

import pytest

from .conftest import AMI, MOTO_SERVER, REPOSITORY, SHIPPED_IMAGE, Cms, Ec2, Faults, running_moto
from .test_vm_once import assert_one, forget_everything

BOOT = ("vm", "boot", "--name=web", "--image=noble-*")


def publish(ec2: Ec2, name: str) -> str:
    return str(ec2.client.register_image(Name=name, Architecture="x86_64")["ImageId"])


def images(ec2: Ec2) -> list[str]:
    return [instance["ImageId"] for instance in ec2.instances()]


@pytest.mark.skipif(not MOTO_SERVER, reason="MOTO_SERVER is not set")
def test_the_shipped_image_is_the_newest_of_the_sandbox(cms_db: Cms) -> None:
    cms_db.configure(f"image: {AMI}", f"image: {SHIPPED_IMAGE}")
    known = json.loads((REPOSITORY / "sandbox/images.json").read_text())
    builds = [one for one in known if one["name"].startswith(SHIPPED_IMAGE.removesuffix("*"))]
    assert len(builds) > 1
    with running_moto() as sandbox:
        cms_db.environ["CLOUDMESH_SANDBOX_AWS"] = sandbox.address
        done = cms_db("vm", "boot", "--name=web")
        assert done.returncode == 0, done.stderr
        newest = max(builds, key=lambda image: image["creation_date"])
        assert images(sandbox) == [newest["ami_id"]]
        listed = cms_db("image", "list", "--refresh", "--output=json")
        ids = {image["ImageId"] for image in json.loads(listed.stdout)}
        assert ids & {image["ami_id"] for image in builds} == {newest["ami_id"]}


def test_a_vm_keeps_its_image_when_a_newer_one_is_published(cms_aws: Cms, ec2: Ec2) -> None:
    first = publish(ec2, "noble-1")
    assert cms_aws(*BOOT).returncode == 0
    second = publish(ec2, "noble-2")
    again = cms_aws(*BOOT, "--output=json")
    assert (again.returncode, images(ec2)) == (0, [first]), again.stderr
    assert json.loads(again.stdout)[0]["action"] == "adopted"
    forget_everything(cms_aws)
    again = cms_aws(*BOOT)
    assert (again.returncode, images(ec2)) == (0, [first]), again.stderr
    other = cms_aws(*BOOT[:3], "--image=noble-2")
    assert other.returncode == 5
    assert "image is noble-*, not noble-2" in other.stderr
    assert cms_aws(*BOOT[:2], "--name=db", BOOT[3]).returncode == 0
    assert sorted(images(ec2)) == sorted([first, second])


def test_an_attempt_in_flight_keeps_the_image_of_its_claim(
    cms_aws: Cms, ec2: Ec2, faults: Faults
) -> None:
    first = publish(ec2, "noble-1")
    faults.script(
        {"action": "RunInstances", "fault": "error-after", "nth": "every", "status": 500,
         "code": "InternalError"},
        {"action": "RunInstances", "fault": "hide", "nth": "every", "seconds": 2},
    )  # fmt: skip
    assert cms_aws(*BOOT).returncode == 4
    publish(ec2, "noble-2")
    faults.script()
    assert cms_aws(*BOOT).returncode == 0
    assert (len(faults.launches()), images(ec2)) == (1, [first])
    assert_one(cms_aws, ec2)


def test_a_vm_made_anew_has_the_newest_image(cms_aws: Cms, ec2: Ec2, faults: Faults) -> None:
    publish(ec2, "noble-1")
    assert cms_aws(*BOOT).returncode == 0
    second = publish(ec2, "noble-2")
    assert cms_aws("vm", "delete", "web").returncode == 0
    assert cms_aws(*BOOT).returncode == 0
    assert images(ec2) == [second]
