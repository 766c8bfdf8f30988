"""Schemathesis at a running API: whatever it sends, the answers are those of the document."""

import subprocess
import sys
from pathlib import Path

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "ignored_auth",
]
# A wait of half a minute says no more than none.
SETTINGS = """
[parameters]
"query.wait" = 0
"""


def fuzz(url: str, token: str, folder: Path) -> None:
    """Send what the document of the API allows, and what it does not, as the user of a token."""
    settings = folder / "schemathesis.toml"
    settings.write_text(SETTINGS)
    words = [SCHEMATHESIS, f"--config-file={settings}", "run"]
    words += [f"{url}/cloudmesh/api/v1/openapi.json", f"--checks={','.join(CHECKS)}"]
    words += [f"--header=Authorization: Bearer {token}", "--max-examples=10"]
    words += ["--phases=coverage,fuzzing", "--seed=1", "--no-color", "--request-timeout=60"]
    done = subprocess.run(
        words,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
