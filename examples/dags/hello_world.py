"""Tasks whose logs often lose lines. The DAG runs on Airflow 2.9 to 3.x, once by itself.

hello_world.expected.yaml lists the lines that the tasks print. `airflow-platform verify-logs`
compares the list with the lines in Loki.
"""

import time
from datetime import datetime, timedelta, timezone

try:
    from airflow.sdk import dag, get_current_context, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task
    from airflow.operators.python import get_current_context

START = datetime(2026, 1, 1, tzinfo=timezone.utc)  # noqa: UP017 - Airflow 2 has older Pythons


@dag(schedule="@once", start_date=START, catchup=False, is_paused_upon_creation=False)
def hello_world():
    """Tasks that do not depend on each other, so that their pods run at the same time."""

    @task
    def quick():
        """Ends before a log agent on the node has noticed the pod."""
        print("hello, world")

    @task
    def mapped(number: int):
        """Several task instances with one task id."""
        print(f"hello from mapped task {number}")

    @task(retries=1, retry_delay=timedelta(seconds=1))
    def fails_once():
        """Ends its first attempt with a traceback."""
        attempt = get_current_context()["ti"].try_number
        print(f"attempt {attempt}")
        if attempt == 1:
            raise RuntimeError("the first attempt fails on purpose")

    @task
    def silent():
        """Is silent, so that log shippers look less often, and then prints and ends."""
        print("before the silence")
        time.sleep(12)
        for number in range(1, 31):
            print(f"after the silence {number}")

    @task
    def burst():
        """Prints faster than a log shipper reads."""
        for number in range(1, 5001):
            print(f"burst {number}")

    @task
    def non_ascii():
        """Prints more than ASCII."""
        print("žluťoučký kůň, 日本語, 🚀")

    quick()
    mapped.expand(number=[0, 1, 2])
    fails_once()
    silent()
    burst()
    non_ascii()


hello_world()
