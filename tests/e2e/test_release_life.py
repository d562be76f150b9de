"""An installation of each environment: admitted, ready, tested, left alone, and removed.

The namespace enforces the restricted Pod Security Standard, and its quota refuses containers
without requests and limits.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from pytest_helm_charts.clusters import Cluster as KubeCluster
from pytest_helm_charts.k8s.deployment import wait_for_deployments_to_run
from pytest_helm_charts.k8s.stateful_set import wait_for_stateful_sets_to_run

from airflow_platform.cluster.cluster import Cluster
from airflow_platform.rendering import helm
from airflow_platform.rendering.render import render
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.frozen import thaw
from airflow_platform.support.project import ROOT, environments, values_file

from .direct import direct
from .released import QUOTA, READY, Released, install

_PLATFORM = (values_file("prod"), ROOT / "tests/chart/platform.yaml")
_CELERY = (values_file("prod"), ROOT / "examples/celery/values.yaml")
_BY_WORK = (
    *_CELERY,
    ROOT / "examples/celery/external-broker.yaml",
    ROOT / "examples/celery/keda.yaml",
    ROOT / "examples/celery/mixed.yaml",
    ROOT / "examples/connections/values.yaml",
    ROOT / "examples/dag-delivery/bundles.yaml",
)

_RELEASES = [
    pytest.param(
        (name, (values_file(environment),), major), id=name, marks=pytest.mark.xdist_group(name)
    )
    for environment in environments()
    for major in helm.MAJORS
    for name in [f"{environment}-helm{major}"]
]
_RELEASES += [
    pytest.param(
        (name, values, major),
        id=name,
        marks=[pytest.mark.xdist_group(name), pytest.mark.official_chart],
    )
    for name, values, major in (
        ("platform", _PLATFORM, 3),
        ("platform-celery", (*_PLATFORM, *_CELERY[1:]), 4),
        ("celery-by-work", _BY_WORK, 3),
    )
]


@pytest.fixture(scope="module", params=_RELEASES)
def released(
    request: pytest.FixtureRequest, cluster: Cluster, make_namespace: Callable[[str], str]
) -> Released:
    name, values, major = request.param
    namespace = make_namespace(f"life-{name}")
    direct(cluster).apply([QUOTA], namespace)
    return install(cluster, namespace, None, *values, major=major, options=READY, look_before=True)


def test_the_server_takes_every_object(released: Released) -> None:
    """Strictly: without unknown or repeated fields, in every API version that is used."""
    rendered = render(
        values=released.values,
        helm=released.release.helm,
        namespace=released.namespace,
        upstream=released.upstream,
    )
    objects = [thaw(manifest.document) for manifest in rendered.manifests]
    # Under another field manager than Helm, which owns what is there by now.
    direct(released.cluster).apply(objects, released.namespace, dry=True, force=True)


def test_all_pods_are_there_and_ready(released: Released, kube_cluster: KubeCluster) -> None:
    # The stand-in has none, and these functions want a name.
    if deployments := released.names("deployments"):
        wait_for_deployments_to_run(kube_cluster.kube_client, deployments, released.namespace, 30)
    if stateful_sets := released.names("statefulsets"):
        wait_for_stateful_sets_to_run(
            kube_cluster.kube_client, stateful_sets, released.namespace, 30
        )
    assert all(map(_is_complete, released.objects("jobs")))
    for daemon_set in released.objects("daemonsets"):
        status = daemon_set["status"]
        assert status["numberReady"] == status["desiredNumberScheduled"] > 0, status


def test_helm_test_passes(released: Released) -> None:
    said = released.release.test("--timeout=60s")
    assert "Failed" not in said
    assert "Succeeded" in said or "statsd-exporter" not in str(released.names("deployments"))


def test_an_upgrade_that_changes_nothing_restarts_nothing(released: Released) -> None:
    specs, pods = released.specs(), released.running()
    released.upgrade(options=READY)
    assert released.specs() == specs
    assert released.running() == pods


# The last test: it takes the release away.
def test_uninstall_leaves_keys_and_volumes(released: Released) -> None:
    """What docs/operations.md lists: Secrets that hooks of the official chart make, and data."""
    there = direct(released.cluster)
    name = released.release.name
    secrets = {f"Secret/{name}-{each}" for each in ("broker-url", "fernet-key", "redis-password")}
    claims = {
        f"PersistentVolumeClaim/{each['metadata']['name']}"
        for each in there.list("persistentvolumeclaims", released.namespace)
    }
    assert len(claims) == sum(map(_claims, released.objects("statefulsets")))
    database = {
        f"{each['kind']}/{each['metadata']['name']}"
        for each in there.list(
            "clusters.postgresql.cnpg.io,objectstores.barmancloud.cnpg.io", released.namespace
        )
    }
    released.release.uninstall()
    left = released.left()
    assert claims | database <= left <= claims | database | secrets


def _claims(stateful_set: Mapping[str, Any]) -> int:
    spec = stateful_set["spec"]
    return len(spec.get("volumeClaimTemplates", [])) * int(spec["replicas"])


def _is_complete(job: Mapping[str, Any]) -> bool:
    conditions = job.get("status", {}).get("conditions", [])
    return any(each["type"] == "Complete" and each["status"] == "True" for each in conditions)


def test_a_container_without_requests_is_refused(
    cluster: Cluster, make_namespace: Callable[[str], str]
) -> None:
    """What the quota of these tests is for; a namespace that enforces `restricted` likewise."""
    namespace = make_namespace("quota")
    direct(cluster).apply([QUOTA], namespace)
    security: Mapping[str, Any] = {
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    resources = {"requests": {"cpu": "1m", "memory": "1Mi"}, "limits": {"memory": "1Mi"}}
    good = {"name": "a", "image": "a", "securityContext": security, "resources": resources}
    refused = {
        "requests.cpu for: a": good | {"resources": {}},
        "violates PodSecurity": good | {"securityContext": {}},
        "comand": good | {"comand": ["a"]},
    }
    direct(cluster).apply([_pod(good)], namespace, dry=True)
    for message, container in refused.items():
        with pytest.raises(PlatformError, match=message):
            direct(cluster).apply([_pod(container)], namespace, dry=True)


def _pod(container: Mapping[str, Any]) -> Mapping[str, Any]:
    spec = {"containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": spec}
