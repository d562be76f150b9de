"""A Kubernetes API for pytest-helm-charts' fixtures: a local control plane, or a cluster's.

`kube_cluster` and the waits for objects are those of pytest-helm-charts.
"""

import os
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path

import pykube
import pytest
from pytest_helm_charts.clusters import Cluster as KubeCluster
from pytest_helm_charts.k8s.namespace import ensure_namespace_exists

from airflow_platform.cluster.cluster import Cluster
from airflow_platform.cluster.control_plane import KUBERNETES
from airflow_platform.rendering import helm

from ..oci_registry import oci_registry
from ..packages import checkout, make_packages
from .direct import direct
from .shared import shared_control_plane

_NUMBERS: Mapping[str, Iterator[int]] = defaultdict(lambda: count(1))  # of namespaces, by prefix
_IN_EACH_NAMESPACE = (("serviceaccount", "default"), ("configmap", "kube-root-ca.crt"))
_POLL_SECONDS = 0.05
RESTRICTED = {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}


def new_name(prefix: str, config: pytest.Config) -> str:
    """Return a name for a namespace.

    On a control plane of these tests it is numbered by prefix. A prefix belongs to one worker, so
    to one group of tests. Where something is rendered for a namespace, a prefix of its own gives it
    the same name in each run, for which that is known already.
    """
    number = uuid.uuid4().hex[:6] if config.getoption("kubeconfig") else next(_NUMBERS[prefix])
    return f"{prefix}-{number}"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--kubernetes",
        choices=tuple(KUBERNETES),
        default="newest",
        help="the version of the local control plane",
    )


def pytest_runtest_setup() -> None:
    if os.environ.get("RUN_E2E") != "1":
        pytest.skip("needs a Kubernetes API; `make e2e` starts one")


@pytest.fixture(scope="session")
def cluster(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    program: Callable[[str], Path],
) -> Iterator[Cluster]:
    """The cluster of --kubeconfig, or a local control plane."""
    if given := request.config.getoption("kubeconfig"):
        yield Cluster(Path(given))
        return
    program("kube-apiserver")
    base = tmp_path_factory.getbasetemp()  # of a worker: below that of the run
    directory = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "control-plane"
    with shared_control_plane(directory, request.config.getoption("kubernetes", "newest")) as local:
        yield local


@pytest.fixture(scope="module")
def kube_config(cluster: Cluster) -> str:
    """What pytest-helm-charts connects to."""
    return str(cluster.kubeconfig)


@pytest.fixture(scope="module")
def make_namespace(
    request: pytest.FixtureRequest, cluster: Cluster, kube_cluster: KubeCluster
) -> Iterator[Callable[[str], str]]:
    """Make a namespace that enforces the restricted Pod Security Standard; return its name.

    Kubernetes has made by then what is in each namespace.
    From a cluster that was given it is removed. Nobody waits for that: it takes as long as the
    longest grace period of its pods.
    """
    made: list[pykube.Namespace] = []
    given = request.config.getoption("kubeconfig")

    def make(prefix: str) -> str:
        name = new_name(prefix, request.config)
        namespace, is_new = ensure_namespace_exists(kube_cluster.kube_client, name, RESTRICTED)
        assert is_new, f"the prefix {prefix} is used by tests of another group"
        made.append(namespace)
        while not all(direct(cluster).get(*each, name) for each in _IN_EACH_NAMESPACE):
            time.sleep(_POLL_SECONDS)
        return name

    yield make
    if given:
        for namespace in made:
            namespace.delete()


@pytest.fixture(scope="session")
def charts(
    program: Callable[[str], Path],
    tmp_path_factory: pytest.TempPathFactory,
    tracked_files: tuple[str, ...],
) -> Iterator[str]:
    """Where both charts are, in a registry on loopback."""
    for name in ("make", "tar"):
        program(name)
    packages = make_packages(checkout(tmp_path_factory.mktemp("tree"), tracked_files))
    with oci_registry(program("registry"), tmp_path_factory.mktemp("registry")) as host:
        for package in packages.glob("*.tgz"):
            done = helm.run(4, ["push", str(package), f"oci://{host}/charts", "--plain-http"])
            assert done.returncode == 0, done.stderr
        yield f"oci://{host}/charts"
