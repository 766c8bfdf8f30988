"""The API does what its OpenAPI document says, whatever it is sent."""

import subprocess
import sys
from pathlib import Path

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
]
# A wait of half a minute says no more than none.
SETTINGS = """
[parameters]
"query.wait" = 0
"""


def test_nothing_breaks_it_and_every_answer_is_documented(web, inventory, tmp_path):
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(SETTINGS)
    words = [SCHEMATHESIS, f"--config-file={settings}", "run"]
    words += [f"{web.url}/cloudmesh/api/v1/openapi.json", f"--checks={','.join(CHECKS)}"]
    words += [f"--header=Authorization: Bearer {web.token('Admin')}", "--max-examples=10"]
    words += ["--phases=coverage,fuzzing", "--seed=1", "--no-color", "--request-timeout=30"]
    done = subprocess.run(
        words,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
