"""Tasks that wait for VMs."""
