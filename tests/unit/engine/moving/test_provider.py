"""Upstream's Python entry point gives the same as the commands."""

import json
import subprocess
import sys

from .conftest import PATIENCE, Lab, digests

# The finder is what the .pth file of an installed package brings; test_scripts tries that.
PROGRAM = """
import json
from cloudmesh_engine.entry import finder
finder.install()
from cloudmesh_engine.errors import EngineError
from cloudmesh.storage.Provider import Provider

aws = Provider(service="aws")
put = aws.put("data.csv", "folder/")
azure = Provider(service="azure", config="~/.cloudmesh/cloudmesh.yaml")
copied = azure.copy("aws:folder", "azure:there", recursive=True)
azure.get("there/data.csv", "back.csv")
found = azure.search("there", "*.csv")
made = aws.create_dir("new")
listed = [entry["cm"] for entry in aws.list("", recursive=True)]
gone = aws.delete("folder/data.csv")
try:
    aws.get("nosuch", "x")
except EngineError as error:
    failed = str(error)
print(json.dumps([put["files"], copied["files"], len(found), made, listed, len(gone), failed]))
"""


def test_the_provider_does_what_the_commands_do(lab: Lab) -> None:
    work = lab.cms.root / "work"
    (work / "data.csv").write_bytes(b"1,2")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=lab.cms.environ, cwd=work, capture_output=True, text=True, check=True,
        timeout=PATIENCE,
    )  # fmt: skip
    put, copied, found, made, listed, gone, failed = json.loads(done.stdout)
    assert (put, copied, found, gone) == (1, 1, 1, 1)
    assert made == {"name": "new", "storage": "aws", "created": True}
    assert [entry["name"] for entry in listed] == ["folder/data.csv", "new/"]
    assert {entry["cloud"] for entry in listed} == {"aws"}
    assert "there is no 'nosuch'" in failed
    assert (work / "back.csv").read_bytes() == b"1,2"
    assert lab.seen_by_rclone("azure") == digests({"there/data.csv": b"1,2"})
