"""Office hours: when VMs are wanted, what is to be done now, and what was done."""
