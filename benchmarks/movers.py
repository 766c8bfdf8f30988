"""The tools that move files, each as a person would run it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.laboratory import BUCKET, RCLONE, SOURCE, TARGET, Lab
from benchmarks.process import ROOT, BenchError, Cost, measured, run, say
from benchmarks.servers import VENVS

_CMS = "from cloudmesh_engine.launcher import main; main()"
_OTHERS = VENVS / "bench-transfer"
_UV = str(VENVS / "uv/bin/uv")
_AIRFLOW = "3.3.2"
_PACKAGES = [
    f"apache-airflow=={_AIRFLOW}",
    "apache-airflow-providers-amazon",
    "apache-airflow-providers-microsoft-azure",
]


@dataclass(frozen=True)
class Mover:
    """One tool.

    :param labs: where it works
    :param again: whether it can leave out what is there already
    :param about: what it is, for the report
    """

    move: Callable[[Lab], Cost]
    labs: tuple[str, ...]
    again: bool
    about: str


def cms(lab: Lab) -> Cost:
    """Ours."""
    python = str(VENVS / "cms-test/bin/python")
    words = ["transfer", f"from:{SOURCE}", f"to:{TARGET}", "--output=json"]
    return measured([python, "-c", _CMS, *words], env=lab.env)


def rclone(lab: Lab) -> Cost:
    """The tool that we want to be as fast as."""
    source, target = f"{lab.source.remote}/{SOURCE}", f"{lab.target.remote}/{TARGET}"
    return measured([*RCLONE, "copy", source, target])


def two_steps(lab: Lab) -> Cost:
    """What scripts do: fetch everything to the disk, then store it."""
    return _script(lab, "two_steps", {"folder": str(lab.root / "between")})


def airflow(lab: Lab) -> Cost:
    """Airflow's operator; without the start of Python and Airflow, which a worker has behind it."""
    cost = _script(lab, "airflow_operator", {})
    inside = json.loads(cost.said.splitlines()[-1])
    return replace(cost, seconds=inside["seconds"], cpu=inside["cpu"])


MOVERS: Mapping[str, Mover] = {
    "cms": Mover(cms, ("files", "emulators"), True, "`cms transfer`, its start included"),
    "rclone": Mover(rclone, ("files", "emulators"), True, "`rclone copy` as it comes"),
    "two-steps": Mover(
        two_steps, ("files", "emulators"), False,
        "get to disk, then put, with boto3 and azure-storage-blob, 8 files at once",
    ),
    "airflow": Mover(
        airflow, ("emulators",), False,
        f"`S3ToAzureBlobStorageOperator` of Airflow {_AIRFLOW}, its `execute` only",
    ),
}  # fmt: skip


def prepare(tools: list[str]) -> None:
    """Install what the tools need, unless it is there."""
    if not {"two-steps", "airflow"} & set(tools) or (_OTHERS / ".ready").exists():
        return
    say("installing Airflow's operator and the SDKs")
    python = (ROOT / ".run/venvs/python").read_text().strip()  # as scripts/setup found it
    run([_UV, "venv", "--quiet", "--clear", "--python", python, str(_OTHERS)], timeout=99)
    place = ["--quiet", "--compile-bytecode", "--python", f"{_OTHERS}/bin/python"]
    run([_UV, "--no-config", "pip", "install", *place, *_PACKAGES], timeout=1800)
    (_OTHERS / ".ready").touch()


def _script(lab: Lab, name: str, more: Mapping[str, str]) -> Cost:
    about: dict[str, Any] = {
        "bucket": BUCKET, "source": SOURCE, "target": TARGET,
        "from": dict(lab.source.login), "to": dict(lab.target.login), **more,
    }  # fmt: skip
    file = lab.root / f"{name}.json"
    file.write_text(json.dumps(about))
    python, script = f"{_OTHERS}/bin/python", ROOT / f"benchmarks/moves/{name}.py"
    env = {**lab.env, "AIRFLOW_HOME": str(lab.root / "airflow"), "PYTHONPATH": ""}
    if not script.exists():
        raise BenchError(f"{script} is missing")
    return measured([python, str(script), str(file)], env=env)
