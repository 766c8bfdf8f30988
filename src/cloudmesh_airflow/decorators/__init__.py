"""`@task.cms`."""
