"""The Secrets of a release on a Kubernetes API: by the script, and as External Secrets."""

import base64
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_platform.checks.references import not_rendered
from airflow_platform.cluster.cluster import Cluster
from airflow_platform.rendering.render import render
from airflow_platform.secrets.needs import needed
from airflow_platform.secrets.recipes import recipes
from airflow_platform.secrets.script import script
from airflow_platform.support.frozen import thaw
from airflow_platform.support.project import ROOT

from .direct import direct

pytestmark = [pytest.mark.xdist_group("secrets"), pytest.mark.official_chart]

CELERY = ROOT / "examples" / "celery" / "values.yaml"
GIT = {
    "AIRFLOW_GIT_CREDENTIALS_GITSYNC_USERNAME": "me",
    "AIRFLOW_GIT_CREDENTIALS_GITSYNC_PASSWORD": "hunter2",
}


def test_the_script_makes_what_the_pods_read_and_runs_again(
    cluster: Cluster,
    make_namespace: Callable[[str], str],
    program: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    namespace = make_namespace("secrets")
    rendered = render("prod", values=[CELERY], namespace=namespace)
    secrets = needed(rendered)
    text = script(secrets, recipes(rendered, secrets), namespace)
    kubectl = tmp_path / "kubectl"
    kubectl.write_text(
        f'#!/bin/sh\nexec {program("kubectl")} --kubeconfig {cluster.kubeconfig} "$@"\n',
        encoding="utf-8",
    )
    kubectl.chmod(0o755)
    environment = {**os.environ, **GIT, "KUBECTL": str(kubectl)}

    def run() -> dict[str, dict[str, str]]:
        done = subprocess.run(["sh"], input=text, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return {
            each["metadata"]["name"]: each["data"]
            for each in direct(cluster).list("secrets", namespace)
        }

    made = run()
    for reference in not_rendered(rendered):
        if reference.kind == "Secret":
            assert reference.key in made[reference.name]
    connection = base64.b64decode(made["airflow-broker"]["connection"]).decode()
    password = base64.b64decode(made["airflow-redis"]["password"]).decode()
    assert connection == f"redis://:{password}@airflow-redis:6379/0"
    assert run() == made


def test_the_api_server_adds_nothing_to_external_secrets(
    cluster: Cluster, make_namespace: Callable[[str], str]
) -> None:
    """Argo CD would report a difference for ever."""
    namespace = make_namespace("external-secrets")
    store = {"name": "platform"}
    values = {"secrets": {"externalSecrets": {"enabled": True, "store": store}}}
    rendered = render("prod", values=[CELERY, values], namespace=namespace)
    externals = rendered.all("ExternalSecret")
    assert externals
    direct(cluster).apply(thaw(external.document) for external in externals)
    for external in externals:
        there = direct(cluster).get("externalsecret", external.name, namespace)
        assert there
        assert there["spec"] == thaw(external.at("spec"))
