"""What Airflow itself knows of the provider, once it is installed."""

import json
import os
import subprocess

PROGRAM = """
import json
from airflow.providers_manager import ProvidersManager
known = ProvidersManager()
hook = known.hooks["cloudmesh"]
print(json.dumps({
    "version": known.providers["cloudmesh-airflow"].version,
    "hook": hook.hook_class_name,
    "fields": sorted(known.connection_form_widgets),
    "decorator": dict(known.taskflow_decorators)["cms"].__name__,
}))
"""


def test_airflow_lists_the_provider_its_form_and_its_decorator(environ):
    done = subprocess.run(
        [os.environ["AIRFLOW_PYTHON"], "-c", PROGRAM],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    known = json.loads(done.stdout.splitlines()[-1])
    assert known["version"] == "0.1.0"
    assert known["hook"] == "cloudmesh_airflow.hooks.cloudmesh.CloudmeshHook"
    assert {"extra__cloudmesh__cloud", "extra__cloudmesh__cms"} <= set(known["fields"])
    assert known["decorator"] == "cms_task"
