"""Pods that run many tasks have the sidecar of task pods, by default or by a user's entries."""

from collections.abc import Mapping
from typing import Any

import pytest

from airflow_platform.manifests import Pod, Render
from airflow_platform.rendering.helm import MAJORS
from airflow_platform.rendering.render import render
from airflow_platform.rendering.values import merged
from airflow_platform.support import strict_yaml
from airflow_platform.support.frozen import thaw
from airflow_platform.support.project import ROOT

pytestmark = pytest.mark.official_chart  # the stand-in has no workers and no triggerer

EXAMPLE = strict_yaml.load_file(ROOT / "examples" / "celery" / "values.yaml")
TRIGGERER = strict_yaml.load_file(ROOT / "values.yaml")["airflow"]["triggerer"]
ENTRIES = {key: TRIGGERER[key] for key in ("extraInitContainers", "extraVolumes")}

# What is installed, and the pods that have the sidecar besides task pods.
INSTALLATIONS: Mapping[str, tuple[Mapping[str, Any], set[str]]] = {
    "KubernetesExecutor": ({}, {"airflow-triggerer"}),
    "CeleryExecutor": (EXAMPLE, {"airflow-triggerer", "airflow-worker"}),
    "both": (
        merged(EXAMPLE, {"airflow": {"executor": "CeleryExecutor,KubernetesExecutor"}}),
        {"airflow-triggerer", "airflow-worker"},
    ),
    "worker sets": (
        merged(
            EXAMPLE,
            {"airflow": {"workers": {"celery": {"sets": [{"name": "big", "queue": "big"}]}}}},
        ),
        {"airflow-triggerer", "airflow-worker", "airflow-worker-big"},
    ),
    "LocalExecutor": (
        {
            "airflow": {
                "executor": "LocalExecutor",
                "scheduler": {**ENTRIES, "terminationGracePeriodSeconds": 30},
            }
        },
        {"airflow-triggerer", "airflow-scheduler"},
    ),
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


def pod_of(render: Render, name: str) -> Pod:
    (pod,) = (pod for pod in render.pods() if name in (pod.key, pod.owner.name))
    return pod


def sidecar(pod: Pod) -> dict[str, Any]:
    """The sidecar without what only one of the two kinds of pods has, and the mount of its data."""
    document: dict[str, Any] = thaw(pod.containers()["vector"].document)
    document["env"] = [
        each
        for each in document["env"]
        if each["name"] not in ("START_MARKED", "SETTINGS_CHECKSUM")
    ]
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


@pytest.mark.parametrize("installation", INSTALLATIONS)
def test_the_sidecar_is_the_one_of_task_pods(installation: str, helm_major: int) -> None:
    task_pod = pod_of(render("prod", values=[{"global": SETTINGS}]), "pod_template_file.yaml")
    values, expected = INSTALLATIONS[installation]
    rendered = render("prod", helm=helm_major, values=[values, {"global": SETTINGS}])
    with_sidecar = {
        pod.owner.name for pod in rendered.pods() if not pod.key and "vector" in pod.containers()
    }
    assert with_sidecar == expected
    for name in expected:
        pod = pod_of(rendered, name)
        assert sidecar(pod) == sidecar(task_pod), str(pod)
        assert volumes(pod) == volumes(task_pod), str(pod)


def test_entries_of_the_users_own_stay() -> None:
    lists = {
        "extraInitContainers": [
            *ENTRIES["extraInitContainers"],
            {"name": "warm-up", "image": "example.com/warm-up:1"},
        ],
        "extraVolumes": [*ENTRIES["extraVolumes"], {"name": "models", "emptyDir": {}}],
    }
    own = merged(EXAMPLE, {"airflow": {"workers": lists, "triggerer": lists}})
    rendered = render("prod", values=[own])
    for name in ("airflow-worker", "airflow-triggerer"):
        pod = pod_of(rendered, name)
        assert pod.containers()["vector"].role == "sidecar"
        assert pod.containers()["warm-up"].document["image"] == "example.com/warm-up:1"
        assert pod.volumes()["models"] == {"name": "models", "emptyDir": {}}


def test_what_was_delivered_is_remembered_with_the_logs() -> None:
    """A restarted pod that found the logs but no checkpoints would deliver all of them again."""
    pod = pod_of(render("prod"), "airflow-triggerer")
    mounts = {
        mount["mountPath"]: mount for mount in pod.containers()["vector"].document["volumeMounts"]
    }
    assert mounts["/var/lib/vector"]["name"] == mounts["/opt/airflow/logs"]["name"]


def test_next_to_celery_a_task_pod_of_kubernetes_executor_has_one_sidecar() -> None:
    """The official chart puts ``workers.extraInitContainers`` into both kinds of pods."""
    values, _ = INSTALLATIONS["both"]
    pod = pod_of(render("prod", values=[values]), "pod_template_file.yaml")
    names = [container["name"] for container in pod.spec["initContainers"]]
    assert names.count("vector") == 1
    assert pod.volumes()["task-logs-data"]["emptyDir"]


@pytest.mark.parametrize(
    ("settings", "user"),
    [
        ({"uid": 0}, 50000),
        ({"securityContexts": {"pod": {"runAsUser": 0}}}, 50000),
        ({"securityContexts": {"pod": {"runAsUser": 1000}}}, 1000),
    ],
)
def test_the_sidecar_is_the_user_of_the_pod_but_never_root(
    settings: Mapping[str, Any], user: int
) -> None:
    """Kubernetes would not start it as root, for it says that it runs as another user."""
    pod = pod_of(render("prod", values=[{"airflow": settings}]), "airflow-triggerer")
    assert pod.containers()["vector"].document["securityContext"]["runAsUser"] == user


def test_without_task_logs_what_is_left_of_the_entries_does_nothing(helm_major: int) -> None:
    values, _ = INSTALLATIONS["both"]
    off = {"global": {"taskLogs": {"enabled": False}}}
    rendered = render("prod", helm=helm_major, values=[values, off])
    for name in ("airflow-worker", "airflow-triggerer"):
        pod = pod_of(rendered, name)
        container = pod.containers()["vector-off"]
        assert container.role == "init"
        assert container.document["command"] == ("true",)
        assert (
            container.document["image"]
            == pod.containers()["wait-for-airflow-migrations"].document["image"]
        )
        assert pod.volumes()["task-logs-config-off"]["emptyDir"] == {}
    task_pod = pod_of(rendered, "pod_template_file.yaml")
    assert not {"vector", "vector-off"} & task_pod.containers().keys()
    assert not [name for name in task_pod.volumes() if name.startswith("task-logs")]


@pytest.mark.parametrize(
    ("values", "changes"),
    [
        ({"global": {"taskLogs": {"loki": {"batch": {"timeoutSeconds": 2}}}}}, True),
        ({"global": {"taskLogs": {"redaction": {"patterns": {"customer": "c[0-9]+"}}}}}, True),
        ({"observability": {"serviceMonitor": {"interval": "10s"}}}, False),
    ],
    ids=["Vector", "redaction", "monitor"],
)
@pytest.mark.parametrize("executor", ["CeleryExecutor", "LocalExecutor"])
def test_other_settings_of_task_logs_make_other_pods(
    executor: str, values: Mapping[str, Any], changes: bool
) -> None:
    """Vector reads its configuration when it starts."""
    installed, names = INSTALLATIONS[executor]
    before, after = (render("prod", values=[installed, more]) for more in ({}, values))
    for name in names:
        assert (pod_of(before, name).spec != pod_of(after, name).spec) == changes, name
