"""Container jobs as YAML files, and the DAGs that Airflow makes of them."""
