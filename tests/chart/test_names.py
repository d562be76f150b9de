"""Another beginning of the names of the add-on's objects, alone and in the wrapper."""

from collections.abc import Mapping

import pytest

from airflow_platform.checks.judge import CHECKS
from airflow_platform.checks.violations import is_ours
from airflow_platform.manifests import Render
from airflow_platform.rendering.helm import MAJORS
from airflow_platform.rendering.render import render
from airflow_platform.rendering.upstream import UpstreamChart
from airflow_platform.support.project import NAMESPACE

from .conftest import EVERYTHING_ON, for_add_on

LONGEST = "a-name-of-exactly-forty-three-characters-ok"

EVERY_HELM = pytest.mark.parametrize("helm_major", MAJORS, ids=lambda major: f"helm{major}")
BEGINNINGS = pytest.mark.parametrize(
    ("overrides", "begin"),
    [
        ({}, "airflow"),
        ({"nameOverride": "lake"}, "airflow-lake"),
        ({"fullnameOverride": "lake"}, "lake"),
        ({"nameOverride": "ignored", "fullnameOverride": LONGEST}, LONGEST),
    ],
)


def ours(rendered: Render) -> set[str]:
    """The names of the add-on's objects, but for those that are the user's."""
    return {
        each.name for each in rendered.manifests if is_ours(each) and each.kind != "ServiceAccount"
    }


@EVERY_HELM
@BEGINNINGS
def test_every_object_of_the_add_on_is_named_so(
    overrides: Mapping[str, str], begin: str, helm_major: int
) -> None:
    names = {"global": {"observability": overrides}}
    values = [for_add_on(EVERYTHING_ON), names]
    found = ours(render(chart="add-on", helm=helm_major, values=values))
    assert {"statsd-exporter", "statsd-mapping-test", "task-logs", "dashboard-overview"} <= {
        name.removeprefix(f"{begin}-") for name in found
    }
    for name in found:
        assert name.startswith(f"{begin}-"), name
        assert len(name.removesuffix(f".{NAMESPACE}")) <= 63, name  # a policy may be longer


@EVERY_HELM
def test_what_refers_to_the_add_on_knows_its_names(
    helm_major: int, upstream: UpstreamChart
) -> None:
    names = {"global": {"observability": {"fullnameOverride": LONGEST}}}
    rendered = render("prod", helm=helm_major, values=[EVERYTHING_ON, names], upstream=upstream)
    (config,) = rendered.embedded("AirflowConfig")
    assert config.document["metrics"]["statsd_host"] == f"{LONGEST}-statsd-exporter"
    task_pods = [pod for pod in rendered.pods() if "base" in pod.containers()]
    assert task_pods
    for pod in task_pods:
        assert pod.volumes()["task-logs-config"]["configMap"]["name"] == f"{LONGEST}-task-logs"
    for check in ("config_maps_exist", "names_are_release_and_component", "names_are_valid"):
        assert [v for v in CHECKS[check](rendered) if LONGEST in v.subject] == []
