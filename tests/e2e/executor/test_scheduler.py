"""A whole Airflow whose tasks run, each as its pod says, while its scheduler is replaced."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.support.airflow_install import AirflowVersion
from airflow_platform.support.ports import free_ports

from ...processes import Processes, processes
from ..direct import direct
from .configuration import Configuration
from .executor import task_of
from .kubelet import Kubelet
from .sidecar import environment

pytestmark = pytest.mark.traffic

_SECONDS = 240.0
_DAG = "executor.work"
# The one that the chart configures is in a package of its own. Airflow 2 has no use for it here.
_AUTH_MANAGER = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
_OUTLIVES = "outlives_its_scheduler"
_PRINTED = "This is what the pod has printed."

# Pods of each task instance, as its sidecars know them: how many, with which attempts.
ATTEMPTS = {
    "deferred": ["1", "1"],
    "retried": ["1", "2"],
    "mapped[0]": ["1"],
    "mapped[1]": ["1"],
    "read_from_its_pod": ["1"],
    "not_read": ["1"],
    _OUTLIVES: ["1"],
}


@dataclass(frozen=True)
class Work:
    """What a DAG run that has ended has left."""

    configuration: Configuration
    state: str
    pods: list[dict[str, Any]]  # all that there have been, as they were last


@pytest.fixture(scope="session")
def work(airflow: AirflowVersion, configured: Callable[[Path], Configuration]) -> Work:
    configuration = configured(Path(__file__).with_name("scheduled"))
    directory = configuration.directory
    (port,) = free_ports(1)
    own = {
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__AUTH_MANAGER": _AUTH_MANAGER,
        # Airflow 2 would refuse SQLite, for its writers wait for each other.
        "_AIRFLOW__SKIP_DATABASE_EXECUTOR_COMPATIBILITY_CHECK": "1",
        # How soon a scheduler sees that another is gone, and adopts its tasks.
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
        "MAY_END": str(directory / "may-end"),
        "PRINTED": _PRINTED,
    }
    env = {**configuration.environment, **own}
    with closing(sqlite3.connect(directory / "airflow.db")) as database:
        database.execute("PRAGMA journal_mode=WAL")  # many programs write at the same time
    kubelet = Kubelet(configuration.cluster, configuration.namespace, env, directory)
    with processes(directory) as running:

        def start(name: str, component: str, *arguments: str) -> None:
            command: list[str | Path] = [configuration.python, "-m", "airflow", component]
            running.start(name, [*command, *arguments], env)

        if airflow.version.startswith("3."):
            start("dag-processor", "dag-processor")
            start("api-server", "api-server", "--workers=1", f"--port={port}", "--host=127.0.0.1")
            running.wait_for_url(f"http://127.0.0.1:{port}/api/v2/version", _SECONDS)
        start("triggerer", "triggerer", "--skip-serve-logs")
        start("scheduler", "scheduler", "--skip-serve-logs")
        kubelet.start()
        try:
            # What is queued when a scheduler ends may start as another attempt.
            _wait(running, lambda: _unfinished(directory) == {_OUTLIVES: "running"})
            before = _workers(kubelet)
            # It may take its time: after one that was killed, Airflow starts some attempts twice.
            running.end("scheduler", grace=_SECONDS)
            start("the next scheduler", "scheduler", "--skip-serve-logs")
            _wait(running, lambda: _workers(kubelet) != before)
            (directory / "may-end").touch()
            _wait(running, lambda: _run_state(directory) in ("success", "failed"))
            state = _run_state(directory)
            there = direct(configuration.cluster)
            _wait(running, lambda: not there.list("pods", configuration.namespace))
        finally:
            kubelet.stop()
    return Work(configuration, str(state), list(kubelet.pods.values()))


def test_the_run_succeeds(work: Work):
    assert work.state == "success"


def test_each_attempt_has_its_pods(work: Work):
    found: dict[str, list[str]] = {}
    for pod in work.pods:
        found.setdefault(task_of(pod), []).append(environment(pod)["TRY_NUMBER"])

    assert {task: sorted(attempts) for task, attempts in found.items()} == ATTEMPTS


def test_the_log_of_each_task_is_where_its_sidecar_takes_it_from(work: Work):
    for pod in work.pods:
        assert _log(work, pod).exists()


def test_get_logs_puts_what_a_pod_prints_into_the_log_of_its_task(work: Work):
    assert f"[base] {_PRINTED}" in _log_of(work, "read_from_its_pod")


def test_without_get_logs_it_is_nowhere(work: Work):
    assert _PRINTED not in _log_of(work, "not_read")


def _log_of(work: Work, task: str) -> str:
    pod = next(pod for pod in work.pods if task_of(pod) == task)
    return _log(work, pod).read_text(encoding="utf-8")


def _log(work: Work, pod: dict[str, Any]) -> Path:
    """Return the log file of a pod's task."""
    ids = environment(pod)
    index = f"map_index={ids['MAP_INDEX']}/" if ids["MAP_INDEX"] else ""
    return (
        work.configuration.directory
        / f"logs/dag_id={ids['DAG_ID']}/run_id={ids['RUN_ID']}/task_id={ids['TASK_ID']}"
        / f"{index}attempt={ids['TRY_NUMBER']}.log"
    )


def _run_state(directory: Path) -> str | None:
    """Return the state of the DAG run."""
    found = _select(directory, "select state from dag_run where dag_id = ?", _DAG)
    return str(found[0][0]) if found else None


def _unfinished(directory: Path) -> dict[str, str | None]:
    """Return the states of the task instances that have not succeeded."""
    query = (
        "select task_id, state from task_instance where dag_id = ? "
        "and (state is null or state != 'success')"
    )
    return dict(_select(directory, query, _DAG))


def _select(directory: Path, query: str, *values: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(directory / "airflow.db", timeout=30)) as database:
        return database.execute(query, values).fetchall()


def _workers(kubelet: Kubelet) -> set[str]:
    """Return the jobs of the schedulers to which pods of the long task belong."""
    return {
        str(pod["metadata"]["labels"]["airflow-worker"])
        for pod in list(kubelet.pods.values())
        if task_of(pod) == _OUTLIVES
    }


def _wait(running: Processes, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _SECONDS
    while not holds():
        running.assert_running()
        assert time.monotonic() < deadline, running.logs()
        time.sleep(0.3)
