"""Stops and starts one VM, and waits until the cloud confirms it."""

from cloudmesh_engine import waiting
from cloudmesh_engine.clouds import Driver, Machine


def start(driver: Driver, machine: Machine, budget: float) -> tuple[Machine, str]:
    """Make sure that a VM runs; say what had to be done.

    :param budget: seconds
    """
    if machine.state == "running":
        return machine, "already running"
    if machine.state == "stopping":
        machine = waiting.until(driver, machine, "stopped", budget)
    if machine.state == "stopped":
        driver.start(machine)
    return waiting.until(driver, machine, "running", budget), "started"


def stop(driver: Driver, machine: Machine, budget: float) -> tuple[Machine, str]:
    """Make sure that a VM is stopped, and not charged on; say what had to be done.

    :param budget: seconds
    """
    if is_off(machine):
        return machine, "already stopped"

    def judge(seen: Machine) -> str:
        if seen.charged:
            # Something else was in the way, or it was shut down from inside: asked again.
            driver.stop(seen)
        return "" if is_off(seen) else f"{told(seen)} and not stopped for good"

    if machine.state == "stopping":
        # Nova refuses to be asked twice. A cloud that has given it up is asked below.
        machine = waiting.confirm(driver, machine, _is_stopping, budget)
    if not is_off(machine):
        driver.stop(machine)
    return waiting.confirm(driver, machine, judge, budget), "stopped"


def _is_stopping(seen: Machine) -> str:
    return "is stopping and not stopped" if seen.state == "stopping" else ""


def is_off(machine: Machine) -> bool:
    """Say whether a VM is stopped, and not charged as if it ran."""
    return machine.state == "stopped" and not machine.charged


def told(machine: Machine) -> str:
    """Say how a VM is."""
    return f"is {machine.state}{' but charged on' if machine.charged else ''}"
