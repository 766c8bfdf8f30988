"""Airflow's half of the appliance: it runs `cms`, and never imports a cloud SDK."""
