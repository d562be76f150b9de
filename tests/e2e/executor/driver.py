"""Airflow's KubernetesExecutor without the scheduler around it.

It runs in the virtual environment of an Airflow 2 or 3; its argument is a file for what Airflow
prints. Each line of its standard input is a JSON
list of a method of Driver and its arguments, and is answered with a line of JSON. Task instances
are called by their task ids, those of mapped tasks by ``<task id>[<index>]``.
"""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import airflow
from airflow.models.taskinstance import TaskInstance
from airflow.providers.cncf.kubernetes.executors.kubernetes_executor import (
    KubernetesExecutor,
)
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState, TaskInstanceState
from airflow.utils.types import DagRunType

AIRFLOW_3 = airflow.__version__.startswith("3.")
DAG = "executor.shapes"
RUN = "manual__2026-01-01T00:00:00+00:00"
DATE = datetime(2026, 1, 1, tzinfo=UTC)


class Driver:
    """What a scheduler does to its executor."""

    def __init__(self) -> None:
        self._create_run()

    def start(self, job: int) -> None:
        """Start the executor of a scheduler whose job has this id."""
        self._executor = KubernetesExecutor()
        self._executor.job_id = job
        self._executor.start()

    def end(self) -> None:
        """End the executor as a scheduler does that is told to."""
        self._executor.end()

    def queue(self, *names: str) -> None:
        """Queue task instances."""
        with create_session() as session:
            for ti in self._task_instances(session, names):
                ti.state = TaskInstanceState.QUEUED
                ti.queued_by_job_id = self._executor.job_id
                ti.try_number = 1
                session.flush()
                self._queue(ti, session)

    def heartbeat(self) -> dict[str, str | None]:
        """Let the executor work once; return the states that it has told of since."""
        self._executor.heartbeat()
        events = self._executor.get_event_buffer()
        return {_name(key.task_id, key.map_index): state for key, (state, _) in events.items()}

    def running(self) -> list[str]:
        """Return the task instances that the executor takes for running."""
        return sorted(_name(key.task_id, key.map_index) for key in self._executor.running)

    def set_state(self, state: str, *names: str) -> None:
        """Write a state into the database, as a task does."""
        with create_session() as session:
            for ti in self._task_instances(session, names):
                ti.state = TaskInstanceState(state)

    def adopt(self, *names: str) -> list[str]:
        """Adopt the pods of task instances of another scheduler; return those that cannot be."""
        with create_session() as session:
            left = self._executor.try_adopt_task_instances(self._task_instances(session, names))
            return sorted(_name(ti.task_id, ti.map_index) for ti in left)

    def seconds_until_dropped(self) -> float | None:
        """Return for how long Airflow 2 waits with a task that it takes for still running."""
        if AIRFLOW_3:
            return None
        from airflow.executors.base_executor import (
            RunningRetryAttemptType,
        )

        return float(RunningRetryAttemptType.MIN_SECONDS)

    def _task_instances(self, session: Any, names: tuple[str, ...]) -> list[Any]:
        found = {_name(ti.task_id, ti.map_index): ti for ti in session.query(TaskInstance)}
        return [found[name] for name in names]

    if AIRFLOW_3:

        def _create_run(self) -> None:
            from airflow.dag_processing.bundles.manager import (
                DagBundlesManager,
            )
            from airflow.dag_processing.dagbag import (
                DagBag,
                sync_bag_to_db,
            )
            from airflow.models.serialized_dag import (
                SerializedDagModel,
            )
            from airflow.utils.types import DagRunTriggeredByType

            bundle = "dags-folder"
            bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"], bundle_name=bundle)
            assert not bag.import_errors, bag.import_errors
            DagBundlesManager().sync_bundles_to_db()
            with create_session() as session:
                sync_bag_to_db(bag, bundle, None, session=session)
            with create_session() as session:
                SerializedDagModel.get_dag(DAG, session=session).create_dagrun(
                    run_id=RUN,
                    logical_date=DATE,
                    data_interval=(DATE, DATE),
                    run_after=DATE,
                    run_type=DagRunType.MANUAL,
                    triggered_by=DagRunTriggeredByType.TEST,
                    state=DagRunState.RUNNING,
                    session=session,
                )

        def _queue(self, ti: Any, session: Any) -> None:
            from airflow.executors.workloads import (
                ExecuteTask,
            )

            workload = ExecuteTask.make(
                ti, dag_rel_path=Path("shapes.py"), generator=self._executor.jwt_generator
            )
            self._executor.queue_workload(workload, session=session)

    else:

        def _create_run(self) -> None:
            from airflow.models.dagbag import DagBag

            bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"], include_examples=False)
            assert not bag.import_errors, bag.import_errors
            bag.sync_to_db()
            self._dag = bag.get_dag(DAG)
            self._dag.create_dagrun(
                run_id=RUN,
                execution_date=DATE,
                data_interval=(DATE, DATE),
                run_type=DagRunType.MANUAL,
                state=DagRunState.RUNNING,
            )

        def _queue(self, ti: Any, session: Any) -> None:
            ti.refresh_from_task(self._dag.get_task(ti.task_id))
            command = ti.command_as_list(local=True)
            self._executor.queue_command(ti, command, ti.priority_weight, ti.queue)


def _name(task_id: str, map_index: int) -> str:
    return task_id if map_index < 0 else f"{task_id}[{map_index}]"


def main() -> None:
    # What Airflow prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    with Path(sys.argv[1]).open("wb") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    driver = Driver()
    for line in sys.stdin:
        method, *arguments = json.loads(line)
        print(json.dumps(getattr(driver, method)(*arguments)), file=answers)


if __name__ == "__main__":
    main()
