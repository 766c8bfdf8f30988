"""Waits until a cloud says that a VM is as it should be."""

import time
from collections.abc import Callable, Collection

from cloudmesh_engine.clouds import BROKEN, GONE, Driver, Machine
from cloudmesh_engine.errors import ActionFailed

_FIRST_PAUSE, _GROWTH = 0.1, 1.6


def until(
    driver: Driver, machine: Machine, goal: str, budget: float, longest_pause: float = 5.0
) -> Machine:
    """Wait until a VM is in a state, and give it as it is then.

    :param budget: seconds, like the longest pause
    """
    return confirm(driver, machine, _is((goal,)), budget, longest_pause, end=goal in GONE)


def terminate(driver: Driver, machine: Machine, budget: float) -> None:
    """Terminate a VM that was only just made: a cloud may refuse to, until it shows the VM."""
    seen = confirm(driver, machine, _is(("running", "stopped", BROKEN, *GONE)), budget, end=True)
    if seen.state not in GONE:
        driver.terminate(machine)
    confirm(driver, machine, _is(GONE), budget, end=True)


def confirm(
    driver: Driver,
    machine: Machine,
    judge: Callable[[Machine], str],
    budget: float,
    longest_pause: float = 5.0,
    end: bool = False,
) -> Machine:
    """Ask again and again with growing pauses until nothing is wrong with the VM.

    :param judge: says what is still wrong, nothing if all is well
    :param end: the VM is expected to go
    """
    deadline = time.monotonic() + budget
    pause = _FIRST_PAUSE
    while True:
        seen = look(driver, machine, end)
        wrong = judge(seen) if seen else "is not to be seen"
        if seen and not wrong:
            return seen
        if seen and seen.state == BROKEN and not end:
            raise failed(seen)
        if time.monotonic() + pause > deadline:
            raise ActionFailed(
                f"{machine.name} ({machine.id}) on {machine.cloud} {wrong} "
                f"after {budget:g} s: look with cms vm status {machine.name}, then repeat"
            )
        time.sleep(pause)
        pause = min(pause * _GROWTH, longest_pause)


def look(driver: Driver, machine: Machine, end: bool = False) -> Machine | None:
    """Ask once; nothing seen proves nothing, as a new VM is not visible at once.

    :param end: the VM is expected to go
    """
    seen = driver.get(machine.id)
    if seen and seen.state in GONE and not end:
        raise ActionFailed(
            f"{machine.name} ({machine.id}) on {machine.cloud} was terminated meanwhile"
        )
    return seen


def failed(machine: Machine) -> ActionFailed:
    """Say that a VM is in error, and why."""
    return ActionFailed(
        f"{machine.name} ({machine.id}) on {machine.cloud} failed: "
        f"{machine.fault or 'the cloud does not say why'}; the next boot replaces it"
    )


def _is(goals: Collection[str]) -> Callable[[Machine], str]:
    def judge(seen: Machine) -> str:
        return "" if seen.state in goals else f"is {seen.state} and not {' or '.join(goals)}"

    return judge
