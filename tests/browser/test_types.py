"""The page's modules fit together, and what they expect of the API is what it tells."""

import os
import re
import subprocess
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "src/cloudmesh_airflow/page"
OPTIONS = [
    *("--noEmit", "--allowJs", "--checkJs", "--strict", "--target", "es2023"),
    *("--lib", "es2024,dom,dom.iterable", "--module", "es2022", "--moduleResolution", "bundler"),
]


@pytest.fixture
def check():
    """Looks at modules as TypeScript does, and gives what it says."""
    node, modules = os.environ.get("NODE"), os.environ.get("NODE_MODULES")
    if not (node and modules):
        pytest.skip("NODE and NODE_MODULES are not set: Node, and a folder with typescript")
    compiler = Path(modules) / "typescript/bin/tsc"

    def checked(*files: Path) -> str:
        done = subprocess.run(
            [node, compiler, *OPTIONS, *files],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )
        return done.stdout + done.stderr

    return checked


def test_every_module_keeps_to_its_types(check):
    assert check(*PAGE.glob("*.js")) == ""


def test_a_field_that_the_api_does_not_have_is_noticed(check, tmp_path):
    for file in PAGE.iterdir():
        (tmp_path / file.name).write_text(file.read_text())
    wrong = tmp_path / "units.js"
    wrong.write_text(
        '/** @type {import("./types").Vm} */ let vm;\nexport const of = () => vm.stat;\n'
    )
    assert "Property 'stat' does not exist on type 'Vm'" in check(wrong)


def test_the_types_are_those_of_the_openapi_document(web):
    schemas = web("GET", "openapi.json").json()["components"]["schemas"]
    types = (PAGE / "types.d.ts").read_text()
    interfaces = re.findall(
        r"^export interface (\w+) \{\n(.*?)^\}$", types, re.DOTALL | re.MULTILINE
    )
    assert len(interfaces) > 5
    for name, body in interfaces:
        fields = set(re.findall(r"^  (\w+)\??:", body, re.MULTILINE))
        assert fields <= set(schemas[name]["properties"]), name
