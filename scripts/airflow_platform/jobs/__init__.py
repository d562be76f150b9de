"""Container jobs that know nothing of Airflow: contracts/workflow-orchestration.md."""
