"""What tasks use to reach Cloudmesh."""
