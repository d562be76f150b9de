"""Airflows with a KubernetesExecutor, and namespaces for their pods on the control plane."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airflow_platform.cluster.cluster import Cluster
from airflow_platform.support.airflow_install import VERSIONS, AirflowVersion

from ..conftest import RESTRICTED, new_name
from ..direct import direct
from .configuration import Configuration, configure
from .executor import Executor, running

JOB = 1  # of the first scheduler

_HERE = Path(__file__).parent


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(airflow, id=f"airflow {airflow}", marks=pytest.mark.xdist_group(str(airflow)))
        for airflow in VERSIONS
    ],
)
def airflow(request: pytest.FixtureRequest) -> AirflowVersion:
    version: AirflowVersion = request.param
    return version


@pytest.fixture(scope="session")
def configured(
    request: pytest.FixtureRequest,
    airflow: AirflowVersion,
    cluster: Cluster,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[Path], Configuration]]:
    """Configure the Airflow with a folder of DAGs and a namespace of its own."""
    namespaces: list[str] = []

    def configure_with(dags: Path) -> Configuration:
        name = new_name(f"executor-{airflow.version.replace('.', '-')}", request.config)
        metadata = {"name": name, **RESTRICTED}
        direct(cluster).apply([{"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}])
        namespaces.append(name)
        directory = tmp_path_factory.mktemp(f"airflow-{airflow}")
        return configure(airflow, cluster, name, directory, dags)

    yield configure_with
    if namespaces:
        cluster.kubectl("delete", "namespace", *namespaces, "--wait=false")


@pytest.fixture(scope="session")
def executor(configured: Callable[[Path], Configuration]) -> Iterator[Executor]:
    """The KubernetesExecutor of the Airflow, started by the scheduler with the job JOB."""
    with running(configured(_HERE / "dags")) as executor:
        executor.call("start", JOB)
        yield executor
