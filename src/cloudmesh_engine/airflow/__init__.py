"""Airflow over its REST API, for `cms airflow`; Airflow itself is never imported."""
