"""Reads `cloudmesh.reaper` of cloudmesh.yaml: how often the reaper looks, and how long it waits."""

from datetime import timedelta

from cloudmesh_engine.config import Settings
from cloudmesh_engine.errors import ConfigError
from cloudmesh_engine.reaping.book import GAP
from cloudmesh_engine.reaping.plan import Patience

# What each number may be; one more look must fit into the gap after which nothing is certain.
_MOST = {
    "every_minutes": GAP / timedelta(minutes=2),
    "orphan_hours": 24 * 365,
    "unused_hours": 24 * 365,
    "free_days": 3650,
}


def patience(settings: Settings) -> Patience:
    """Give how long things are left alone that nobody seems to want."""
    default = Patience()
    orphan, unused, free = (_number(settings, name) for name in [*_MOST][1:])
    return Patience(
        default.orphan if orphan is None else timedelta(hours=orphan),
        default.unused if unused is None else timedelta(hours=unused),
        default.free if free is None else timedelta(days=free),
    )


def pause(settings: Settings) -> float:
    """Give how many seconds there are between the beginnings of two looks."""
    minutes = _number(settings, "every_minutes")
    return 300 if minutes is None else max(minutes * 60, 1)


def _number(settings: Settings, name: str) -> float | None:
    value = (settings.data["cloudmesh"].get("reaper") or {}).get(name)
    if value is None:
        return None
    most = _MOST[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        where = f"{settings.path}: cloudmesh.reaper.{name}"
        raise ConfigError(f"{where}: {value!r}: give a number from 0 to {most:g}")
    return value
