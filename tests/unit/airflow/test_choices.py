"""The file from which the DAGs' forms take their proposals."""

from pathlib import Path

import pytest
import yaml

from cloudmesh_airflow import choices
from cloudmesh_airflow.choices import Choices, ChoicesUnreadable

ROOT = Path(__file__).parents[3]
VM = {"name": "web", "cloud": "aws", "flavor": "t2.micro", "image": "ami-1"}


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("CLOUDMESH_CHOICES", str(tmp_path / "choices.json"))
    return tmp_path / "choices.json"


def test_before_the_first_refresh_the_shipped_clouds_are_proposed():
    shipped = yaml.safe_load((ROOT / "config/cloudmesh.yaml").read_text())
    assert choices.load().clouds == tuple(shipped["cloudmesh"]["cloud"])


def test_what_is_written_is_read_back():
    wanted = choices.collected([VM, {**VM, "name": "db"}], ["t2.large"])
    assert wanted == Choices(choices.CLOUDS, ("db", "web"), ("t2.large", "t2.micro"), ("ami-1",))
    assert choices.write(wanted) is True
    assert choices.load() == wanted


def test_the_same_choices_are_not_written_again(file):
    choices.write(choices.collected([VM]))
    before = file.stat().st_ino
    assert choices.write(choices.collected([VM])) is False
    assert file.stat().st_ino == before


@pytest.mark.parametrize("text", ["[]", '{"names": "web"}', '{"names": [1]}', '{"other": []}'])
def test_another_content_is_refused_by_name(file, text):
    file.write_text(text)
    with pytest.raises(ChoicesUnreadable, match=r"choices\.json:1: .*vm_inventory_refresh"):
        choices.load()


def test_writing_mends_an_unreadable_file(file):
    file.write_bytes(b"\xff{")
    assert choices.write(Choices()) is True
    assert choices.load() == Choices()
    assert [path.name for path in file.parent.iterdir()] == ["choices.json"]
