"""The Argo CD examples install what `airflow-platform render` shows."""

from pathlib import Path
from typing import Any

import pytest

from airflow_platform.rendering.render import render
from airflow_platform.support.project import NAMESPACE, RELEASE, ROOT, environments, values_file

from .files import ARGO_CD, SITE, applications_of, objects_in

(APPLICATION,) = objects_in(ARGO_CD / "application.yaml")
(APPLICATION_SET,) = objects_in(ARGO_CD / "applicationset.yaml")
APPLICATIONS = [APPLICATION, *applications_of(APPLICATION_SET)]
EACH = pytest.mark.parametrize(
    "application", APPLICATIONS, ids=lambda each: each["metadata"]["name"]
)


def chart_of(application: dict[str, Any]) -> dict[str, Any]:
    (chart,) = (each for each in application["spec"]["sources"] if "chart" in each)
    return chart


def values_files(application: dict[str, Any]) -> list[Path]:
    """The values files: those of the package, and those of a source that has the name of a ref."""
    references = {f"${each['ref']}" for each in application["spec"]["sources"] if "ref" in each}
    found = []
    for name in chart_of(application)["helm"]["valueFiles"]:
        source, _, path = name.partition("/")
        if source.startswith("$"):
            assert source in references
            name = path
        found.append(ROOT / name)
    return found


def test_there_is_an_application_for_each_environment() -> None:
    assert [each["metadata"]["name"] for each in applications_of(APPLICATION_SET)] == [
        f"airflow-{environment}" for environment in ("dev", "staging", "prod")
    ]
    assert len(environments()) == 3


@EACH
def test_argo_cd_installs_what_render_shows(application: dict[str, Any]) -> None:
    environment = application["metadata"]["name"].removeprefix("airflow-")
    first, *others = values_files(application)
    assert first == values_file(environment)
    assert others == [SITE / f"{environment}.yaml"]
    assert chart_of(application)["helm"]["releaseName"] == RELEASE
    assert application["spec"]["destination"]["namespace"] == NAMESPACE
    assert render(values=[first, *others]).manifests


@EACH
def test_each_comparison_is_made_by_the_api_server(application: dict[str, Any]) -> None:
    """Otherwise every default that it fills in would be a difference for ever."""
    compared = application["metadata"]["annotations"]["argocd.argoproj.io/compare-options"]
    assert compared == "ServerSideDiff=true"
    assert "ServerSideApply=true" in application["spec"]["syncPolicy"]["syncOptions"]


def test_application_and_application_set_say_the_same() -> None:
    (same,) = (
        e for e in applications_of(APPLICATION_SET) if e["metadata"]["name"] == "airflow-prod"
    )
    for application in (APPLICATION, same):
        application["spec"]["destination"].pop("server")
    assert same["spec"] == APPLICATION["spec"]
