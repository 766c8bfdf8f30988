"""What a run of a transfer is told, and what it did."""

import hashlib
from dataclasses import dataclass, field

from cloudmesh_engine.errors import EngineError
from cloudmesh_engine.stores import Put


@dataclass(frozen=True)
class Options:
    """How a transfer is run.

    :param bandwidth: bytes a second, 0 for no limit
    """

    parallel: int = 8
    verify: str = "store"
    delete: bool = False
    dryrun: bool = False
    bandwidth: float = 0


@dataclass
class Result:
    """What a run did."""

    moved: dict[str, Put] = field(default_factory=dict)
    bytes: int = 0
    unchanged: int = 0
    would_move: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    failures: dict[str, EngineError] = field(default_factory=dict)
    digests: dict[str, tuple[str, int]] = field(default_factory=dict)
    prefix: str = ""
    retries: int = 0
    seconds: float = 0

    @property
    def digest(self) -> str:
        """One digest over all objects: of `SHA-256  size  path` lines, sorted.

        The paths are those below source and target, so equal trees have equal digests.
        """
        total = hashlib.sha256()
        for key in sorted(self.digests):
            sha256, size = self.digests[key]
            total.update(f"{sha256}  {size}  {key.removeprefix(self.prefix)}\n".encode())
        return total.hexdigest()
