"""A Kubernetes API for pytest-helm-charts' fixtures: a local control plane, or a cluster's.

`kube_cluster`, `namespace_factory` and the waits are those of pytest-helm-charts.
"""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pykube
import pytest

from airflow_platform.cluster.cluster import Cluster
from airflow_platform.cluster.control_plane import KUBERNETES, local_control_plane

RESTRICTED = {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--kubernetes",
        choices=tuple(KUBERNETES),
        default="newest",
        help="the version of the local control plane",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("RUN_E2E") != "1":
        reason = "needs a Kubernetes API; `make e2e` starts one"
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason))


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
    directory = tmp_path_factory.mktemp("control-plane")
    with local_control_plane(directory, request.config.getoption("kubernetes")) as local:
        yield local


@pytest.fixture(scope="module")
def kube_config(cluster: Cluster) -> str:
    """What pytest-helm-charts connects to."""
    return str(cluster.kubeconfig)


@pytest.fixture(scope="module")
def restricted_namespace(
    namespace_factory: Callable[..., pykube.Namespace],
) -> Callable[[str], str]:
    """Make a namespace that enforces the restricted Pod Security Standard; return its name."""

    def make(prefix: str) -> str:
        made: Any = namespace_factory(f"{prefix}-{uuid.uuid4().hex[:6]}", RESTRICTED)
        return str(made.name)

    return make
