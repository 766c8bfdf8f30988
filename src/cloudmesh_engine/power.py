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
    """Make sure that a VM is stopped; say what had to be done.

    :param budget: seconds
    """
    if machine.state == "stopped" and not machine.charged:
        return machine, "already stopped"
    driver.stop(machine)
    return waiting.until(driver, machine, "stopped", budget), "stopped"
