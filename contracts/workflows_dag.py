"""DAGs of the workflows in this file's directory."""

from pathlib import Path

from airflow_jobs.dags import dags

globals().update(dags(Path(__file__).parent))
