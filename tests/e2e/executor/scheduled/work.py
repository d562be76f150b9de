"""A DAG that runs for real, each task in a pod of its own."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pod_operator import PrintsInItsPod  # type: ignore[import-not-found]

try:
    from airflow.providers.standard.triggers.temporal import (
        TimeDeltaTrigger,
    )
    from airflow.sdk import BaseOperator, dag, task
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task
    from airflow.models.baseoperator import BaseOperator
    from airflow.triggers.temporal import TimeDeltaTrigger


class Defers(BaseOperator):  # type: ignore[misc]
    """Waits for a trigger, and goes on in another pod."""

    def execute(self, context):
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=1)), method_name="resume")

    def resume(self, context, event=None):
        pass


@dag("executor.work", schedule="@once", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False)
def work():
    Defers(task_id="deferred")
    PrintsInItsPod(task_id="read_from_its_pod")
    PrintsInItsPod(task_id="not_read", get_logs=False)

    @task(retries=1, retry_delay=timedelta(seconds=1))
    def retried(ti=None):
        if ti.try_number == 1:
            raise RuntimeError("This task is meant to fail once.")

    @task
    def mapped(number):
        pass

    @task
    def outlives_its_scheduler():
        while not Path(os.environ["MAY_END"]).exists():
            time.sleep(0.1)

    retried()
    mapped.expand(number=[1, 2])
    outlives_its_scheduler()


work()
