"""A task whose log is read when the pod is gone."""

from datetime import UTC, datetime

try:
    from airflow.sdk import dag, task
except ImportError:
    from airflow.decorators import dag, task


@dag(dag_id="stored", schedule="@once", start_date=datetime(2026, 1, 1, tzinfo=UTC))
def stored():
    @task
    def says():
        print("a line of the task: žluťoučký kůň")

    says()


stored()
