"""The REST API: `/cloudmesh/api/v1` of Airflow's web server."""
