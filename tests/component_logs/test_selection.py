"""Which pods the agents read: those of a release, and of task pods not what the task prints."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from airflow_platform.checks.violations import selects
from airflow_platform.component_logs import release
from airflow_platform.component_logs.references import DIRECTORY
from airflow_platform.manifests import Render
from airflow_platform.rendering.render import render
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ROOT

VECTOR = strict_yaml.load_file(DIRECTORY / "vector" / "vector.yaml")["sources"]
ALLOY = (DIRECTORY / "alloy" / "config.alloy").read_text(encoding="utf-8")
SELECTORS = {source["extra_label_selector"] for source in VECTOR.values()}

CELERY = strict_yaml.load_file(ROOT / "examples" / "celery" / "values.yaml")
RENDERS = {"prod": ("prod", []), "dev": ("dev", []), "Celery": ("dev", [CELERY])}


def labels_of(selector: str) -> Mapping[str, Mapping[str, str]]:
    return {"matchLabels": dict(pair.split("=") for pair in selector.split(","))}


@pytest.fixture(params=RENDERS)
def rendered(request: pytest.FixtureRequest) -> Render:
    environment, values = RENDERS[request.param]
    return render(environment, values=values)


def test_both_agents_have_the_same_selectors() -> None:
    assert set(re.findall(r'^ +label = "(.+)"$', ALLOY, re.MULTILINE)) == SELECTORS


@pytest.mark.official_chart
def test_the_agents_read_the_pods_of_a_release_and_verify_logs_knows_them(rendered: Render) -> None:
    read = {
        str(pod)
        for pod in rendered.pods()
        if any(selects(labels_of(selector), pod.labels) for selector in SELECTORS)
    }
    assert read == {str(pod) for pod in rendered.pods() if release.is_read(pod)}
    components = {pod.labels.get("component") for pod in rendered.pods() if str(pod) in read}
    assert components >= {"scheduler", "api-server", "dag-processor", "triggerer", "worker"}
    assert "run-airflow-migrations" in components


def test_a_pod_of_another_program_is_not_read(rendered: Render) -> None:
    other = {"app.kubernetes.io/name": "prometheus-statsd-exporter", "release": "monitoring"}
    assert not any(selects(labels_of(selector), other) for selector in SELECTORS)


def test_only_the_container_of_a_task_is_left_out_and_its_name_is_fixed(rendered: Render) -> None:
    """Airflow's executor calls it base, in each pod that it makes, and labels the pod."""
    tasks = [pod for pod in rendered.pods() if pod.key == "pod_template_file.yaml"]
    assert all("base" in task.containers() for task in tasks)
    assert 'regex         = "true;base"' in ALLOY
    program = (DIRECTORY / "vector" / "component.vrl").read_text(encoding="utf-8")
    assert 'container == "base" && exists(labels.kubernetes_executor)' in program
    others = [pod for pod in rendered.pods() if pod.key is None]
    assert not any("base" in pod.containers() for pod in others)
