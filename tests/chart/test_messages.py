"""Every message about values that do not fit is given, and what it advises works."""

import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from airflow_platform.rendering.helm import MAJORS
from airflow_platform.rendering.render import render
from airflow_platform.rendering.upstream import UpstreamChart, stand_in
from airflow_platform.support import strict_yaml
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.project import ADDON, NAMESPACE, ROOT

LONGEST_RELEASE_NAME = "a-release-name-of-exactly-fifty-three-characters-long"
CLUSTER_WITHOUT_CRDS = {"api_versions": ("apps/v1/Deployment",)}


@dataclass(frozen=True)
class Case:
    """Values, how they are rendered, and the beginning of what is said about them."""

    message: str
    values: Mapping[str, Any]
    arguments: Mapping[str, Any] = field(default_factory=lambda: {"chart": "add-on"})


def wrapper(message: str, values: Mapping[str, Any], **arguments: Any) -> Case:
    return Case(message, values, arguments)


def airflow(message: str, **values: Any) -> Case:
    return wrapper(message, {"airflow": values})


def add_on(message: str, **values: Any) -> Case:
    return Case(message, values)


def task_logs(message: str, **values: Any) -> Case:
    return add_on(message, **{"global": {"taskLogs": values}})


def base(message: str, text: str, **values: Any) -> Case:
    return add_on(message, podTemplate={"enabled": True, "base": text}, **values)


def on_a_cluster_without(kind: str, key: str, values: Mapping[str, Any]) -> Case:
    return Case(
        f"{key} is true, but this cluster does not know {kind}.",
        values,
        {"chart": "add-on", **CLUSTER_WITHOUT_CRDS},
    )


MONITOR = {"serviceMonitor": {"enabled": True}}
SCRAPED_TWICE = {**MONITOR, "statsdExporter": {"scrapeAnnotations": True}}
GRACE = (
    "The drain of task logs may take {} s, but a task pod is killed after its grace period of {} s."
)

CASES = {
    "no Loki": task_logs("Task logs are on, but there is no Loki", loki={"endpoint": ""}),
    "scraped twice": add_on("Prometheus would scrape the statsd-exporter twice", **SCRAPED_TWICE),
    "scraped twice, in the wrapper": wrapper(
        "Prometheus would scrape the statsd-exporter twice", {"observability": SCRAPED_TWICE}
    ),
    "alerts without a job": add_on(
        "Without the ServiceMonitor the alerts cannot know which label `job`",
        prometheusRule={"enabled": True},
    ),
    "no ServiceMonitor": on_a_cluster_without(
        "monitoring.coreos.com/v1/ServiceMonitor", "serviceMonitor.enabled", MONITOR
    ),
    "no ServiceMonitor, in the wrapper": wrapper(
        "serviceMonitor.enabled is true, but this cluster does not know",
        {"observability": MONITOR},
        **CLUSTER_WITHOUT_CRDS,
    ),
    "no PrometheusRule": on_a_cluster_without(
        "monitoring.coreos.com/v1/PrometheusRule",
        "prometheusRule.enabled",
        {"prometheusRule": {"enabled": True, "job": "kubernetes-pods"}},
    ),
    "no PodMonitor": on_a_cluster_without(
        "monitoring.coreos.com/v1/PodMonitor",
        "podMonitor.enabled",
        {
            "podMonitor": {"enabled": True},
            "global": {"taskLogs": {"internalMetrics": {"enabled": True}}},
        },
    ),
    "no GrafanaDashboard": on_a_cluster_without(
        "grafana.integreatly.org/v1beta1/GrafanaDashboard",
        "dashboards.grafanaOperator.enabled",
        {"dashboards": {"enabled": True, "grafanaOperator": {"enabled": True}}},
    ),
    "PodMonitor": add_on("The PodMonitor has nothing to scrape", podMonitor={"enabled": True}),
    "transform": task_logs(
        'global.taskLogs.extraTransforms: the chart has a transform with the id "parse" already.',
        extraTransforms=[{"id": "parse", "type": "remap", "source": "."}],
    ),
    "sink": task_logs(
        'global.taskLogs.extraSinks: the chart has a sink with the id "loki" already.',
        extraSinks={"loki": {"type": "console"}},
    ),
    "base of another kind": base(
        'podTemplate.base is not a Pod: it is of kind "Deployment"', "kind: Deployment"
    ),
    "base that is not YAML": base("podTemplate.base is not a Pod: error converting YAML", "a: [b"),
    "base without logs": base(
        "The sidecar cannot find the task's logs: the pod template has no container `base`",
        "{kind: Pod, spec: {containers: [{name: base}]}}",
    ),
    "base for Airflow 2.8": add_on(
        "Airflow 2.8.4 would remove the field restartPolicy from the sidecar",
        podTemplate={"enabled": True, "airflowVersion": "2.8.4"},
    ),
    "two StatsD servers": airflow("Two StatsD servers are on", statsd={"enabled": True}),
    "metrics of another Airflow": airflow(
        "Airflow 3.3.0 is installed, but the metrics are mapped as Airflow 3.1.7 sends them",
        airflowVersion="3.3.0",
    ),
    "Airflow 2.8": airflow(
        "Airflow 2.8.4 would remove the field restartPolicy from the sidecar",
        airflowVersion="2.8.4",
    ),
    "one volume for all logs": airflow(
        "With airflow.logs.persistence.enabled all task pods share one volume for logs",
        logs={"persistence": {"enabled": True}},
    ),
    "several namespaces": airflow(
        "With airflow.multiNamespaceMode task pods run in other namespaces", multiNamespaceMode=True
    ),
    "local logs are deleted": airflow(
        "With airflow.config.logging.delete_local_logs Airflow may delete a log file",
        config={"logging": {"delete_local_logs": "True"}},
    ),
    "other log folder": airflow(
        "The sidecar reads task logs at /opt/airflow/logs/.../attempt=<n>.log",
        config={"logging": {"base_log_folder": "/var/log"}},
    ),
    "other log files": airflow(
        "The sidecar reads task logs at /opt/airflow/logs/.../attempt=<n>.log",
        config={"logging": {"log_filename_template": "x.log"}},
    ),
    "long drain": wrapper(
        GRACE.format(600, 600), {"global": {"taskLogs": {"drain": {"timeoutSeconds": 600}}}}
    ),
    "no grace period": airflow(
        GRACE.format(25, 0), workers={"terminationGracePeriodSeconds": 0}
    ),
    "pod template that is not YAML": airflow(
        "The official chart's pod template is not valid YAML with these values",
        workers={"extraInitContainers": [{"name": 'warm-up{{ "\\n}" }}'}]},
    ),
}  # fmt: skip


def refusal(case: Case, helm: int = MAJORS[-1]) -> str:
    """What is said about the values of ``case``."""
    with pytest.raises(PlatformError) as refused:
        render(values=[case.values], helm=helm, **case.arguments)
    return str(refused.value)


def blocks(message: str) -> list[str]:
    """Each indented paragraph of the message, which is to be pasted."""
    return [dedent(block) for block in re.findall(r"(?:^ {2}.*\n)+", message, re.MULTILINE)]


@pytest.mark.parametrize("name", CASES)
def test_values_that_do_not_fit_are_refused_with_the_reason(name: str) -> None:
    assert refusal(CASES[name]).startswith(CASES[name].message)


@pytest.mark.parametrize("name", CASES)
def test_each_way_out_that_the_message_gives_works(name: str) -> None:
    case = CASES[name]
    ways_out = blocks(refusal(case))
    assert ways_out
    for way_out in ways_out:
        pasted = strict_yaml.load(way_out, "the message")
        # Helm merges mappings, so the sink with the new id has to stand instead of the user's.
        values = [pasted] if name == "sink" else [case.values, pasted]
        assert render(values=values, **case.arguments).manifests


@pytest.mark.parametrize("helm", MAJORS)
@pytest.mark.parametrize("name", ["scraped twice", "scraped twice, in the wrapper"])
def test_a_message_of_the_add_on_knows_whether_it_is_in_a_wrapper(name: str, helm: int) -> None:
    for block in blocks(refusal(CASES[name], helm)):
        assert block.startswith("observability:\n") == ("wrapper" in name)


def test_settings_of_what_is_off_are_not_checked() -> None:
    """The example is Loki's address, which is needed for task logs only."""
    off = {"global": {"taskLogs": {"enabled": False}}}
    assert render(values=[CASES["no Loki"].values, off], chart="add-on").manifests


def test_the_grace_period_of_a_pod_template_of_ones_own_is_set_in_it() -> None:
    pod = strict_yaml.load_file(ADDON / "files" / "task-logs" / "pod-template.yaml")
    pod["spec"]["terminationGracePeriodSeconds"] = 20
    case = add_on(GRACE.format(25, 20), podTemplate={"enabled": True, "base": str(pod)})
    message = refusal(case)
    assert message.startswith(case.message)
    assert "In podTemplate.base, set:" in message
    (block,) = blocks(message)
    pod["spec"] |= strict_yaml.load(block, "the message")["spec"]
    assert render(
        chart="add-on", values=[{"podTemplate": {"enabled": True, "base": str(pod)}}]
    ).manifests


def without_pod_template(directory: Path) -> UpstreamChart:
    """The official chart (its stand-in) without the file that the sidecar is added to."""
    shutil.copytree(stand_in().path, directory)
    (directory / "files" / "pod-template-file.kubernetes-helm-yaml").unlink()
    return replace(stand_in(), path=directory)


def test_a_chart_without_the_pod_template_file_is_refused_and_the_supported_one_named(
    tmp_path: Path,
) -> None:
    with pytest.raises(PlatformError, match="has no files/pod-template-file") as refused:
        render("prod", upstream=without_pod_template(tmp_path / "airflow"))
    (block,) = blocks(str(refused.value))
    (named,) = strict_yaml.load(block, "the message")["dependencies"]
    dependencies = strict_yaml.load_file(ROOT / "Chart.yaml")["dependencies"]
    (pinned,) = (each for each in dependencies if each["name"] == "airflow")
    assert named.items() <= pinned.items()


def test_a_release_name_that_is_too_long_for_airflow_is_refused() -> None:
    with pytest.raises(PlatformError, match="has 53 characters; with more than 40") as refused:
        render("prod", release=LONGEST_RELEASE_NAME)
    (command,) = blocks(str(refused.value))
    assert command == f"helm install airflow . -n {NAMESPACE}\n"
    assert render("prod", release="airflow").manifests
    assert render("prod", release=LONGEST_RELEASE_NAME[:40]).manifests


def first_lines() -> Iterator[str]:
    """Yield the first line of every message in the templates of both charts, as its Go format."""
    for chart in (ROOT, ADDON):
        for file in (chart / "templates").rglob("*"):
            if file.is_file():
                text = file.read_text(encoding="utf-8")
                found = re.findall(r'{{-? fail (?:\(printf )?"\\n\\n(.+?)\\n', text)
                assert len(found) == len(re.findall(r"{{-? fail\b", text)), file
                yield from (line.replace('\\"', '"') for line in found)


def test_every_message_of_the_templates_has_a_case_here(tmp_path: Path) -> None:
    given = [refusal(case) for case in CASES.values()]
    for arguments in (
        {"upstream": without_pod_template(tmp_path / "airflow")},
        {"release": LONGEST_RELEASE_NAME},
    ):
        with pytest.raises(PlatformError) as refused:
            render("prod", **arguments)
        given.append(str(refused.value))
    for line in first_lines():
        pattern = ".+".join(map(re.escape, re.split("%[sdq]", line)))
        assert any(re.match(pattern, message) for message in given), line
