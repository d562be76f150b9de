"""Pods of tasks: identity, log file, and what the shapes write."""

import subprocess
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from airflow_platform.node.sidecar.release import AIRFLOWS, container, release
from airflow_platform.node.sidecar.task_pod import Task, task_pod
from airflow_platform.node.sidecar.trials import TRIALS
from airflow_platform.support.project import environments
from airflow_platform.verify_logs.attempts import UNMAPPED, Attempt, Run

RUN = Run("sidecar.trials", "manual__2026-01-01T00:00:00+00:00")
TASK = Task(
    Attempt(RUN, "mapped", 2, 3),
    "fast",
    12,
    "3.1.7",
    datetime(2026, 1, 1, 2, 3, 4, tzinfo=UTC),
)
TEXT = replace(TASK, airflow="2.11.2", attempt=Attempt(RUN, "single", UNMAPPED, 1))


@pytest.fixture(scope="module")
def staging():
    return release("staging", "3")


def written(task: Task, tmp_path) -> tuple[int, str]:
    """Run the program of a task; return its exit code and the text of its log file."""
    arguments = task.arguments
    log = tmp_path / "folder" / "attempt=1.log"
    arguments[arguments.index(task.log)] = str(log)
    code = subprocess.run(arguments, check=False).returncode
    return code, log.read_text(encoding="utf-8")


@pytest.mark.parametrize("task", [TASK, TEXT])
@pytest.mark.parametrize(("shape", "code"), [("fast", 0), ("fails", 1)])
def test_a_shape_writes_the_lines_that_are_expected(task, shape, code, tmp_path):
    ended, text = written(replace(task, shape=shape), tmp_path)

    assert ended == code
    assert text.splitlines() == task.written()
    assert text.endswith("\n")


def test_the_last_line_may_lack_its_newline(tmp_path):
    _, text = written(replace(TASK, shape="no-newline"), tmp_path)

    assert text == "\n".join(TASK.written())


def test_each_line_is_unique():
    assert len(set(replace(TASK, lines=20_000).written())) == 20_000


def test_the_formats_are_those_of_airflow():
    assert TASK.written()[4] == (
        '{"timestamp":"2026-01-01T02:03:04.005000Z","level":"info",'
        '"event":"line 5 of mapped[2] 3","logger":"task.stdout"}'
    )
    assert TEXT.written()[4] == (
        "[2026-01-01T02:03:04.005+0000] {task.py:1} INFO - line 5 of single 1"
    )


def test_the_log_is_where_airflow_writes_it():
    run = "/opt/airflow/logs/dag_id=sidecar.trials/run_id=manual__2026-01-01T00:00:00+00:00"

    assert TASK.log == f"{run}/task_id=mapped/map_index=2/attempt=3.log"
    assert TEXT.log == f"{run}/task_id=single/attempt=1.log"


def test_a_pod_has_the_ids_that_the_executor_gives_it(staging):
    metadata = task_pod(staging.template_in("here"), TASK)["metadata"]

    ids = {"dag_id": RUN.dag_id, "task_id": "mapped", "run_id": RUN.run_id, "try_number": "3"}
    assert {**ids, "map_index": "2"}.items() <= metadata["annotations"].items()
    # As make_safe_label_value of Airflow cuts it.
    assert metadata["labels"]["run_id"] == "manual__2026-01-01T0000000000-daff4c10d"
    assert metadata["labels"]["kubernetes_executor"] == "True"
    assert metadata["namespace"] == "here"
    single = task_pod(staging.template_in("here"), TEXT)["metadata"]
    assert "map_index" not in single["annotations"]


def test_nothing_else_of_the_template_changes(staging):
    template = staging.template_in("here")

    pod = task_pod(template, TASK)

    base = container(pod, "base")
    assert base.pop("args") == TASK.arguments
    assert base["env"].pop()["name"] == "AIRFLOW_IS_K8S_EXECUTOR_POD"
    assert pod["spec"] == template["spec"]


@pytest.mark.parametrize("airflow", AIRFLOWS)
@pytest.mark.parametrize("environment", environments())
def test_a_release_has_what_its_task_pods_name(environment, airflow):
    found = release(environment, airflow)

    objects = found.objects_in("here", "http://127.0.0.1:4321")

    names = {(each["kind"], each["metadata"]["name"]) for each in objects}
    assert {("ConfigMap", "airflow-task-logs"), ("ConfigMap", "airflow-config")} <= names
    assert ("ServiceAccount", "airflow-worker") in names
    assert {each["metadata"]["namespace"] for each in objects} == {"here"}
    (config,) = (e for e in objects if e["metadata"]["name"] == "airflow-task-logs")
    assert "endpoint: http://127.0.0.1:4321\n" in config["data"]["vector.yaml"]
    assert found.airflow.startswith(f"{airflow}.")
    assert found.drain_seconds == {"2": 8, "3": 25}[airflow]


@pytest.mark.parametrize("trial", TRIALS.values(), ids=TRIALS)
def test_the_values_of_each_place_are_taken(trial):
    found = release("staging", "3", *trial.place.values)

    objects = found.objects
    if trial.place.without:
        assert trial.place.without in {(e["kind"], e["metadata"]["name"]) for e in objects}
    names = {variable["name"] for variable in found.sidecar["env"]}
    assert ("LOKI_PASSWORD" in names) == (trial.name == "Secret missing")
    assert ("another-architecture" in found.images()["vector"]) == (trial.name == "image broken")
    assert "loki-credentials" not in {each["metadata"]["name"] for each in objects}
