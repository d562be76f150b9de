"""Tasks whose links a test follows."""

from datetime import UTC, datetime

try:
    from airflow.sdk import dag, task, task_group
except ImportError:
    from airflow.decorators import dag, task, task_group


@dag(dag_id="linked.dag-1", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC))
def linked():
    @task
    def plain():
        print("plain")

    @task_group
    def group():
        @task
        def mapped(number):
            print(number)

        mapped.expand(number=[1, 2])

    plain() >> group()


linked()
