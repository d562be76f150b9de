"""What the local control plane is for all other tests."""

import pykube
from pytest_helm_charts.clusters import Cluster as KubeCluster

from airflow_platform.cluster.cluster import Cluster
from airflow_platform.support.crds import crd_modules


def test_every_pinned_custom_resource_is_served(
    cluster: Cluster, kube_cluster: KubeCluster
) -> None:
    minor = int(cluster.version().split(".")[1])
    served = {
        (crd["spec"]["group"], crd["spec"]["names"]["kind"])
        for crd in (
            each.obj
            for each in pykube.object_factory(
                kube_cluster.kube_client,
                "apiextensions.k8s.io/v1",
                "CustomResourceDefinition",
            ).objects(kube_cluster.kube_client)
        )
    }
    wanted = {
        (module.group, kind)
        for module in crd_modules()
        if module.kubernetes <= minor
        for kind in module.files
    }
    assert wanted <= served
