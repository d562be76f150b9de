"""What is known about Airflow's metrics, and the programs that read mappings and queries."""
