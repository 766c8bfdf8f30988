"""Waits until a cloud says that a VM is in a state."""

import time
from collections.abc import Collection

from cloudmesh_engine.clouds import GONE, Driver, Machine
from cloudmesh_engine.errors import ActionFailed

_FIRST_PAUSE, _GROWTH = 0.1, 1.6


def until(
    driver: Driver, machine: Machine, goal: str, budget: float, longest_pause: float = 5.0
) -> Machine:
    """Ask again and again with growing pauses, and give the VM as it is then.

    :param budget: seconds, like the longest pause
    """
    return _until(driver, machine, (goal,), budget, longest_pause)


def terminate(driver: Driver, machine: Machine, budget: float) -> None:
    """Terminate a VM that was only just made: a cloud may refuse to, until it shows the VM."""
    if _until(driver, machine, ("running", *GONE), budget).state == "running":
        driver.terminate(machine)
    _until(driver, machine, GONE, budget)


def _until(
    driver: Driver,
    machine: Machine,
    goals: Collection[str],
    budget: float,
    longest_pause: float = 5.0,
) -> Machine:
    deadline = time.monotonic() + budget
    pause = _FIRST_PAUSE
    while True:
        # Nothing seen proves nothing: a new VM is not visible at once.
        seen = driver.get(machine.id)
        if seen and seen.state in goals:
            return seen
        if seen and seen.state in GONE and not {*goals} & {*GONE}:
            raise ActionFailed(
                f"{machine.name} ({machine.id}) on {machine.cloud} was terminated meanwhile"
            )
        if time.monotonic() + pause > deadline:
            state = seen.state if seen else "not to be seen"
            wanted = " or ".join(goals)
            raise ActionFailed(
                f"{machine.name} ({machine.id}) on {machine.cloud} is {state} and not {wanted} "
                f"after {budget:g} s: look with cms vm status {machine.name}, then repeat"
            )
        time.sleep(pause)
        pause = min(pause * _GROWTH, longest_pause)
