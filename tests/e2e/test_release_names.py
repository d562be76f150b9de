"""Releases beside each other, and names as long as they can be."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from pytest_helm_charts.clusters import Cluster as KubeCluster
from pytest_helm_charts.k8s.deployment import wait_for_deployments_to_run
from pytest_helm_charts.k8s.stateful_set import wait_for_stateful_sets_to_run

from airflow_platform.cluster.cluster import Cluster
from airflow_platform.support.errors import PlatformError

from .direct import direct
from .released import ONE_REPLICA, READY, Released, install

pytestmark = pytest.mark.xdist_group("release names")

_LONGEST = "a" * 41  # README.md, "Limits"
_LONGEST_ADD_ON = "a" * 53


@pytest.mark.official_chart
def test_two_releases_in_a_namespace_and_one_in_another(
    cluster: Cluster, make_namespace: Callable[[str], str]
) -> None:
    shared, other = make_namespace("shared"), make_namespace("other")
    first = install(cluster, shared, "prod", ONE_REPLICA, major=3)
    second = install(cluster, shared, "prod", ONE_REPLICA, name="second")
    third = install(cluster, other, "prod", ONE_REPLICA)
    for released in (first, second, third):
        _selects_only_its_own(released)
    patch = '{"spec": {"selector": {"release": null}}}'
    where = f"--namespace={shared}"
    cluster.kubectl("patch", "service", "airflow-api-server", where, f"--patch={patch}")
    with pytest.raises(AssertionError, match="Service/airflow-api-server"):
        _selects_only_its_own(first)
    second.release.uninstall()
    assert {*first.specs()} == {*third.specs()}

    # Releases that share a name are refused: neither takes objects of the other.
    same = {"airflow": {"fullnameOverride": "airflow", "useStandardNaming": True}}
    with pytest.raises(PlatformError, match="exists and cannot be imported"):
        install(cluster, shared, "prod", same, name="second")


@pytest.mark.official_chart
def test_the_longest_name_of_a_release(
    cluster: Cluster, make_namespace: Callable[[str], str], kube_cluster: KubeCluster
) -> None:
    namespace = make_namespace("longest")
    released = install(cluster, namespace, "prod", ONE_REPLICA, name=_LONGEST, options=READY)
    client = kube_cluster.kube_client
    wait_for_deployments_to_run(client, released.names("deployments"), namespace, 30)
    wait_for_stateful_sets_to_run(client, released.names("statefulsets"), namespace, 30)
    with pytest.raises(PlatformError, match="at most 41 characters"):
        install(cluster, namespace, "prod", name=f"{_LONGEST}a")


def test_the_longest_name_of_the_add_on(
    cluster: Cluster, make_namespace: Callable[[str], str]
) -> None:
    values = {
        "podTemplate": {"enabled": True},
        "imagePrePuller": {"enabled": True},
        "serviceMonitor": {"enabled": True},
        "prometheusRule": {"enabled": True},
        "dashboards": {"enabled": True},
        "extraObjects": {
            "kept": {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {
                    "name": "kept",
                    "annotations": {"helm.sh/resource-policy": "keep"},
                },
            }
        },
    }
    released = install(
        cluster,
        make_namespace("longest"),
        None,
        values,
        chart="add-on",
        name=_LONGEST_ADD_ON,
        options=READY,
        look_before=True,
    )
    assert "Succeeded" in released.release.test()
    released.upgrade({"helmTest": {"podAnnotations": {"kwok.airflow-platform/exit-code": "1"}}})
    with pytest.raises(PlatformError):
        released.release.test()
    released.release.uninstall()
    # The pod of a test that failed stays for its output.
    (pod,) = released.left() - {"ConfigMap/kept"}
    assert pod.startswith(f"Pod/{_LONGEST_ADD_ON[:20]}")
    assert pod.endswith("-statsd-mapping-test")


def _selects_only_its_own(released: Released) -> None:
    """Compare what selects pods with the pod templates of all releases of the namespace."""
    pods = list(_pod_labels(released.cluster, released.namespace))
    selectors = list(_selectors(released))
    assert selectors
    for name, selector in selectors:
        owners = {owner for owner, labels in pods if selector.items() <= labels.items()}
        assert owners <= {released.release.name}, name


def _selectors(released: Released) -> Iterator[tuple[str, Mapping[str, str]]]:
    kinds = "services,poddisruptionbudgets,networkpolicies,deployments,statefulsets,podmonitors"
    for each in released.objects(kinds):
        spec: Mapping[str, Any] = each["spec"]
        found = spec.get("selector", spec.get("podSelector", {}))
        yield f"{each['kind']}/{each['metadata']['name']}", found.get("matchLabels", found)


def _pod_labels(cluster: Cluster, namespace: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    for each in direct(cluster).list("deployments,statefulsets,daemonsets", namespace):
        owner = each["metadata"]["annotations"]["meta.helm.sh/release-name"]
        yield owner, each["spec"]["template"]["metadata"]["labels"]
