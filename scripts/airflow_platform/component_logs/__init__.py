"""Logs of Airflow's components: what an agent on the nodes sends of them to Loki."""
