"""What the API takes and gives."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field

from cloudmesh_airflow.inventory import Record

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
# So that several VMs of one name, as web-99, are names as well.
_STEM = r"^([A-Za-z0-9][A-Za-z0-9._-]{0,55})?$"
_CLOUD = r"^[A-Za-z][A-Za-z0-9_-]{0,62}$"
_KIND = r"^([A-Za-z0-9][A-Za-z0-9._:/ -]{0,254})?$"
_MOMENT = r"^[0-9A-Za-z:.+-]{1,40}$"

Cloud = Annotated[str, Path(pattern=_CLOUD, description="A cloud of cloudmesh.yaml")]
Name = Annotated[str, Path(pattern=NAME, description="The name of one VM")]
Limit = Annotated[int, Query(ge=1, le=500, description="How many at most")]
Offset = Annotated[int, Query(ge=0, le=1_000_000, description="How many to pass over")]
Search = Annotated[str, Query(max_length=100)]


class Order(BaseModel):
    """A body of a request: what it does not know is refused."""

    model_config = ConfigDict(extra="forbid")


class BootOrder(Order):
    """VMs to boot."""

    cloud: str = Field("aws", pattern=_CLOUD)
    n: int = Field(1, ge=1, le=100, description="How many VMs")
    name: str = Field("", pattern=_STEM, description="Several get web-0, web-1; empty: a new one")
    flavor: str = Field("", pattern=_KIND, description="Empty is the cloud's default")
    image: str = Field("", pattern=_KIND, description="Empty is the cloud's default")
    hours: float | None = Field(
        None, gt=0, le=87_600, description="After so many hours vm_cleanup deletes them"
    )


class SnoozeOrder(Order):
    """Until when office hours leave a VM running."""

    until: str = Field(pattern=_MOMENT, description="ISO 8601, 2h, 1d or 23:00; now ends a snooze")


class Vm(BaseModel):
    """A VM as it was last seen."""

    cloud: str
    name: str
    state: str
    public_ips: list[str]
    private_ips: list[str]
    flavor: str
    image: str
    created: str
    deadline: str
    run: str = Field(description="The DAG and the run that booted it, as vm_boot/manual__2026")
    instance_id: str
    cost_per_hour: float | None = Field(
        description="US dollars by the list of prices, 0 while it is stopped; null: nobody knows"
    )
    updated: str = Field(description="When the inventory noted it")


class VmPage(BaseModel):
    """Some of the VMs."""

    items: list[Vm]
    total: int = Field(description="How many there are without limit and offset")
    limit: int
    offset: int


class CloudCount(BaseModel):
    """A cloud, how many VMs are in which state, and what they cost."""

    name: str
    vms: int
    states: dict[str, int]
    cost_per_hour: float = Field(description="US dollars, of the VMs whose price is known")
    unpriced: int = Field(description="VMs of which nobody knows what they cost")


class Progress(BaseModel):
    """How many tasks of a job have ended."""

    done: int
    total: int


class Job(BaseModel):
    """One action: a run of a DAG."""

    id: str
    dag: str
    state: Literal["queued", "running", "success", "failed"]
    user: str
    parameters: dict[str, Any]
    created: datetime
    started: datetime | None
    ended: datetime | None
    url: str = Field(description="The run in Airflow, with its logs")


class JobDetails(Job):
    """A job with what its tasks have done."""

    progress: Progress
    failed_tasks: list[str]
    result: Any = Field(description="What the action returned; null while it runs")


class JobPage(BaseModel):
    """Some of the jobs, the newest first."""

    items: list[Job]
    total: int
    limit: int
    offset: int


class Remembered(BaseModel):
    """What office hours remember of a VM."""

    cloud: str
    name: str
    goal: str = Field(description="start or stop while that is being done")
    stopped_by_us: bool
    snoozed_until: str


class Schedule(BaseModel):
    """A schedule of office-hours.yaml."""

    name: str
    enabled: bool
    now: Literal["on", "off"]
    next: str = Field(description="What it does next, as stop 2026-11-23T18:00+01:00")
    timezone: str
    weekdays: list[str]
    start: str = Field(description="Empty: it only stops")
    stop: str
    clouds: list[str] = Field(description="Empty: all")
    vms: list[str] = Field(description="Which VMs, as names: web*")


class Transition(BaseModel):
    """A start or stop to come."""

    at: datetime = Field(description="In the schedule's time zone")
    utc: datetime
    schedule: str
    action: Literal["start", "stop"]


class OfficeHours(BaseModel):
    """The schedules and what is to come, as the last run of the DAG office_hours read them."""

    as_of: datetime | None = Field(description="When that was; null: not yet")
    schedules: list[Schedule]
    preview: list[Transition] = Field(description="Starts and stops of a week")
    vms: list[Remembered]


class DayHours(BaseModel):
    """The hours that VMs ran on one day."""

    day: date
    hours: float
    clouds: dict[str, float]


class VmHours(BaseModel):
    """The hours that VMs ran, the first day first."""

    days: list[DayHours]


class Health(BaseModel):
    """All that the API needs answers."""

    status: Literal["healthy"]
    vms: int


def state(record: Record) -> str:
    """Say in which state a VM of the inventory is."""
    return str(record.get("status") or "unknown")


def cost(record: Record) -> float | None:
    """Say what a VM of the inventory costs an hour, if anybody knows."""
    found = record.get("cost_per_hour")
    return found if isinstance(found, int | float) else None


def vm(record: Record) -> Vm:
    """Describe a VM of the inventory; upstream's own commands may have left fields out."""

    def text(key: str) -> str:
        return str(record.get(key) or "")

    def texts(key: str) -> list[str]:
        found = record.get(key)
        return [str(one) for one in (found if isinstance(found, list) else [found]) if one]

    return Vm(
        cloud=text("cloud"),
        name=text("name"),
        state=state(record),
        public_ips=texts("public_ips"),
        private_ips=texts("private_ips"),
        flavor=text("flavor"),
        image=text("image"),
        created=text("created"),
        deadline=text("deadline"),
        run=text("run"),
        instance_id=text("instance_id"),
        cost_per_hour=cost(record),
        updated=str((record.get("cm") or {}).get("updated") or ""),
    )


def remembered(record: Record) -> Remembered:
    """Describe a note of office hours."""
    return Remembered(
        cloud=record["cloud"],
        name=record["name"],
        goal=record.get("goal") or "",
        stopped_by_us=bool(record.get("launched")),
        snoozed_until=record.get("snoozed") or "",
    )
