"""Prints what an Airflow makes of its DAGs folder, as JSON. Runs in that Airflow."""

import json
import os
import sys

try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:  # Airflow 2
    from airflow.models.dagbag import DagBag

from airflow_jobs import loading


def _refuse(file):
    raise AssertionError(f"{file} is read as YAML")


def _seconds(time):
    return time and time.total_seconds()


if "READ_NOTHING" in os.environ:
    vars(loading)["read"] = _refuse

bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
dags = {
    dag.dag_id: {
        "description": dag.description,
        "owner": dag.owner,
        "tags": sorted(dag.tags),
        "start": dag.start_date.isoformat(),
        "runs": dag.max_active_runs,
        "jobs": dag.max_active_tasks,
        "deadline": _seconds(dag.dagrun_timeout),
        "tasks": {
            task.task_id: {
                "before": sorted(task.upstream_task_ids),
                "retries": task.retries,
                "delay": _seconds(task.retry_delay),
                "exponential": bool(task.retry_exponential_backoff),
                "timeout": _seconds(task.execution_timeout),
                "mapped": type(task).__name__ == "MappedOperator",
            }
            for task in dag.tasks
        },
    }
    for dag in bag.dags.values()
    if dag.tasks  # Airflow 3 refuses those of errors later
}
errors = {str(file): error for file, error in bag.import_errors.items()}
json.dump({"dags": dags, "errors": errors}, sys.stdout)
