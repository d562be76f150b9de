"""What the values of ``prometheusRule`` change."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from airflow_platform.manifests import Manifest
from airflow_platform.rendering.helm import MAJORS
from airflow_platform.rendering.render import render
from airflow_platform.support.errors import PlatformError
from airflow_platform.support.project import ADDON

Rule = Mapping[str, Any]

OWN_GROUP = {"name": "own", "interval": "1m", "rules": [{"record": "a", "expr": "vector(1)"}]}


def groups_of(rules: Manifest) -> Mapping[str, tuple[Rule, ...]]:
    return {group["name"]: group["rules"] for group in rules.at("spec", "groups")}


def alerts_of(rules: Manifest) -> Mapping[str, Rule]:
    return {
        rule["alert"]: rule
        for group in groups_of(rules).values()
        for rule in group
        if "alert" in rule
    }


# --- What is there ----------------------------------------------------------------------------


def test_there_are_no_rules_unless_asked_for() -> None:
    assert not render(chart="add-on").all("PrometheusRule")


def test_there_are_no_rules_without_metrics() -> None:
    values = {"prometheusRule": {"enabled": True}, "global": {"metrics": {"enabled": False}}}
    assert not render(chart="add-on", values=[values]).all("PrometheusRule")


def test_failed_dag_runs_and_legacy_names_are_off_by_default(
    prometheus_rule: Callable[..., Manifest], raw_alerts: Mapping[str, Rule]
) -> None:
    rules = prometheus_rule({})
    assert set(alerts_of(rules)) == set(raw_alerts) - {"DagRunFailed"}
    assert "airflow-legacy-names" not in groups_of(rules)


def test_there_are_no_alerts_about_task_logs_without_task_logs(
    prometheus_rule: Callable[..., Manifest],
) -> None:
    off = {"global": {"taskLogs": {"enabled": False}}}
    groups = groups_of(prometheus_rule({}, values=[off]))
    assert "airflow-task-logs" not in groups
    assert "airflow-tasks" in groups


def test_a_cluster_without_the_operator_gets_a_message(
    prometheus_rule: Callable[..., Manifest],
) -> None:
    with pytest.raises(PlatformError, match=r"does not know monitoring.coreos.com/v1/Prometheus"):
        prometheus_rule(
            {},
            api_versions=["apps/v1/Deployment", "monitoring.coreos.com/v1/ServiceMonitor"],
        )


# --- Changes of single alerts -----------------------------------------------------------------


@pytest.fixture(scope="module")
def all_changed(
    prometheus_rule: Callable[..., Manifest], raw_alerts: Mapping[str, Rule]
) -> Mapping[str, Rule]:
    """Every alert with all of its settings changed."""
    change = {"enabled": True, "threshold": 4.5, "for": "7m", "severity": "page"}
    return alerts_of(prometheus_rule({"alerts": dict.fromkeys(raw_alerts, change)}))


@pytest.fixture(scope="module")
def some_changed(prometheus_rule: Callable[..., Manifest], all_on: Manifest) -> Manifest:
    """A group and an alert turned off, and some alerts changed in one setting."""
    scheduler = [rule["alert"] for rule in groups_of(all_on)["airflow-scheduler"]]
    changes = {
        **{name: {"enabled": False} for name in (*scheduler, "SlaMissed")},
        "PoolExhausted": {"severity": "page"},
        "StatsdNoTraffic": {"threshold": 0},
        "StatsdSeriesHigh": {"threshold": 2000000},
        "TriggererFull": {"threshold": -5},
    }
    return prometheus_rule({"alerts": changes})


def test_each_threshold_can_be_changed_and_nothing_else_changes_with_it(
    all_changed: Mapping[str, Rule], alerts: Mapping[str, Rule]
) -> None:
    assert set(all_changed) == set(alerts)
    for name, rule in all_changed.items():
        compared, _, threshold = rule["expr"].rpartition(" ")
        compared_before, _, _ = alerts[name]["expr"].rpartition(" ")
        assert (threshold, compared) == ("4.5", compared_before), name
        assert re.search(r"\s[<>]=?$", compared), name
        assert rule["annotations"]["threshold"] == threshold, name


def test_each_alert_tells_the_threshold_that_it_compares_with(alerts: Mapping[str, Rule]) -> None:
    for name, rule in alerts.items():
        _, _, threshold = rule["expr"].rpartition(" ")
        assert rule["annotations"]["threshold"] == threshold, name


def test_each_duration_and_severity_can_be_changed(all_changed: Mapping[str, Rule]) -> None:
    for name, rule in all_changed.items():
        assert (rule["for"], rule["labels"]["severity"]) == ("7m", "page"), name


def test_a_threshold_is_written_as_it_was_given(some_changed: Manifest) -> None:
    alerts = alerts_of(some_changed)
    assert alerts["StatsdNoTraffic"]["expr"].endswith(" < 0")
    assert alerts["StatsdSeriesHigh"]["expr"].endswith(" > 2000000")
    assert alerts["TriggererFull"]["expr"].endswith(" <= -5")


def test_what_is_not_changed_stays(some_changed: Manifest, alerts: Mapping[str, Rule]) -> None:
    changed = alerts_of(some_changed)
    assert changed["PoolExhausted"]["labels"]["severity"] == "page"
    for part in ("expr", "for", "annotations"):
        assert changed["PoolExhausted"][part] == alerts["PoolExhausted"][part]
    assert changed["TasksStarving"] == alerts["TasksStarving"]


def test_alerts_can_be_turned_off_and_a_group_without_rules_is_left_out(
    some_changed: Manifest,
) -> None:
    assert "SlaMissed" not in alerts_of(some_changed)
    assert "DeadlineMissed" in alerts_of(some_changed)
    assert "airflow-scheduler" not in groups_of(some_changed)


@pytest.mark.parametrize("major", MAJORS)
def test_unknown_alerts_and_unknown_changes_are_refused(
    major: int, prometheus_rule: Callable[..., Manifest]
) -> None:
    alerts = {"SchedulerDown": {"enabled": False}, "TasksStarving": {"treshold": 1}}
    with pytest.raises(PlatformError) as refused:
        prometheus_rule({"alerts": alerts}, helm=major)
    assert re.search(r"prometheusRule\.alerts: .*SchedulerDown", str(refused.value))
    assert re.search(r"prometheusRule\.alerts\.TasksStarving: .*treshold", str(refused.value))


def test_the_schema_knows_exactly_the_alerts_that_there_are(
    raw_alerts: Mapping[str, Rule],
) -> None:
    schema = json.loads((ADDON / "values.schema.json").read_text(encoding="utf-8"))
    alerts = schema["properties"]["prometheusRule"]["properties"]["alerts"]
    assert alerts["additionalProperties"] is False
    named = re.findall(r"\w+", " ".join(alerts["patternProperties"]))
    assert sorted(named) == sorted(raw_alerts)


# --- Changes of all ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def extended(prometheus_rule: Callable[..., Manifest]) -> Manifest:
    """Everything that can be added, for the release "data" in the namespace "team-a"."""
    settings = {
        "labels": {"release": "monitoring"},
        "annotations": {"example.com/owner": "data"},
        "namespace": "monitoring",
        "alertLabels": {"team": "data"},
        "alertAnnotations": {"dashboard": "https://grafana.example.com"},
        "runbookUrl": "https://wiki.example.com/airflow/",
        "extraGroups": [OWN_GROUP],
    }
    return prometheus_rule(settings, release="data", namespace="team-a")


def test_the_object_has_the_labels_annotations_and_namespace_that_were_set(
    extended: Manifest,
) -> None:
    assert extended.namespace == "monitoring"
    assert extended.labels["release"] == "monitoring"
    assert extended.annotations["example.com/owner"] == "data"


def test_labels_and_annotations_are_added_to_every_alert(
    extended: Manifest, alerts: Mapping[str, Rule]
) -> None:
    for name, rule in alerts_of(extended).items():
        assert rule["labels"]["team"] == "data", name
        assert rule["labels"]["severity"] == alerts[name]["labels"]["severity"], name
        assert rule["annotations"]["dashboard"] == "https://grafana.example.com", name
        assert rule["annotations"]["summary"] == alerts[name]["annotations"]["summary"], name


def test_runbooks_are_linked_where_they_were_said_to_be(extended: Manifest) -> None:
    for name, rule in alerts_of(extended).items():
        url = rule["annotations"]["runbook_url"]
        assert url == f"https://wiki.example.com/airflow/{name}.md"


def test_rules_of_ones_own_are_added(extended: Manifest) -> None:
    assert groups_of(extended)["own"] == ({"record": "a", "expr": "vector(1)"},)
    assert "airflow-scheduler" in groups_of(extended)


def test_alerts_are_about_their_release_and_say_so(extended: Manifest) -> None:
    for name, rule in alerts_of(extended).items():
        assert rule["labels"]["job"] == "data-statsd-exporter", name
        assert rule["labels"]["namespace"] == "team-a", name
        assert 'job="data-statsd-exporter",namespace="team-a"' in rule["expr"], name


def test_the_job_is_what_the_service_monitor_makes_it(
    prometheus_rule: Callable[..., Manifest],
) -> None:
    by_label = {"serviceMonitor": {"jobLabel": "app.kubernetes.io/instance"}}
    for name, rule in alerts_of(prometheus_rule({}, values=[by_label])).items():
        assert rule["labels"]["job"] == "airflow", name
        assert 'job="airflow",namespace=' in rule["expr"], name
