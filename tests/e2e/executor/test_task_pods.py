"""The pods that Airflow's executor makes of the rendered pod template, as they are stored."""

from dataclasses import dataclass
from typing import Any

import pytest

from .executor import BROKEN, DAG, RUN, Executor
from .sidecar import drain_seconds, environment, faults

# Tasks of dags/shapes.py that leave the sidecar as it is.
SHAPES = (
    "plain",
    "own_init_container",
    "own_native_sidecar",
    "own_container",
    "own_volume",
    "own_security_context",
    "own_image_and_resources",
    "own_grace_period",
    "größe.müller",
    "mapped[0]",
    "mapped[1]",
)
CHANGES_THE_SIDECAR = "memory_for_the_sidecar"
# What the API server says of pods that it refuses.
REFUSED = {
    "second_logs_volume": 'Duplicate value: "logs"',
    "may_be_root": 'violates PodSecurity "restricted:latest"',
    "in_another_namespace": 'API group "" in the namespace "default"',
}


@dataclass(frozen=True)
class Launched:
    """What came of tasks that were queued."""

    executor: Executor
    pods: dict[str, dict[str, Any]]  # by task instance
    told: dict[str, str | None]  # states, by task instance


@pytest.fixture(scope="session")
def launched(executor: Executor) -> Launched:
    tasks = (*SHAPES, CHANGES_THE_SIDECAR, *BROKEN)
    executor.call("queue", *tasks, *REFUSED)
    told = executor.heartbeats_until(lambda told: all(told.get(t) == "failed" for t in REFUSED))
    return Launched(executor, executor.running_pods(*tasks), told)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_sidecar_is_the_templates_whatever_a_task_overrides(launched: Launched, shape: str):
    assert not faults(launched.pods[shape], launched.executor.template)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_sidecar_learns_the_ids_of_the_task(launched: Launched, shape: str):
    pod = launched.pods[shape]
    task, _, index = shape.removesuffix("]").partition("[")

    assert environment(pod) == {
        "DAG_ID": DAG,
        "TASK_ID": task,
        "RUN_ID": RUN,
        "TRY_NUMBER": "1",
        "MAP_INDEX": index,
        "POD_NAME": pod["metadata"]["name"],
        "POD_NAMESPACE": launched.executor.namespace,
        "POD_UID": pod["metadata"]["uid"],
        "NODE_NAME": pod["spec"]["nodeName"],
    }


def test_a_task_can_give_its_sidecar_more_memory(launched: Launched):
    pod = launched.pods[CHANGES_THE_SIDECAR]

    (fault,) = faults(pod, launched.executor.template)

    assert fault.startswith("vector.resources.limits.memory is '1Gi'")


def test_a_task_can_take_the_time_from_the_drain(launched: Launched):
    pod = launched.pods["own_grace_period"]

    assert pod["spec"]["terminationGracePeriodSeconds"] == 5 < drain_seconds(pod)


def test_a_native_sidecar_of_a_task_ends_before_the_drain(launched: Launched):
    pod = launched.pods["own_native_sidecar"]

    names = [container["name"] for container in pod["spec"]["initContainers"]]
    assert names.index("vector") < names.index("proxy")


@pytest.mark.parametrize("task", REFUSED)
def test_a_pod_that_the_api_server_refuses_fails_the_task_and_says_why(launched: Launched, task):
    assert launched.told[task] == "failed"
    assert not launched.executor.pods(task)
    assert REFUSED[task] in launched.executor.log.read_text(encoding="utf-8").replace("\\", "")


def test_a_template_whose_sidecar_has_no_restart_policy_is_seen(launched: Launched):
    pod = launched.pods["broken_without_restart_policy"]

    assert faults(pod, launched.executor.template) == ["vector.restartPolicy is None, not 'Always'"]


def test_a_template_that_reads_an_id_from_a_label_is_seen(launched: Launched):
    pod = launched.pods["broken_reads_a_label"]

    assert environment(pod)["RUN_ID"] != RUN


def test_a_template_whose_sidecar_is_an_ordinary_container_is_seen(launched: Launched):
    pod = launched.pods["broken_among_the_containers"]

    assert faults(pod, launched.executor.template)
