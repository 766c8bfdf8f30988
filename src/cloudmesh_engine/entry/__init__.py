"""The Python interface of Cloudmesh, for scripts that import it by upstream's names."""
