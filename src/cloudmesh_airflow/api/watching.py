"""Routes for who watches: health and metrics."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from cloudmesh_airflow.api.jobs import ENDED, JobsDep
from cloudmesh_airflow.api.models import Health, vm
from cloudmesh_airflow.api.problems import documented
from cloudmesh_airflow.api.rights import LOOK
from cloudmesh_airflow.api.snapshot import SnapshotDep

router = APIRouter(tags=["Watching"], dependencies=[LOOK])
_RECENT = 100

Sample = tuple[Mapping[str, str], float]


class Metrics(PlainTextResponse):
    """Prometheus' text format."""

    media_type = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/healthz", responses=documented(503))
async def healthz(snapshot: SnapshotDep, jobs: JobsDep) -> Health:
    """Say whether the inventory and Airflow's database answer."""
    await jobs.page(1, 0, "", "")
    return Health(status="healthy", vms=len(await snapshot.vms()))


@router.get("/metrics", response_class=Metrics, responses=documented(503))
async def metrics(snapshot: SnapshotDep, jobs: JobsDep) -> str:
    """Give metrics for Prometheus."""
    vms = Counter((record["cloud"], vm(record).state) for record in await snapshot.vms())
    recent, _ = await jobs.page(_RECENT, 0, "", "")
    states = Counter((job.dag, job.state) for job in recent)
    seconds = defaultdict[str, list[float]](list)
    for job in recent:
        if job.state in ENDED and job.started and job.ended:
            seconds[job.dag].append((job.ended - job.started).total_seconds())
    lines = [
        *_gauge(
            "cloudmesh_vms",
            "VMs in the inventory.",
            [({"cloud": cloud, "state": state}, n) for (cloud, state), n in sorted(vms.items())],
        ),
        *_gauge(
            "cloudmesh_recent_jobs",
            f"The last {_RECENT} jobs by state.",
            [({"dag": dag, "state": state}, n) for (dag, state), n in sorted(states.items())],
        ),
        *_gauge(
            "cloudmesh_recent_job_seconds",
            f"How long those of the last {_RECENT} jobs took that have ended, on average.",
            [({"dag": dag}, sum(all_) / len(all_)) for dag, all_ in sorted(seconds.items())],
        ),
    ]
    return "\n".join(lines) + "\n"


def _gauge(name: str, text: str, samples: Iterable[Sample]) -> Iterable[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} gauge"
    for labels, value in samples:
        pairs = ",".join(f'{key}="{_escaped(label)}"' for key, label in labels.items())
        yield f"{name}{{{pairs}}} {value:g}"


def _escaped(label: Any) -> str:
    return str(label).replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
