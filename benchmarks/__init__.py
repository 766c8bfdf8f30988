"""Measurements of the stack: `benchmarks/stack --help`."""
