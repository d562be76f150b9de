"""All parts of the platform at once pass every check, the one of the network included."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.checks.judge import CHECKS, NotCheckedError, Violation
from airflow_platform.manifests import Render
from airflow_platform.rendering.helm import MAJORS
from airflow_platform.rendering.render import render
from airflow_platform.support.project import ROOT

from .conftest import of_airflow

PLATFORM = Path(__file__).with_name("platform.yaml")
EXECUTORS: Mapping[str, tuple[Path, ...]] = {
    "KubernetesExecutor": (PLATFORM,),
    "CeleryExecutor": (PLATFORM, ROOT / "examples" / "celery" / "values.yaml"),
}
# What the parts are seen by: without one, the render would not be what it is for.
KINDS = {
    *("Cluster", "Pooler", "ScheduledBackup", "ObjectStore"),
    *("ExternalSecret", "Ingress", "NetworkPolicy", "PodMonitor", "PrometheusRule"),
}
AIRFLOW_2: Mapping[str, Any] = {
    "airflow": {"config": {"webserver": {"base_url": "https://airflow.example.com"}}}
}


@pytest.fixture(scope="module", params=[(name, major) for name in EXECUTORS for major in MAJORS])
def release(request: pytest.FixtureRequest) -> Render:
    executor, major = request.param
    return render("prod", values=EXECUTORS[executor], helm=major)


@pytest.mark.official_chart
def test_every_part_is_there(release: Render) -> None:
    assert {manifest.kind for manifest in release.manifests} >= KINDS


@pytest.mark.official_chart
@pytest.mark.parametrize("name", CHECKS)
def test_every_check_passes(
    release: Render, name: str, check: Callable[[str, Render], list[Violation]]
) -> None:
    assert check(name, release) == []


@pytest.mark.official_chart
@pytest.mark.parametrize("executor", EXECUTORS)
def test_with_airflow_2_it_passes_too(executor: str) -> None:
    ingress = {"airflow": {"ingress": {"apiServer": {"enabled": False}}}}
    values: list[Path | Mapping[str, Any]] = [*EXECUTORS[executor], AIRFLOW_2, ingress]
    release = render("prod", values=values, sets=of_airflow("2.11.2"))
    found = []
    for name, check_of in CHECKS.items():
        try:
            found += [f"{name}: {fault}" for fault in check_of(release)]
        except NotCheckedError:
            continue
    assert found == []
