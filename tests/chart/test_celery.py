"""CeleryExecutor by the overlays of examples/celery, on top of prod."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.checks.judge import judge
from airflow_platform.checks.kubeconform import default_versions, faults
from airflow_platform.manifests import External, Manifest, Render
from airflow_platform.rendering.helm import MAJORS
from airflow_platform.rendering.render import render
from airflow_platform.support.frozen import thaw
from airflow_platform.support.project import ROOT

from .conftest import EXTERNAL, of_airflow

pytestmark = pytest.mark.official_chart  # the stand-in has no workers

CELERY = ROOT / "examples" / "celery"
OVERLAYS = {
    "Redis": (),
    "external broker": ("external-broker",),
    "KEDA": ("keda",),
    "KEDA and an external broker": ("external-broker", "keda"),
    "HPA": ("hpa",),
    "two executors": ("mixed",),
    "two executors and KEDA": ("mixed", "keda"),
}
VERSIONS = ("3.1.7", "2.11.0")
SECRETS = {"airflow-result-backend": {"connection"}}
EACH = pytest.mark.parametrize("overlay", OVERLAYS)
EACH_VERSION = pytest.mark.parametrize("version", VERSIONS)


def files(overlay: str) -> list[Path]:
    return [CELERY / f"{name}.yaml" for name in ("values", *OVERLAYS[overlay])]


def celery(overlay: str, version: str = "3.1.7", helm: int = 4, **values: Any) -> Render:
    return render("prod", values=[*files(overlay), values], sets=of_airflow(version), helm=helm)


def found_in(rendered: Render) -> list[str]:
    """What all checks find; the Secrets are those that the overlays name."""
    external = External({**EXTERNAL.secrets, **SECRETS}, EXTERNAL.config_maps)
    return [str(each) for each in judge(rendered.replace(external=external)).violations]


def worker(rendered: Render) -> Manifest:
    (found,) = (
        each
        for kind in ("StatefulSet", "Deployment")
        for each in rendered.all(kind)
        if each.name == "airflow-worker"
    )
    return found


def variables(rendered: Render, container: str) -> dict[str, Any]:
    """The variables of the container of that name, in whichever pod has it."""
    (found,) = (
        pod.containers()[container] for pod in rendered.pods() if container in pod.containers()
    )
    return {
        each["name"]: each.get("value", each.get("valueFrom")) for each in found.document["env"]
    }


def test_every_overlay_is_in_a_test() -> None:
    named = {name for names in OVERLAYS.values() for name in names} | {"values"}
    assert {file.stem for file in CELERY.glob("*.yaml")} == named


@EACH
@EACH_VERSION
@pytest.mark.parametrize("helm", MAJORS)
def test_every_check_passes(overlay: str, version: str, helm: int) -> None:
    assert found_in(celery(overlay, version, helm)) == []


def test_a_misspelt_field_of_the_scaled_object_is_found() -> None:
    found = thaw(celery("KEDA").get("ScaledObject", "airflow-worker").document)
    found["spec"]["maxReplicas"] = found["spec"].pop("maxReplicaCount")
    (fault,) = faults(Render.from_text(json.dumps(found)), default_versions()[-1:])
    assert "maxReplicas" in str(fault)


@EACH_VERSION
def test_the_broker_of_ones_own_comes_from_a_secret_and_there_is_no_redis(version: str) -> None:
    rendered = celery("external broker", version)
    assert not [each for each in rendered.manifests if each.name == "airflow-redis"]
    for container in ("scheduler", "worker"):
        found = variables(rendered, container)
        assert found["AIRFLOW__CELERY__BROKER_URL"]["secretKeyRef"]["name"] == "airflow-broker"
        backend = found["AIRFLOW__CELERY__RESULT_BACKEND"]["secretKeyRef"]
        assert backend == {"name": "airflow-result-backend", "key": "connection"}


@EACH_VERSION
def test_keda_scales_the_workers_by_the_database_of_the_secret(version: str) -> None:
    rendered = celery("KEDA", version)
    spec = rendered.get("ScaledObject", "airflow-worker").at("spec")
    target = worker(rendered)
    assert spec["scaleTargetRef"] == {
        "kind": target.kind,
        "name": target.name,
        "envSourceContainerName": "worker",
    }
    (trigger,) = spec["triggers"]
    assert trigger["type"] == "postgresql"
    source = variables(rendered, "worker")[trigger["metadata"]["connectionFromEnv"]]
    assert source == {"secretKeyRef": {"name": "airflow-database", "key": "connection"}}
    assert "replicas" not in target.at("spec")
    assert not rendered.all("HorizontalPodAutoscaler")


@pytest.mark.parametrize(
    ("overlay", "condition"),
    [
        ("KEDA", "queue IN ('default')"),
        ("two executors and KEDA", "AND executor IS DISTINCT FROM 'KubernetesExecutor'"),
    ],
)
def test_keda_counts_the_tasks_of_the_workers(overlay: str, condition: str) -> None:
    (trigger,) = celery(overlay).get("ScaledObject", "airflow-worker").at("spec", "triggers")
    query = trigger["metadata"]["query"]
    assert "SELECT ceil(COUNT(*)::decimal / 16)" in query
    assert condition in query


def test_the_autoscaler_looks_at_a_container_that_asks_for_cpu() -> None:
    rendered = celery("HPA")
    spec = rendered.get("HorizontalPodAutoscaler", "airflow-worker").at("spec")
    assert spec["scaleTargetRef"]["name"] == worker(rendered).name
    (metric,) = spec["metrics"]
    (pod,) = (pod for pod in rendered.pods() if pod.owner.name == "airflow-worker")
    container = pod.containers()[metric["containerResource"]["container"]]
    assert container.document["resources"]["requests"]["cpu"]


@EACH
def test_workers_have_the_sidecar_a_budget_and_time_to_finish(overlay: str) -> None:
    rendered = celery(overlay)
    (pod,) = (pod for pod in rendered.pods() if pod.owner.name == "airflow-worker")
    assert pod.containers()["vector"].document["restartPolicy"] == "Always"
    assert pod.spec["terminationGracePeriodSeconds"] == 600
    budget = rendered.get("PodDisruptionBudget", "airflow-worker-pdb").at("spec")
    labels = worker(rendered).at("spec", "template", "metadata", "labels")
    assert budget["selector"]["matchLabels"].items() <= labels.items()
    assert budget["maxUnavailable"] == 1


def restricted(rendered: Render, name: str) -> Iterator[tuple[Any, Any]]:
    """Yield the security contexts of the pod and of each container of a workload."""
    for pod in rendered.pods():
        if pod.owner.name == name:
            for container in pod.containers().values():
                yield pod.spec["securityContext"], container.document["securityContext"]


def test_redis_runs_as_its_own_user_in_a_restricted_namespace() -> None:
    """tests/e2e/test_release_life.py installs it in one."""
    found = list(restricted(celery("Redis"), "airflow-redis"))
    assert found
    for pod, container in found:
        assert pod["runAsUser"] == pod["fsGroup"] == 999
        assert pod["runAsNonRoot"] is True
        assert container["allowPrivilegeEscalation"] is False


def test_two_executors_have_workers_and_task_pods() -> None:
    rendered = celery("two executors")
    assert worker(rendered)
    (config,) = rendered.embedded("AirflowConfig")
    assert config.document["core"]["executor"] == "CeleryExecutor,KubernetesExecutor"
    (task_pod,) = (pod for pod in rendered.pods() if "base" in pod.containers())
    assert "vector" in task_pod.containers()
    assert rendered.get("CronJob", "airflow-cleanup")
