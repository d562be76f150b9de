"""One release becomes another: what its keys and its data need is there before and after."""

import base64
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from airflow_platform.cluster.cluster import Cluster
from airflow_platform.rendering import helm
from airflow_platform.rendering.staging import stage
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.project import values_file

from .direct import direct
from .released import ONE_REPLICA, Released, install, make_secrets

pytestmark = pytest.mark.official_chart

# The keys of a release of the official chart, named as docs/existing-airflow.md does.
_KEPT_KEYS: Mapping[str, Any] = {
    "fernetKeySecretName": "airflow-fernet-key",
    "apiSecretKeySecretName": "airflow-api-secret-key",
    "jwtSecretName": "airflow-jwt-secret",
}


@pytest.mark.parametrize(
    "major",
    [
        pytest.param(major, id=f"helm{major}", marks=pytest.mark.xdist_group(f"moves-helm{major}"))
        for major in helm.MAJORS
    ],
)
def test_from_the_official_chart(
    major: int, cluster: Cluster, make_namespace: Callable[[str], str]
) -> None:
    """Its default is Celery, so workers and Redis go, and the Secrets with keys stay."""
    official = _official(cluster, make_namespace(f"official-helm{major}"), major)
    keys = _keys(official, _KEPT_KEYS.values())
    moved = replace(
        official, chart=stage(official.upstream), values=(values_file("prod"), ONE_REPLICA)
    )
    new_keys = {
        "airflow": {
            **_KEPT_KEYS,
            "data": {"metadataSecretName": "airflow-metadata"},
            "triggerer": {"persistence": {"size": "100Gi"}},
            "postgresql": {
                "auth": {"existingSecret": "airflow-postgresql"},
                "primary": {"persistence": {"size": "8Gi"}},
            },
        }
    }
    _make_secrets(moved, new_keys)
    _refused_then_kept(moved, new_keys, [*_KEPT_KEYS.values()][1:])
    assert _keys(moved, _KEPT_KEYS.values()) == keys
    assert "airflow-scheduler" in moved.names("deployments")
    assert not {"airflow-redis", "airflow-worker"} & {*moved.names("statefulsets")}
    assert moved.status() == "deployed"


@pytest.mark.xdist_group("dev to prod")
def test_from_dev_to_prod(cluster: Cluster, make_namespace: Callable[[str], str]) -> None:
    """With its database and its keys; other keys are refused where they would lose data."""
    dev = install(cluster, make_namespace("dev"), "dev")
    secrets = {
        **_KEPT_KEYS,
        "webserverSecretKeySecretName": "airflow-webserver-secret-key",
        "data": {"metadataSecretName": "airflow-metadata"},
    }
    database = {
        "auth": {"existingSecret": "airflow-postgresql"},
        "primary": {"persistence": {"size": "2Gi"}},
    }
    names = [
        "airflow-api-secret-key",
        "airflow-jwt-secret",
        "airflow-metadata",
        "airflow-postgresql",
    ]
    keys = _keys(dev, [*names, "airflow-fernet-key"])
    prod = replace(dev, values=(values_file("prod"), ONE_REPLICA))
    _make_secrets(prod)
    with pytest.raises(PlatformError, match="fernet key of this release"):
        prod.upgrade()
    kept = {"airflow": {**secrets, "postgresql": database}}
    _refused_then_kept(prod, kept, names)
    assert _keys(prod, keys) == keys
    assert prod.status() == "deployed"


@pytest.mark.xdist_group("next to")
def test_next_to_an_official_release(
    cluster: Cluster, make_namespace: Callable[[str], str]
) -> None:
    """The add-on comes and goes, and no object of the other release notices."""
    namespace = make_namespace("next-to")
    official = _official(cluster, namespace, 4, {"executor": "KubernetesExecutor"})
    before = official.specs()
    config = direct(cluster).get("configmap", "airflow-config", namespace)
    assert config
    values = {
        "podTemplate": {"enabled": True, "base": config["data"]["pod_template_file.yaml"]},
        "serviceMonitor": {"enabled": True},
        "prometheusRule": {"enabled": True},
        "dashboards": {"enabled": True},
    }
    addon = install(
        *(cluster, namespace, None, values),
        chart="add-on",
        name="observability",
        look_before=True,
    )
    template = direct(cluster).get("configmap", "observability-pod-template", namespace)
    assert template
    assert "name: vector" in template["data"]["pod_template_file.yaml"]
    addon.upgrade()
    addon.release.uninstall()
    assert not addon.left()
    assert official.specs() == before


def _official(cluster: Cluster, namespace: str, major: int, *values: Mapping[str, Any]) -> Released:
    """Install the official chart, whose pods are not fit for `restricted`."""
    baseline = "pod-security.kubernetes.io/enforce=baseline"
    cluster.kubectl("label", "namespace", namespace, "--overwrite", baseline)
    return install(cluster, namespace, None, *values, chart="official", major=major)


def _refused_then_kept(released: Released, values: Mapping[str, Any], names: list[str]) -> None:
    """Upgrade as the message says that refuses an upgrade which would delete Secrets."""
    with pytest.raises(PlatformError, match="Helm would delete Secrets or volumes") as refused:
        released.upgrade(values)
    command = re.search(r"^  (kubectl annotate secret .*)$", str(refused.value), re.MULTILINE)
    assert command, refused.value
    _, *arguments = shlex.split(command[1])
    assert {*names} <= {*arguments}
    released.cluster.kubectl(*arguments)
    released.upgrade(values)


def _make_secrets(released: Released, *values: Mapping[str, Any]) -> None:
    make_secrets(
        released.cluster, released.namespace, *released.values, *values, upstream=released.upstream
    )


def _keys(released: Released, names: Any) -> dict[str, dict[str, bytes]]:
    """Return what Secrets hold; each of them must be there."""
    there = direct(released.cluster)
    found = {name: there.get("secret", name, released.namespace) for name in names}
    return {
        name: {key: base64.b64decode(value) for key, value in secret["data"].items()}
        for name, secret in found.items()
        if secret or pytest.fail(f"Secret {name} is gone")
    }
