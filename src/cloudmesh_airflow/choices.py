"""What the forms of the DAGs propose: clouds, VMs, flavors and images.

One small file, which the DAG `vm_inventory_refresh` writes and DAG files read: nothing else of
the outside world is looked at while a DAG file is read.
"""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cloudmesh_airflow.errors import CloudmeshAirflowError

# The sections of the cloudmesh.yaml that is shipped.
CLOUDS = ("aws", "azure", "chameleon", "google")
STORES = ("aws", "azure", "google", "local")


class ChoicesUnreadable(CloudmeshAirflowError):
    """The file with the choices is no such file."""


@dataclass(frozen=True)
class Choices:
    """What to propose, sorted."""

    clouds: tuple[str, ...] = CLOUDS
    names: tuple[str, ...] = ()
    flavors: tuple[str, ...] = ()
    images: tuple[str, ...] = ()


def path() -> Path:
    """Where the file is: CLOUDMESH_CHOICES."""
    return Path(os.environ.get("CLOUDMESH_CHOICES", "/var/lib/choices/choices.json"))


def load() -> Choices:
    """Read the choices; before the file is first written, they are few."""
    file = path()
    try:
        return _parsed(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Choices()
    except json.JSONDecodeError as error:
        raise _unreadable(file, error.lineno, error.msg) from None
    except (OSError, UnicodeDecodeError, TypeError, ValueError) as error:
        raise _unreadable(file, 1, str(error)) from None


def collected(records: Iterable[Mapping[str, Any]], flavors: Iterable[str] = ()) -> Choices:
    """Make choices of VMs, as `cms vm list` gives them, and further flavors."""
    vms = list(records)

    def every(key: str, more: Iterable[str] = ()) -> tuple[str, ...]:
        return tuple(sorted({*more, *(str(vm[key]) for vm in vms if vm.get(key))}))

    return Choices(every("cloud", CLOUDS), every("name"), every("flavor", flavors), every("image"))


def write(choices: Choices) -> bool:
    """Write the file, unless it says so already: a change makes new versions of the DAGs."""
    file = path()
    text = json.dumps(asdict(choices), indent=1) + "\n"
    try:
        if file.read_text(encoding="utf-8") == text:
            return False
    except (OSError, UnicodeDecodeError):
        pass
    # Linked into place, so that a DAG processor never reads half of it.
    fresh = file.with_name(f"{file.name}.{os.getpid()}")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(file)
    return True


def _parsed(content: Any) -> Choices:
    if not isinstance(content, dict) or not all(
        isinstance(values, list) and all(isinstance(value, str) for value in values)
        for values in content.values()
    ):
        raise ValueError("not lists of texts by name")
    return Choices(**{name: tuple(values) for name, values in content.items()})


def _unreadable(file: Path, line: int, reason: str) -> ChoicesUnreadable:
    return ChoicesUnreadable(
        f"{file}:{line}: {reason}: run the DAG vm_inventory_refresh, which makes it anew"
    )
