"""Ends a VM for good, with all that goes with it."""

from cloudmesh_engine import hostkeys, waiting
from cloudmesh_engine.clouds import Driver, Machine


def terminate(driver: Driver, machine: Machine, budget: float) -> Machine:
    """Terminate a VM, wait until the cloud confirms it, and clear up behind it.

    :param budget: seconds
    """
    driver.terminate(machine)
    after = waiting.until(driver, machine, "terminated", budget)
    clear(driver, machine.id)
    return after


def clear(driver: Driver, instance: str) -> None:
    """Remove what a terminated VM leaves: its addresses, and its pinned host key."""
    driver.release_addresses(instance)
    hostkeys.forget(driver.cloud, instance)
