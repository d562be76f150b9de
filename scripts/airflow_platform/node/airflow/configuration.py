"""A release whose Airflow runs on this machine: its render, its objects and its settings."""

import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from airflow_platform.cluster.accounts import account_kubeconfig
from airflow_platform.cluster.cluster import Cluster, Object
from airflow_platform.manifests import Render
from airflow_platform.node.airflow import images
from airflow_platform.node.airflow.host import Host
from airflow_platform.node.node import Node
from airflow_platform.node.sidecar.images import vector
from airflow_platform.rendering.render import render
from airflow_platform.support.airflow_install import (
    AirflowVersion,
    airflow_environment,
    install,
)
from airflow_platform.support.frozen import thaw
from airflow_platform.support.ports import free_ports
from airflow_platform.support.project import RELEASE

FILES = Path(str(files(__package__)))
VALUES = FILES / "values"

_ENVIRONMENT = "dev"
_RUN_ON_THIS_MACHINE = ("Deployment", "StatefulSet", "Job", "Pod")
_COMPONENTS = {
    "2": ("webserver", "triggerer", "scheduler"),
    "3": ("api-server", "dag-processor", "triggerer", "scheduler"),
}


@dataclass(frozen=True)
class Configuration:
    """What the programs of an Airflow need, and what is around them.

    ``database`` is its file; ``environments`` are the variables of each component; ``ingest`` is
    the port that takes StatsD lines, ``api`` that of Airflow's API.
    """

    airflow: AirflowVersion
    render: Render
    namespace: str
    directory: Path
    database: Path
    environments: Mapping[str, Mapping[str, str]]
    ingest: int
    api: int


def configure(node: Node, airflow: AirflowVersion, directory: Path, loki: str) -> Configuration:
    """Make a namespace with the objects of a release that sends to ``loki``, a URL.

    Its task pods find images by the names that they have. ``directory`` is for the files of its
    Airflow. PlatformError when the API server refuses something, there is no Vector, or Airflow
    cannot be installed.
    """
    installed = install(airflow)
    ingest, api = free_ports(2)
    namespace = f"airflow-{airflow.version.replace('.', '-')}"
    own = _values(airflow, _kubernetes_port(node.cluster), ingest, api, loki)
    rendered = render(
        _ENVIRONMENT,
        values=[VALUES / "all.yaml", VALUES / f"airflow-{airflow.version[0]}.yaml", own],
        namespace=namespace,
        kube_version=node.cluster.version(),
    )
    (template,) = (each for each in rendered.embedded("Pod") if each.owner.kind == "ConfigMap")
    for field in ("initContainers", "containers"):
        for container in template.document["spec"][field]:
            image = vector() if container["name"] == "vector" else images.airflow(installed, ingest)
            node.add_image(container["image"], image)
    database = _database(installed, directory)
    host_paths = dict(images.paths(installed))
    if airflow.version.startswith("2."):
        host_paths["database"] = database.parent  # tasks of Airflow 3 know the API only
    objects = _objects(rendered, database, host_paths)
    where = f"--namespace={namespace}"
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    node.cluster.apply([made])
    node.cluster.apply(objects, where)
    kubeconfig = directory / "kubeconfig"
    scheduler = account_kubeconfig(node.cluster, f"{RELEASE}-scheduler", namespace)
    kubeconfig.write_text(scheduler, encoding="utf-8")
    host = Host(directory / "home", tuple(objects))
    environments = _environments(airflow, installed, rendered, host, kubeconfig, ingest, api)
    return Configuration(
        airflow, rendered, namespace, directory, database, environments, ingest, api
    )


def _kubernetes_port(cluster: Cluster) -> int | None:
    path = "jsonpath={.clusters[0].cluster.server}"
    return urlsplit(cluster.kubectl("config", "view", "--minify", f"--output={path}")).port


def _values(
    airflow: AirflowVersion, kubernetes: int | None, ingest: int, api: int, loki: str
) -> Mapping[str, Any]:
    """Return the values that depend on this machine and on the version of Airflow."""
    return {
        "global": {
            "metrics": {"airflowVersion": airflow.version},
            "taskLogs": {
                "loki": {"endpoint": loki},
                "extraEnv": [{"name": "STATSD_PORT", "value": str(ingest)}],
            },
        },
        "airflow": {
            "airflowVersion": airflow.version,
            "defaultAirflowTag": airflow.version,
            # Where pods find the Services of Kubernetes and of Airflow, which have no addresses.
            "env": [
                {"name": "KUBERNETES_SERVICE_HOST", "value": "127.0.0.1"},
                {"name": "KUBERNETES_SERVICE_PORT", "value": str(kubernetes)},
            ],
            "ports": {"apiServer": api, "airflowUI": api},
        },
    }


def _database(installed: Path, directory: Path) -> Path:
    """Return a new database that this process and the group of task pods, 0, may write to."""
    database = directory / "database" / "airflow.db"
    database.parent.mkdir()
    database.parent.chmod(0o775)
    shutil.copy(installed / "airflow.db", database)
    database.chmod(0o664)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")  # many programs write at the same time
    return database


@contextmanager
def open_database(configuration: Configuration) -> Iterator[None]:
    """Keep a connection to the database open.

    SQLite removes the files beside a database with its last connection. A task that opens it while
    another process makes them anew may find that it cannot write to them.
    """
    with closing(sqlite3.connect(configuration.database)) as connection:
        connection.execute("SELECT * FROM sqlite_master").fetchall()  # makes them
        yield


def _objects(rendered: Render, database: Path, host_paths: Mapping[str, Path]) -> list[Object]:
    """Return the objects of the release, but for what runs on this machine, and further ones."""
    mine = _config_map("airflow-of-this-machine", {n: str(path) for n, path in host_paths.items()})
    dags = {file.name: file.read_text(encoding="utf-8") for file in (FILES / "dags").glob("*.py")}
    return [
        *(
            thaw(each.document)
            for each in rendered.manifests
            if each.kind not in _RUN_ON_THIS_MACHINE
        ),
        mine,
        _config_map("trial-dags", dags),
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "airflow-database"},
            "stringData": {"connection": f"sqlite:///{database}"},
        },
    ]


def _config_map(name: str, data: Mapping[str, str]) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def _environments(
    airflow: AirflowVersion,
    installed: Path,
    rendered: Render,
    host: Host,
    kubeconfig: Path,
    ingest: int,
    api: int,
) -> Mapping[str, Mapping[str, str]]:
    """Return the variables of each component, and write the files of all into the host's home."""
    home = host.home
    server = {"HOST": "127.0.0.1", "PORT": str(api)}
    options = {
        "CORE__DAGS_FOLDER": str(home / "dags"),
        "KUBERNETES_EXECUTOR__POD_TEMPLATE_FILE": str(
            home / "pod_templates/pod_template_file.yaml"
        ),
        "KUBERNETES_EXECUTOR__IN_CLUSTER": "False",
        "KUBERNETES_EXECUTOR__CONFIG_FILE": str(kubeconfig),
        "LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "METRICS__STATSD_HOST": "127.0.0.1",
        "METRICS__STATSD_PORT": str(ingest),
        **{f"API__{name}": value for name, value in server.items()},
        **{f"WEBSERVER__WEB_SERVER_{name}": value for name, value in server.items()},
    }
    found = {}
    for component in _COMPONENTS[airflow.version[0]]:
        (container,) = (
            container
            for pod in rendered.pods()
            if pod.owner.name == f"{RELEASE}-{component}"
            for container in pod.containers().values()
            if container.name == component
        )
        host.write_files(container)
        found[component] = {
            **host.environment(container),
            **airflow_environment(installed, home, options),
            # Airflow 2 would refuse SQLite, for its writers wait for each other.
            "_AIRFLOW__SKIP_DATABASE_EXECUTOR_COMPATIBILITY_CHECK": "1",
        }
    shutil.copy(FILES / "webserver_config.py", home)
    return found
