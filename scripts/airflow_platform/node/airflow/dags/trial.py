"""Tasks in pods for what hello_world has not. trial.expected.yaml lists what they print."""

import os
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from kubernetes.client import models

try:
    from airflow.providers.standard.operators.empty import EmptyOperator
    from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
    from airflow.sdk import Asset, BaseOperator, dag, task
except ImportError:  # Airflow 2
    from airflow.datasets import Dataset as Asset
    from airflow.decorators import dag, task
    from airflow.models.baseoperator import BaseOperator
    from airflow.operators.empty import EmptyOperator
    from airflow.triggers.temporal import TimeDeltaTrigger

_ASSET = Asset("trial://asset")
_SETTINGS = {
    "start_date": datetime(2026, 1, 1, tzinfo=timezone.utc),  # noqa: UP017 - Airflow 2 has older Pythons
    "catchup": False,
    "is_paused_upon_creation": False,
}


class Defers(BaseOperator):
    """Waits for a trigger, and goes on in another pod."""

    def execute(self, context: Any) -> None:  # noqa: ARG002 - Airflow names its arguments
        """Defer."""
        print("before the deferral")
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=1)), method_name="resume")

    def resume(self, context: Any, event: Any = None) -> None:  # noqa: ARG002
        """Go on."""
        print(f"after the deferral, {bool(event)}")


_OVERRIDE = models.V1Pod(
    metadata=models.V1ObjectMeta(labels={"overridden": "yes"}),
    spec=models.V1PodSpec(
        security_context=models.V1PodSecurityContext(run_as_user=50000, fs_group=0),
        containers=[
            models.V1Container(
                name="base", env=[models.V1EnvVar(name="OVERRIDDEN", value="by its pod_override")]
            )
        ],
    ),
)


@dag("trial", schedule=None, **_SETTINGS)
def trial() -> None:
    """Tasks that do not depend on each other. One of them fails, and so does the run."""
    Defers(task_id="deferred")

    @task
    def fails() -> None:
        print("before the failure")
        raise RuntimeError("this task fails on purpose")

    @task(executor_config={"pod_override": _OVERRIDE}, outlets=[_ASSET])
    def overridden() -> None:
        print(f"changed {os.environ['OVERRIDDEN']}")

    @task
    def outlives_its_scheduler() -> None:
        print("under one scheduler")
        while not Path("/tmp/may-end").exists():
            time.sleep(0.2)
        print("under another")

    fails()
    overridden()
    outlives_its_scheduler()


@dag("without_loki", schedule=None, **_SETTINGS)
def without_loki() -> None:
    """One task, to be run while Loki is away."""

    @task
    def speaks() -> None:
        print("nobody listens")

    speaks()


@dag("periodic", schedule="* * * * *", **_SETTINGS)
def periodic() -> None:
    """Have runs with a time to be late for; the scheduler itself does all of their task."""
    EmptyOperator(task_id="nothing")


@dag("after_asset", schedule=[_ASSET], **_SETTINGS)
def after_asset() -> None:
    """Run when a task of the DAG trial has updated an asset, with such a task."""
    EmptyOperator(task_id="nothing")


trial()
without_loki()
periodic()
after_asset()
