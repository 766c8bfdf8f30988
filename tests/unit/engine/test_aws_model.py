"""What the driver has of EC2's description is what botocore has of these calls."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.loaders import Loader
from botocore.session import Session

from cloudmesh_engine.clouds import aws_model

CLOUDS = Path(aws_model.__file__).parent
HINT = "make it anew: python -m cloudmesh_engine.clouds.aws_model"


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    """EC2's description as botocore has it."""
    return dict(Loader().load_service_model("ec2", "service-2"))


def client(loader: Loader) -> Any:
    session = Session()
    session.register_component("data_loader", loader)
    keys = {"aws_access_key_id": "id", "aws_secret_access_key": "key"}
    return session.create_client("ec2", region_name="us-east-1", **keys)


def test_the_file_is_made_of_the_installed_botocore(whole: dict[str, Any]) -> None:
    made = aws_model.text(aws_model.trimmed(whole))
    assert (CLOUDS / "ec2.json").read_text() == made, HINT


def test_nothing_is_left_out_but_what_is_for_people(whole: dict[str, Any]) -> None:
    kept = json.loads((CLOUDS / "ec2.json").read_text())
    assert {*kept} == {*whole} - {"documentation"}
    for part in ("operations", "shapes"):
        for name, entry in kept[part].items():
            assert entry == without_texts(whole[part][name]), name


def without_texts(node: Any) -> Any:
    if isinstance(node, list):
        return [without_texts(one) for one in node]
    if not isinstance(node, dict):
        return node
    texts = [key for key, value in node.items() if isinstance(value, str | list)]
    left_out = {"documentation", "enum"} & {*texts}
    return {key: without_texts(value) for key, value in node.items() if key not in left_out}


def test_every_call_of_the_driver_is_there() -> None:
    used = set()
    for file in CLOUDS.glob("aws*.py"):
        text = file.read_text()
        used |= {*re.findall(r"ec2\.(\w+)\(", text)} - {"get_paginator", "get_waiter"}
        used |= {*re.findall(r"ec2\.get_paginator\(\"(\w+)\"\)", text)}
    assert used == {xform_name(call) for call in aws_model.CALLS}


def test_other_services_are_still_found() -> None:
    """A login by a role asks AWS's token service."""
    loader = aws_model.Ec2Loader()
    assert set(Loader().list_available_services("service-2")) <= {
        *loader.list_available_services("service-2")
    }
    assert loader.load_service_model("sts", "service-2")["operations"]["AssumeRole"]


def test_the_client_is_the_same() -> None:
    ours, theirs = client(aws_model.Ec2Loader()), client(Loader())
    assert ours.meta.endpoint_url == theirs.meta.endpoint_url
    for call in aws_model.CALLS:
        one, other = (each.meta.service_model.operation_model(call) for each in (ours, theirs))
        assert one.idempotent_members == other.idempotent_members
        assert ours.can_paginate(xform_name(call)) == theirs.can_paginate(xform_name(call))
    assert ours.get_waiter("security_group_exists")
