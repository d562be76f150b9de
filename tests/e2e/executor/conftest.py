"""Executors of real Airflows on the control plane, in whose namespaces `restricted` is enforced."""

import uuid
from collections.abc import Iterator

import pytest

from airflow_platform.cluster.cluster import Cluster

from ...airflow_install import VERSIONS, AirflowVersion
from ..conftest import RESTRICTED
from .executor import Executor, running

JOB = 1  # of the first scheduler


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(airflow, id=f"airflow {airflow}", marks=pytest.mark.xdist_group(str(airflow)))
        for airflow in VERSIONS
    ],
)
def executor(
    request: pytest.FixtureRequest, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Executor]:
    """The KubernetesExecutor of an Airflow, started by the scheduler with the job JOB."""
    airflow: AirflowVersion = request.param
    if not cluster.get("node", "local"):
        pytest.skip("needs the node of the local control plane: no kubelet runs these pods")
    namespace = f"executor-{uuid.uuid4().hex[:6]}"
    metadata = {"name": namespace, **RESTRICTED}
    cluster.apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}])
    directory = tmp_path_factory.mktemp(f"executor-{airflow}")
    with running(airflow, cluster, namespace, directory) as executor:
        executor.call("start", JOB)
        yield executor
    cluster.kubectl("delete", "namespace", namespace, "--wait=false")
