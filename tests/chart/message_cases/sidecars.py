"""What the wrapper refuses because the sidecar would be missing or stopped too early."""

from collections.abc import Mapping
from typing import Any

from .case import Case, airflow, wrapper

MISSING = (
    "Task logs of these pods would be lost, because a list lacks the entry of the chart's sidecar"
    " (Helm replaces lists):\n\n- airflow."
)
TAKEN = (
    "The chart's sidecar for task logs has these names, and Kubernetes refuses a pod that has a"
    " name twice:\n\n- airflow."
)
SHORT = (
    "The drain of task logs may take {} s, but these pods are killed after their grace"
    " period:\n\n- {}\n"
)
EARLY = (
    "The drain of task logs may have no network, because another native sidecar, such as a mesh"
    " proxy, starts after the chart's and is stopped before it:\n\n- airflow."
)
VECTOR = {"name": 'vector{{ include "observability.taskLogs.initContainerFields" . }}'}
PROXY = {"name": "istio-proxy", "image": "example.com/proxy:1", "restartPolicy": "Always"}
CELERY: Mapping[str, Any] = {
    "executor": "CeleryExecutor",
    "data": {"brokerUrlSecretName": "airflow-broker-url"},
}
WARM_UP = {"name": "warm-up", "image": "example.com/warm-up:1"}
MODELS = {"name": "models", "emptyDir": {}}


def celery(message: str, executor: str = "CeleryExecutor", **workers: Any) -> Case:
    return airflow(message, **{**CELERY, "executor": executor}, workers=workers)


def local(executor: str) -> Case:
    return airflow(
        f"{MISSING}scheduler.extraInitContainers (schedulers, in which", executor=executor
    )


CASES: Mapping[str, Case] = {
    "pod template of one's own": airflow(
        "Task pods would have no sidecar, and their logs would be lost",
        podTemplate="{kind: Pod, spec: {containers: [{name: base}]}}",
    ),
    "pod template that the chart's own is only a comment in": airflow(
        "Task pods would have no sidecar, and their logs would be lost",
        podTemplate='# instead of {{ include "observability.taskLogs.podTemplate" . }}'
        "\n{kind: Pod, spec: {containers: [{name: base}]}}",
    ),
    "pod template whose sidecar is an ordinary init container": airflow(
        "Task pods would have no sidecar, and their logs would be lost",
        podTemplate="{kind: Pod, spec: {initContainers: [{name: vector}], containers: []}}",
    ),
    "no pod template": airflow(
        "Task pods would have no sidecar, and their logs would be lost",
        executor="CeleryExecutor,KubernetesExecutor",
        data=CELERY["data"],
        podTemplate=None,
    ),
    "a mesh proxy after the sidecar of triggerers": airflow(
        f"{EARLY}triggerer.extraInitContainers (triggerers)\n\n",
        triggerer={"extraInitContainers": [VECTOR, PROXY]},
    ),
    "a mesh proxy after the sidecar of a worker set": celery(
        f"{EARLY}workers.celery.sets.extraInitContainers (Celery workers of the set large)\n\n",
        celery={"sets": [{"name": "large", "extraInitContainers": [WARM_UP, VECTOR, PROXY]}]},
    ),
    "init containers of triggerers": airflow(
        f"{MISSING}triggerer.extraInitContainers (triggerers)\n\n",
        triggerer={"extraInitContainers": [WARM_UP]},
    ),
    "volumes of triggerers": airflow(
        f"{MISSING}triggerer.extraVolumes (triggerers)\n\n", triggerer={"extraVolumes": [MODELS]}
    ),
    "init containers of Celery workers": celery(
        f"{MISSING}workers.extraInitContainers (Celery workers)\n\n", extraInitContainers=[WARM_UP]
    ),
    "Celery workers and triggerers": airflow(
        f"{MISSING}workers.extraInitContainers (Celery workers)\n- airflow.triggerer.extraVolumes",
        **CELERY,
        workers={"extraInitContainers": [WARM_UP]},
        triggerer={"extraVolumes": [MODELS]},
    ),
    "Celery next to Kubernetes": celery(
        f"{MISSING}workers.extraInitContainers (Celery workers)\n\n",
        executor="KubernetesExecutor,CeleryExecutor",
        extraInitContainers=[WARM_UP],
    ),
    "Celery by an alias and a module": celery(
        f"{MISSING}workers.extraVolumes (Celery workers)\n\n",
        executor="KubernetesExecutor,big:airflow.providers.celery.executors.celery_executor.CeleryExecutor",
        extraVolumes=[MODELS],
    ),
    "Celery of a team": celery(
        f"{MISSING}workers.extraVolumes (Celery workers)\n\n",
        executor="KubernetesExecutor;data=CeleryExecutor",
        extraVolumes=[MODELS],
    ),
    "hybrid with Celery": celery(
        f"{MISSING}workers.extraVolumes (Celery workers)\n\n",
        executor="CeleryKubernetesExecutor",
        extraVolumes=[MODELS],
    ),
    "lists of workers.celery": celery(
        f"{MISSING}workers.celery.extraInitContainers (Celery workers)\n\n",
        celery={"extraInitContainers": [WARM_UP]},
    ),
    "lists of a worker set": celery(
        f"{MISSING}workers.celery.sets.extraInitContainers (Celery workers of the set big)\n\n",
        celery={
            "sets": [
                {"name": "small", "queue": "small"},
                {"name": "big", "queue": "big", "extraInitContainers": [WARM_UP]},
            ]
        },
    ),
    "LocalExecutor": local("LocalExecutor"),
    "LocalExecutor next to Kubernetes": local("KubernetesExecutor,LocalExecutor"),
    "hybrid with LocalExecutor": local("LocalKubernetesExecutor"),
    "SequentialExecutor": local("SequentialExecutor"),
    "a log shipper of one's own": airflow(
        f"{TAKEN}workers.extraContainers: vector\n\nThe chart's sidecar ships the task logs",
        workers={
            "extraContainers": [{"name": "vector", "image": "registry.example.com/vector:0.40.0"}]
        },
    ),
    "a container with the sidecar's name": airflow(
        f"{TAKEN}workers.extraContainers: vector\n\nGive it another name",
        workers={"extraContainers": [{"name": "vector", "image": "example.com/maths:1"}]},
    ),
    "an init container with the sidecar's name": airflow(
        f"{TAKEN}triggerer.extraInitContainers: vector\n",
        triggerer={"extraInitContainers": [{"name": "vector", "image": "fluent/fluent-bit:3"}]},
    ),
    "a container of a worker set with the sidecar's name": celery(
        f"{TAKEN}workers.celery.sets.extraContainers: vector\n",
        celery={
            "sets": [
                {
                    "name": "big",
                    "queue": "big",
                    "extraContainers": [{"name": "vector", "image": "example.com/maths:1"}],
                }
            ]
        },
    ),
    "a volume with a name of the sidecar's": airflow(
        f"{TAKEN}workers.extraVolumes: task-logs-data\n",
        workers={
            "extraVolumes": [{"name": "task-logs-data", "emptyDir": {}}],
            "extraVolumeMounts": [{"name": "task-logs-data", "mountPath": "/data"}],
        },
    ),
    "a volume of all pods with a name of the sidecar's": airflow(
        f"{TAKEN}volumes: task-logs-config\n",
        volumes=[{"name": "task-logs-config", "emptyDir": {}}],
        volumeMounts=[{"name": "task-logs-config", "mountPath": "/data"}],
    ),
    "grace period of task pods": airflow(
        SHORT.format(25, "task pods: 0 s"), workers={"terminationGracePeriodSeconds": 0}
    ),
    "grace period of triggerers": airflow(
        SHORT.format(25, "triggerers: 20 s"), triggerer={"terminationGracePeriodSeconds": 20}
    ),
    "grace period of a worker set": celery(
        SHORT.format(25, "Celery workers of the set big: 10 s"),
        celery={"sets": [{"name": "big", "queue": "big", "terminationGracePeriodSeconds": 10}]},
    ),
    "long drain": wrapper(
        SHORT.format(600, "task pods: 600 s\n- triggerers: 60 s"),
        {"global": {"taskLogs": {"drain": {"timeoutSeconds": 600}}}},
    ),
}
