"""Routes for who watches: health and metrics."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from cloudmesh_airflow.api import file_models
from cloudmesh_airflow.api.jobs import ENDED, JobsDep
from cloudmesh_airflow.api.models import Health
from cloudmesh_airflow.api.problems import documented
from cloudmesh_airflow.api.rights import LOOK
from cloudmesh_airflow.api.sharing import PersonalRoute
from cloudmesh_airflow.api.snapshot import SnapshotDep
from cloudmesh_airflow.api.vms import clouds
from cloudmesh_airflow.inventory import Record

router = APIRouter(tags=["Watching"], dependencies=[LOOK])
_kept = APIRouter(route_class=PersonalRoute)
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


@_kept.get("/metrics", response_class=Metrics, responses=documented(503))
async def metrics(snapshot: SnapshotDep, jobs: JobsDep) -> str:
    """Give metrics for Prometheus."""
    counted = await clouds(snapshot)
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
            [
                ({"cloud": cloud.name, "state": state}, n)
                for cloud in counted
                for state, n in sorted(cloud.states.items())
            ],
        ),
        *_gauge(
            "cloudmesh_cost_dollars_per_hour",
            "What the VMs cost an hour whose price is known.",
            [({"cloud": cloud.name}, cloud.cost_per_hour) for cloud in counted],
        ),
        *_gauge(
            "cloudmesh_unpriced_vms",
            "VMs of which nobody knows what they cost.",
            [({"cloud": cloud.name}, cloud.unpriced) for cloud in counted],
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
        *_transfers(await snapshot.transfers()),
    ]
    return "\n".join(lines) + "\n"


router.include_router(_kept)


def _transfers(records: Iterable[Record]) -> Iterable[str]:
    """Give metrics of the last run of each transfer, by the services between which it moves."""
    states, moved = Counter[tuple[str, ...]](), Counter[tuple[str, ...]]()
    for record in records:
        # As SERVICE:PATH; only few services are there, but any number of paths.
        pair = tuple(record[end].partition(":")[0] for end in ("source", "target"))
        states[(*pair, file_models.state(record))] += 1
        for unit in ("files", "bytes"):
            moved[(*pair, unit)] += (record.get("report") or {}).get(unit) or 0
    labels = ("source", "target")
    yield from _gauge(
        "cloudmesh_transfers",
        "Transfers by how their last run is.",
        [(dict(zip((*labels, "state"), key, strict=True)), n) for key, n in sorted(states.items())],
    )
    for unit in ("files", "bytes"):
        yield from _gauge(
            f"cloudmesh_transfer_{unit}",
            f"How many {unit} the last run of each transfer has moved.",
            [
                (dict(zip(labels, key, strict=False)), n)
                for key, n in sorted(moved.items())
                if key[2] == unit
            ],
        )


def _gauge(name: str, text: str, samples: Iterable[Sample]) -> Iterable[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} gauge"
    for labels, value in samples:
        pairs = ",".join(f'{key}="{_escaped(label)}"' for key, label in labels.items())
        yield f"{name}{{{pairs}}} {value:.15g}"


def _escaped(label: Any) -> str:
    return str(label).replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
