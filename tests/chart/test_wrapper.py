"""How the two charts work together, and what the wrapper refuses."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from airflow_platform.checks.judge import CHECKS
from airflow_platform.rendering import helm
from airflow_platform.rendering.helm import MAJORS
from airflow_platform.rendering.render import render
from airflow_platform.rendering.request import RenderRequest
from airflow_platform.rendering.staging import stage
from airflow_platform.rendering.upstream import UpstreamChart, find_upstream
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.frozen import thaw
from airflow_platform.support.project import ROOT, environments, values_file

from .conftest import EVERYTHING_ON, of_airflow

LONGEST_RELEASE_NAME = "a-release-name-of-exactly-fifty-three-characters-long"

EVERY_HELM = pytest.mark.parametrize("helm_major", MAJORS, ids=lambda major: f"helm{major}")


@EVERY_HELM
def test_without_airflow_the_wrapper_installs_the_add_on_only(helm_major: int) -> None:
    wrapper = render("prod", helm=helm_major, sets=("airflow.enabled=false",))
    assert wrapper.manifests
    for manifest in wrapper.manifests:
        assert "/charts/airflow/" not in manifest.template, str(manifest)


@EVERY_HELM
def test_the_add_on_alone_is_the_same_as_in_the_wrapper(helm_major: int) -> None:
    values = {"global": {"taskLogs": {"labels": {"cluster": "eu-1"}}}}
    wrapper = render(helm=helm_major, values=[values], sets=("airflow.enabled=false",))
    alone = render(chart="add-on", helm=helm_major, values=[values])
    assert {str(m.name): m.document for m in wrapper.manifests} == {
        str(m.name): m.document for m in alone.manifests
    }


@EVERY_HELM
def test_with_everything_off_the_add_on_renders_nothing(helm_major: int) -> None:
    off = ("global.metrics.enabled=false", "global.taskLogs.enabled=false")
    assert render(chart="add-on", helm=helm_major, sets=off).manifests == ()


@EVERY_HELM
def test_the_add_on_fits_the_longest_release_name(helm_major: int) -> None:
    assert len(LONGEST_RELEASE_NAME) == 53
    rendered = render(
        chart="add-on",
        helm=helm_major,
        release=LONGEST_RELEASE_NAME,
        values=[{"global": EVERYTHING_ON["global"], **EVERYTHING_ON["observability"]}],
    )
    assert rendered.manifests
    assert CHECKS["names_are_valid"](rendered) == []


@EVERY_HELM
def test_airflow_sends_its_metrics_to_our_service(helm_major: int, upstream: UpstreamChart) -> None:
    rendered = render("prod", helm=helm_major, upstream=upstream, release="lake")
    (config,) = rendered.embedded("AirflowConfig")
    metrics = config.document["metrics"]
    service = rendered.get("Service", metrics["statsd_host"])
    assert (int(metrics["statsd_port"]), "UDP") in {
        (port["port"], port["protocol"]) for port in service.at("spec", "ports")
    }


def test_airflow_sends_its_metrics_to_the_official_statsd_where_that_is_chosen(
    upstream: UpstreamChart,
) -> None:
    theirs = ("global.metrics.enabled=false", "airflow.statsd.enabled=true")
    (config,) = render("dev", upstream=upstream, sets=theirs).embedded("AirflowConfig")
    metrics = config.document["metrics"]
    assert (metrics["statsd_on"], metrics["statsd_host"]) == ("True", "airflow-statsd")
    (config,) = render("dev", upstream=upstream).embedded("AirflowConfig")
    assert config.document["metrics"]["statsd_on"] == "False"


@pytest.mark.parametrize("environment", environments())
@pytest.mark.parametrize("version", ["3.1.7", "2.11.0"])
def test_both_helm_majors_render_the_same(environment: str, version: str) -> None:
    first, second = (
        {
            (manifest.kind, manifest.name): manifest.document
            for manifest in render(environment, helm=major, sets=of_airflow(version)).manifests
        }
        for major in MAJORS
    )
    assert first == second


@pytest.mark.parametrize(
    "values_files",
    [
        (values_file("dev"),),
        (values_file("prod"), ROOT / "examples" / "celery" / "values.yaml"),
    ],
    ids=["dev", "prod-celery"],
)
def test_rendering_again_changes_nothing(values_files: Sequence[Path]) -> None:
    texts = tuple(file.read_text(encoding="utf-8") for file in values_files)
    first, second = (
        helm.output(RenderRequest(chart=stage(find_upstream()), values=texts)) for _ in range(2)
    )
    assert first == second


UNKNOWN_KEYS = [
    ("observabilty.serviceMonitor.enabled=true", "observabilty"),
    ("global.tasklogs.enabled=false", "tasklogs"),
    ("global.taskLogs.loki.endpiont=http://loki", "endpiont"),
    ("observability.taskLogs.enabled=false", "taskLogs"),
    ("observability.statsdExporter.replicas=2", "replicas"),
]


@EVERY_HELM
@pytest.mark.parametrize(("assignment", "key"), UNKNOWN_KEYS)
def test_unknown_keys_are_refused_by_name(assignment: str, key: str, helm_major: int) -> None:
    with pytest.raises(PlatformError, match=f"unknown key '{key}'"):
        render("prod", helm=helm_major, sets=(assignment,))


def task_logs(**settings: object) -> Mapping[str, Any]:
    return {"global": {"taskLogs": settings}}


REFUSED: list[tuple[Mapping[str, Any], str]] = [
    (task_logs(loki={"endpoint": "loki:3100"}), "global.taskLogs.loki.endpoint"),
    (task_logs(loki={"endpoint": "http://u:p@loki"}), "global.taskLogs.loki.endpoint"),
    ({"global": {"taskLogs": None}}, "missing property 'taskLogs'"),
    ({"observability": {"serviceMonitor": None}}, "missing property 'serviceMonitor'"),
    (task_logs(enabled="perhaps"), "global.taskLogs.enabled"),
    (task_logs(labels={"cluster": "{{ .dag_id }}"}), "global.taskLogs.labels.cluster"),
    (task_logs(metadataFields=["pod"]), "global.taskLogs.metadataFields"),
    (
        task_logs(redaction={"patterns": {"quoted": "it's"}}),
        "global.taskLogs.redaction.patterns.quoted",
    ),
    (
        {"observability": {"dashboards": {"airflowUrl": 'https://a"b'}}},
        "observability.dashboards.airflowUrl",
    ),
    (
        {"observability": {"statsdExporter": {"image": {"digest": "sha256:1"}}}},
        "statsdExporter.image.digest",
    ),
]


@EVERY_HELM
@pytest.mark.parametrize(("values", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_values_that_the_schema_does_not_allow_are_refused_by_their_key(
    values: Mapping[str, Any], message: str, helm_major: int
) -> None:
    with pytest.raises(PlatformError, match=re.escape(message)):
        render("prod", helm=helm_major, values=[values])


ON_TASK_NODES = {"pool": "tasks"}
TOLERATED = [{"key": "tasks", "operator": "Exists"}]
NODE_AFFINITY: Mapping[str, Any] = {"preferredDuringSchedulingIgnoredDuringExecution": []}


def pre_puller(*values: Mapping[str, Any], upstream: UpstreamChart) -> Mapping[str, Any]:
    rendered = render("prod", values=values, upstream=upstream)
    spec = rendered.get("DaemonSet", "airflow-image-pre-puller").at("spec", "template", "spec")
    return {field: spec.get(field) for field in ("nodeSelector", "tolerations", "affinity")}


def test_the_image_is_pulled_to_the_nodes_of_task_pods(upstream: UpstreamChart) -> None:
    affinity = {"nodeAffinity": NODE_AFFINITY, "podAntiAffinity": {}}
    tasks = {"nodeSelector": ON_TASK_NODES, "affinity": affinity}
    airflow = {"airflow": {"tolerations": TOLERATED, "workers": tasks}}
    assert thaw(pre_puller(airflow, upstream=upstream)) == {
        "nodeSelector": ON_TASK_NODES,
        "tolerations": TOLERATED,
        "affinity": {"nodeAffinity": NODE_AFFINITY},
    }
    own = {"observability": {"imagePrePuller": {"nodeSelector": {"vector": "yes"}}}}
    followed = pre_puller(airflow, own, upstream=upstream)
    assert followed["nodeSelector"] == {"vector": "yes"}
    assert thaw(followed["tolerations"]) == TOLERATED
