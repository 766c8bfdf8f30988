"""Says where the appliance keeps what outlives a command. As light as the lightest who asks."""

import os
from pathlib import Path


def state_dir() -> Path:
    """Give the directory that CLOUDMESH_STATE_DIR names."""
    return Path(os.environ.get("CLOUDMESH_STATE_DIR") or "/var/lib/cloudmesh")
