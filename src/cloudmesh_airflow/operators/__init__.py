"""Tasks that run `cms`."""
