"""How Airflows are tried side by side, and which pods are those of a task."""

from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_platform.e2e.report import Outcome
from airflow_platform.node.airflow import trial
from airflow_platform.node.airflow.configuration import FILES
from airflow_platform.node.airflow.trial import STEPS, AirflowTrial, try_airflows
from airflow_platform.support.airflow_install import VERSIONS
from airflow_platform.support.errors import PlatformError

EXECUTOR, OPERATOR = "kubernetes_executor", "kubernetes_pod_operator"


def pod(name: str, made_by: str, labels: dict[str, str], **annotations: str) -> dict[str, Any]:
    return {
        "metadata": {
            "name": name,
            "labels": {made_by: "True", **labels},
            "annotations": annotations,
        }
    }


PODS = [
    # A label cannot have all that an id can.
    pod("own", EXECUTOR, {"dag_id": "d", "task_id": "t.1-abc"}, dag_id="d", task_id="t.1"),
    pod("other task", EXECUTOR, {}, dag_id="d", task_id="t.2"),
    pod("injected job", OPERATOR, {"dag_id": "d"}, dag_id="d", task_id="t.1"),
    pod("job left alone", OPERATOR, {"dag_id": "d", "task_id": "t.1"}),
]


@pytest.fixture
def tried(tmp_path) -> AirflowTrial:
    """An Airflow of whose pods the API server has told."""
    node: Any = SimpleNamespace()
    made: Any = AirflowTrial(node, VERSIONS[0], tmp_path, ExitStack())
    made.configuration = SimpleNamespace(namespace="n")
    made.watch = SimpleNamespace(of=lambda namespace: PODS if namespace == "n" else [])
    return made


def test_pods_of_a_task_are_not_those_of_its_job(tried):
    assert [each["metadata"]["name"] for each in tried.pods("d", "t.1")] == ["own"]


def test_jobs_are_known_by_annotations_and_by_labels(tried):
    found = tried.pods("d", "t.1", job=True)
    assert [each["metadata"]["name"] for each in found] == ["injected job", "job left alone"]


@pytest.fixture
def applied():
    """What is applied to the cluster of ``node``."""
    return []


@pytest.fixture
def node(applied):
    return SimpleNamespace(cluster=SimpleNamespace(kubectl=lambda *said: applied.append(said)))


def test_airflows_share_the_policy_of_the_node(monkeypatch, node, applied):
    monkeypatch.setattr(trial, "try_airflow", lambda _node, _airflow: iter(()))
    assert list(try_airflows(node)) == []
    assert applied == [("apply", f"--filename={FILES / 'policy.yaml'}")]


def test_all_outcomes_of_all_airflows_come(monkeypatch, node):
    def one(_node, airflow):
        yield Outcome("first", "PASS", str(airflow))
        yield Outcome("second", "FAIL", str(airflow))

    monkeypatch.setattr(trial, "try_airflow", one)
    found = [(str(airflow), outcome.step, outcome.text) for airflow, outcome in try_airflows(node)]

    names = [str(each) for each in VERSIONS]
    assert sorted(found) == sorted((n, s, n) for n in names for s in ("first", "second"))


def test_a_trial_that_breaks_is_no_success(monkeypatch, node):
    def breaks(_node, airflow):
        yield Outcome("first", "PASS", "")
        raise PlatformError(f"{airflow} is broken")

    monkeypatch.setattr(trial, "try_airflow", breaks)
    with pytest.raises(PlatformError, match="is broken"):
        list(try_airflows(node))


def test_each_step_has_a_name_of_its_own():
    names = [step.name for step in STEPS]
    assert len(names) == len({*names})
