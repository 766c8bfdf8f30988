"""A VM is booted only with a key that lets somebody in."""

import pytest

from .conftest import Cms, Ec2

BOOT = ("vm", "boot", "--name=web")


def test_another_key_of_that_name_is_refused(cms_aws: Cms, ec2: Ec2) -> None:
    ec2.client.create_key_pair(KeyName="cloudmesh")
    done = cms_aws(*BOOT)
    assert (done.returncode, ec2.words()) == (5, "")
    assert "another key is named 'cloudmesh' on aws" in done.stderr
    assert "choose another name by --key" in done.stderr
    assert cms_aws("key", "add", "mine", "--source=ssh").returncode == 0
    assert cms_aws(*BOOT, "--key=mine").returncode == 0
    assert [instance["KeyName"] for instance in ec2.instances()] == ["mine"]


@pytest.mark.parametrize("name", ["cloudmesh", "theirs"])
def test_a_key_that_lets_somebody_in_is_taken(cms_aws: Cms, ec2: Ec2, name: str) -> None:
    if name == "theirs":  # only the cloud knows it: who names it has its private half
        ec2.client.create_key_pair(KeyName=name)
    else:
        own = (cms_aws.root / "state/ssh/id_rsa.pub").read_bytes()
        ec2.client.import_key_pair(KeyName=name, PublicKeyMaterial=own)
    done = cms_aws(*BOOT, f"--key={name}")
    assert done.returncode == 0, done.stderr
    assert [instance["KeyName"] for instance in ec2.instances()] == [name]
