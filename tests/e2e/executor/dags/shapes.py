"""A DAG whose tasks ask for different pods. They never run: only their pods are made."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kubernetes.client import models as k8s

try:
    from airflow.sdk import dag, task, task_group
except ImportError:  # Airflow 2
    from airflow.decorators import dag, task, task_group

# What a namespace that enforces the Pod Security Standard `restricted` asks of a container.
RESTRICTED = k8s.V1SecurityContext(
    allow_privilege_escalation=False, capabilities=k8s.V1Capabilities(drop=["ALL"])
)


def container(name: str, **fields: Any) -> k8s.V1Container:
    return k8s.V1Container(
        name=name, image="busybox", command=["true"], security_context=RESTRICTED, **fields
    )


def override(annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, k8s.V1Pod]:
    """Return an executor_config; a pod_override has the container of the task."""
    spec = {"containers": [k8s.V1Container(name="base")]} | spec
    metadata = k8s.V1ObjectMeta(annotations=annotations)
    return {"pod_override": k8s.V1Pod(metadata=metadata, spec=k8s.V1PodSpec(**spec))}


SHAPES: dict[str, dict[str, Any]] = {
    "plain": {},
    "own_init_container": override(init_containers=[container("fetch")]),
    "own_native_sidecar": override(init_containers=[container("proxy", restart_policy="Always")]),
    "own_container": override(containers=[k8s.V1Container(name="base"), container("helper")]),
    "own_volume": override(
        containers=[
            k8s.V1Container(
                name="base", volume_mounts=[k8s.V1VolumeMount(name="cache", mount_path="/cache")]
            )
        ],
        volumes=[k8s.V1Volume(name="cache", empty_dir=k8s.V1EmptyDirVolumeSource())],
    ),
    "own_security_context": override(
        security_context=k8s.V1PodSecurityContext(
            run_as_user=1234,
            run_as_non_root=True,
            seccomp_profile=k8s.V1SeccompProfile(type="RuntimeDefault"),
        )
    ),
    "own_image_and_resources": override(
        containers=[
            k8s.V1Container(
                name="base",
                image="example.com/tasks:1",
                resources=k8s.V1ResourceRequirements(requests={"memory": "3Gi"}),
            )
        ]
    ),
    "own_grace_period": override(termination_grace_period_seconds=5),
    "memory_for_the_sidecar": override(
        init_containers=[
            k8s.V1Container(
                name="vector",
                resources=k8s.V1ResourceRequirements(
                    requests={"cpu": "5m", "memory": "40Mi"}, limits={"memory": "1Gi"}
                ),
            )
        ]
    ),
    "second_logs_volume": override(
        volumes=[k8s.V1Volume(name="logs", empty_dir=k8s.V1EmptyDirVolumeSource())]
    ),
    "fails": override({"kwok.airflow-platform/exit-code": "1"}),
    "may_be_root": override(
        containers=[k8s.V1Container(name="base"), k8s.V1Container(name="helper", image="busybox")]
    ),
    "in_another_namespace": {
        "pod_override": k8s.V1Pod(metadata=k8s.V1ObjectMeta(namespace="default"))
    },
    "succeeds": {},
    "deferrable": {},
    "resumes_soon": {},
    "outlives_its_scheduler": {},
    "ends_without_a_scheduler": {},
    "never_gets_a_pod": {},
}

# The pod templates with faults that a test has written, by the name of the task.
BROKEN = {
    path.stem: {"pod_template_file": str(path)}
    for path in Path(os.environ["BROKEN_TEMPLATES"]).glob("broken_*.yaml")
}


@dag("executor.shapes", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC))
def shapes():
    def work() -> None:
        pass

    for task_id, config in (SHAPES | BROKEN).items():
        task(work, task_id=task_id, executor_config=config)()

    @task_group(group_id="größe")
    def group():
        task(work, task_id="müller")()

    group()
    task(lambda number: None, task_id="mapped").expand(number=[1, 2])


shapes()
