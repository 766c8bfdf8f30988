"""Runs moto with public addresses that are nobody's: `python sandbox/aws.py --host H --port P`.

moto gives VMs addresses of Amazon's customers. Whoever tries `cms vm ssh` in the sandbox would
knock at a stranger's door, so they are taken from the range that is reserved for benchmarks.
"""

import random

from moto.ec2.models import elastic_network_interfaces
from moto.server import main


def reserved_address() -> str:
    """Give an address of 198.18.0.0/15, which no network may route."""
    return f"198.{random.choice((18, 19))}.{random.randrange(256)}.{random.randrange(1, 255)}"  # noqa: S311 - no secret


if __name__ == "__main__":
    elastic_network_interfaces.random_public_ip = reserved_address
    main()
