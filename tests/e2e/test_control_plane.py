"""What the local control plane is for all other tests."""

import re
from collections.abc import Iterator
from pathlib import Path

import pykube
import pytest
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


def test_programs_listen_on_loopback_only(cluster: Cluster, request: pytest.FixtureRequest) -> None:
    if request.config.getoption("kubeconfig"):
        pytest.skip("of a control plane that these tests have started")
    assert cluster.kubeconfig
    listens = {
        program: set(_listens(program, cluster.kubeconfig.parent))
        for program in ("etcd", "kube-apiserver", "kube-controller-manager", "kwok")
    }
    assert listens.pop("kube-apiserver") == {"0100007F"}, "127.0.0.1"
    assert set().union(*listens.values()) <= {"0100007F"}


def _listens(program: str, directory: Path) -> Iterator[str]:
    """The addresses, in hexadecimal as Linux writes them, of a program's TCP sockets."""
    sockets = {
        link.readlink().name
        for process in Path("/proc").glob("[0-9]*")
        if _is(process, program, directory)
        for link in (process / "fd").iterdir()
        if link.is_symlink()
    }
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == "0A" and f"socket:[{rest[5]}]" in sockets:
                yield local.partition(":")[0]


def _is(process: Path, program: str, directory: Path) -> bool:
    try:
        started, *arguments = (process / "cmdline").read_bytes().decode().split("\0")
    except OSError:
        return False
    return Path(started).name == program and bool(
        re.search(f"{directory}|/cluster-", " ".join(arguments))
    )
