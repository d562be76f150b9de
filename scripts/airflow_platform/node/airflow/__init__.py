"""A real Airflow: its programs on this machine, its tasks in pods of the real node."""
