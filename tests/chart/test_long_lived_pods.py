"""Celery workers and triggerers get the sidecar of task pods, by the overlays in examples/."""

from collections.abc import Mapping
from typing import Any

import pytest

from airflow_platform.manifests import Pod, Render
from airflow_platform.rendering.helm import MAJORS
from airflow_platform.rendering.render import render
from airflow_platform.support import strict_yaml
from airflow_platform.support.frozen import thaw
from airflow_platform.support.project import ROOT

pytestmark = pytest.mark.official_chart  # the stand-in has no workers and no triggerer

OVERLAYS = {
    "celery": ("airflow-worker", "airflow-triggerer"),
    "triggerer": ("airflow-triggerer",),
}
# A volume for each Secret that there can be.
SETTINGS: Mapping[str, Any] = {
    "taskLogs": {
        "loki": {
            "auth": {"secretName": "loki-credentials"},
            "tls": {"caSecretName": "loki-ca", "clientSecretName": "vector-client"},
        }
    }
}


def rendered(overlay: str, helm: int) -> Render:
    """Prod with the overlay of ``examples/``, and an entry of the user's own after each of ours."""
    values: dict[str, Any] = strict_yaml.load_file(ROOT / "examples" / overlay / "values.yaml")
    for component in {"workers", "triggerer"} & values["airflow"].keys():
        lists = values["airflow"][component]
        lists["extraInitContainers"].append({"name": "warm-up", "image": "example.com/warm-up:1"})
        lists["extraVolumes"].append({"name": "models", "emptyDir": {}})
    return render("prod", helm=helm, values=[{**values, "global": SETTINGS}])


def pod_of(render: Render, name: str) -> Pod:
    (pod,) = (pod for pod in render.pods() if name in (pod.key, pod.owner.name))
    return pod


def sidecar(pod: Pod) -> dict[str, Any]:
    """The sidecar without the mount of its data."""
    document: dict[str, Any] = thaw(pod.containers()["vector"].document)
    document["volumeMounts"] = [
        mount for mount in document["volumeMounts"] if mount["mountPath"] != "/var/lib/vector"
    ]
    return document


def volumes(pod: Pod) -> Mapping[str, Any]:
    """The sidecar's volumes without the one of its data."""
    return {
        name: volume
        for name, volume in pod.volumes().items()
        if name.startswith("task-logs-") and name != "task-logs-data"
    }


@pytest.fixture(params=MAJORS, ids=lambda major: f"helm{major}")
def helm_major(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_sidecar_is_the_one_of_task_pods(overlay: str, helm_major: int) -> None:
    task_pod = pod_of(render("prod", values=[{"global": SETTINGS}]), "pod_template_file.yaml")
    for name in OVERLAYS[overlay]:
        pod = pod_of(rendered(overlay, helm_major), name)
        assert sidecar(pod) == sidecar(task_pod), str(pod)
        assert volumes(pod) == volumes(task_pod), str(pod)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_entries_of_the_users_own_stay(overlay: str) -> None:
    for name in OVERLAYS[overlay]:
        pod = pod_of(rendered(overlay, MAJORS[0]), name)
        assert pod.containers()["warm-up"].document["image"] == "example.com/warm-up:1"
        assert pod.volumes()["models"] == {"name": "models", "emptyDir": {}}


def test_what_was_delivered_is_remembered_with_the_logs() -> None:
    """A restarted pod that found the logs but no checkpoints would deliver all of them again."""
    pod = pod_of(rendered("celery", MAJORS[0]), "airflow-worker")
    mounts = {
        mount["mountPath"]: mount for mount in pod.containers()["vector"].document["volumeMounts"]
    }
    assert mounts["/var/lib/vector"]["name"] == mounts["/opt/airflow/logs"]["name"]


def test_next_to_celery_a_task_pod_of_kubernetes_executor_has_one_sidecar() -> None:
    """The official chart puts ``workers.extraInitContainers`` into both kinds of pods."""
    both = "airflow.executor=CeleryExecutor\\,KubernetesExecutor"
    overlay = ROOT / "examples" / "celery" / "values.yaml"
    pod = pod_of(render("prod", values=[overlay], sets=(both,)), "pod_template_file.yaml")
    names = [container["name"] for container in pod.spec["initContainers"]]
    assert names.count("vector") == 1
    assert pod.volumes()["task-logs-data"]["emptyDir"]
