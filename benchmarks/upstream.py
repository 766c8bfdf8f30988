"""Upstream's cms as published, in an environment of its own, with what it needs to run at all.

Texts of its files are replaced after the installation, so that nothing is added to what is
measured. `EDITS` says what for; without them no command on VMs works.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from benchmarks.process import ROOT, BenchError, run

VENV = ROOT / ".run/venvs/upstream"
UV = ROOT / ".run/venvs/uv/bin/uv"
PACKAGES = VENV / "lib/python3.13/site-packages/cloudmesh"


@dataclass(frozen=True)
class Edit:
    """One text of one file of upstream, and why it has to be another."""

    file: str
    old: str
    new: str
    why: str


EDITS = [
    Edit(
        "mongo/CmDatabase.py",
        "{self.host}:{self.port}\")",
        "{self.host}:{self.port}/?authMechanism=SCRAM-SHA-256&authSource=admin\")",
        "the stand-in for MongoDB cannot negotiate the login mechanism",
    ),
    Edit("mongo/CmDatabase.py", "        self.client.close()", "        pass",
         "pymongo 4 refuses a client that was closed, and all objects share one"),
    Edit("mongo/CmDatabase.py", "self.db.collection_names()", "self.db.list_collection_names()",
         "dropped by pymongo 4"),
    Edit("mongo/CmDatabase.py", "if cursor.count() > 0:", "if list(cursor.clone()):",
         "dropped by pymongo 4"),
    Edit("mongo/CmDatabase.py", "{'cm': {'$exists': entry['cm']}}).count() > 0",
         "{'cm': {'$exists': entry['cm']}}).limit(1).to_list() != []", "dropped by pymongo 4"),
    Edit("mongo/CmDatabase.py", "\"{cloud}-{kind}\".format(**entry)].update(\n",
         "\"{cloud}-{kind}\".format(**entry)].update_one(\n", "dropped by pymongo 4"),
    Edit("abstract/ComputeNodeABC.py", "def __init__(self, service=None):",
         "def __init__(self, service=None, config=None):", "the AWS provider passes two arguments"),
    Edit("compute/vm/Provider.py", "self.p.set_server_metadata(arguments.name, **metadata)",
         "self.p.set_server_metadata(arguments.name, {'cm': {k: str(v) for k, v in cm.items()}})",
         "the AWS provider takes one dictionary of texts"),
]  # fmt: skip


def install() -> Path:
    """Make the environment from locks/cms.txt; give its Python."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    python = (ROOT / ".run/venvs/python").read_text().strip()  # as scripts/setup found it
    run([str(UV), "venv", "--quiet", "--clear", "--python", python, str(VENV)], timeout=99, env=env)
    # Copies: uv links files to its cache and so to every other environment, and these are edited.
    options = ["--link-mode=copy", "--require-hashes", "--no-deps", "--compile-bytecode", "--quiet"]
    place = ["--python", str(VENV / "bin/python"), "-r", str(ROOT / "locks/cms.txt")]
    run([str(UV), "pip", "install", *options, *place], timeout=900, env=env)
    for edit in EDITS:
        _apply(edit)
    return VENV / "bin/python"


def _apply(edit: Edit) -> None:
    file = PACKAGES / edit.file
    if file.stat().st_nlink > 1:
        raise BenchError(f"{file} is linked to other files, which an edit would change too")
    text = file.read_text()
    if edit.old not in text:
        raise BenchError(f"{file} no longer holds {edit.old!r}: correct benchmarks/upstream.py")
    edited = file.with_suffix(".edited")
    edited.write_text(text.replace(edit.old, edit.new))
    edited.replace(file)
