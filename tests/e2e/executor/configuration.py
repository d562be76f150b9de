"""An Airflow as the chart configures it, on SQLite, and with a control plane for its pods."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from airflow_platform.cluster.accounts import account_kubeconfig
from airflow_platform.cluster.cluster import Cluster
from airflow_platform.manifests import Render
from airflow_platform.rendering.render import render
from airflow_platform.support.airflow_install import AirflowVersion, airflow_environment, install
from airflow_platform.support.frozen import thaw
from airflow_platform.support.project import RELEASE

from ..direct import direct

# Annotations that tell kwok when a pod ends, and with which exit code.
RUNS_FOR = "kwok.airflow-platform/runs-for"
EXIT_CODE = "kwok.airflow-platform/exit-code"


@dataclass(frozen=True)
class Configuration:
    """What the programs of an Airflow need."""

    airflow: AirflowVersion
    rendered: Render
    cluster: Cluster
    namespace: str
    directory: Path
    python: Path
    environment: Mapping[str, str]


def configure(
    airflow: AirflowVersion, cluster: Cluster, namespace: str, directory: Path, dags: Path
) -> Configuration:
    """Configure an Airflow whose executor acts as the scheduler's ServiceAccount.

    ``directory`` is for its files. Its pods run until their annotation RUNS_FOR is changed.
    """
    installed = install(airflow)
    rendered = _rendered(airflow, namespace)
    kinds = ("ConfigMap", "Role", "RoleBinding", "ServiceAccount")
    objects = [thaw(m.document) for m in rendered.manifests if m.kind in kinds]
    direct(cluster).apply(objects, namespace)
    (config,) = rendered.embedded("AirflowConfig")
    (directory / "airflow.cfg").write_text(config.text, encoding="utf-8")
    (template,) = rendered.embedded("Pod")
    pod = thaw(template.document)
    pod["metadata"].setdefault("annotations", {})[RUNS_FOR] = "1h"
    (directory / "pod_template.yaml").write_text(json.dumps(pod), encoding="utf-8")
    shutil.copy(installed / "airflow.db", directory)
    kubeconfig = directory / "kubeconfig"
    scheduler = account_kubeconfig(cluster, f"{RELEASE}-scheduler", namespace)
    kubeconfig.write_text(scheduler, encoding="utf-8")
    options = {
        "CORE__DAGS_FOLDER": str(dags),
        "CORE__FERNET_KEY": "",
        "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{directory}/airflow.db",
        "API_AUTH__JWT_SECRET": "a secret of this test, which is long enough for every algorithm",
        "KUBERNETES_EXECUTOR__POD_TEMPLATE_FILE": str(directory / "pod_template.yaml"),
        "KUBERNETES_EXECUTOR__IN_CLUSTER": "False",
        "KUBERNETES_EXECUTOR__CONFIG_FILE": str(kubeconfig),
        "LOGGING__BASE_LOG_FOLDER": str(directory / "logs"),
        "METRICS__STATSD_ON": "False",
    }
    environment = {
        **airflow_environment(installed, directory, options),
        "AIRFLOW_CONFIG": str(directory / "airflow.cfg"),
    }
    python = installed / "venv" / "bin" / "python"
    return Configuration(airflow, rendered, cluster, namespace, directory, python, environment)


def _rendered(airflow: AirflowVersion, namespace: str) -> Render:
    values = {
        "airflow": {"airflowVersion": airflow.version, "defaultAirflowTag": airflow.version},
        "global": {"metrics": {"airflowVersion": airflow.version}},
    }
    return render("prod", values=[values], namespace=namespace)
