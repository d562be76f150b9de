"""In the wrapper the alerts follow the Airflow that is installed; what a user sets wins."""

import re
from collections.abc import Mapping
from typing import Any

import pytest

from airflow_platform.manifests import Render
from airflow_platform.rendering.helm import MAJORS
from airflow_platform.rendering.render import render
from airflow_platform.rendering.upstream import UpstreamChart
from airflow_platform.support import strict_yaml
from airflow_platform.support.project import ADDON, RELEASE

Rules = Mapping[str, Mapping[str, Any]]

PROD = {
    "SchedulerHeartbeatMissing": "1",
    "SchedulerReplicasMissing": "3",
    "TriggererHeartbeatMissing": "1",
    "TriggererReplicasMissing": "2",
    "DagProcessorHeartbeatMissing": "1",
    "DagProcessorReplicasMissing": "2",
    "DagbagMissing": "1",
    "DagParsingStalled": "1800",
    "QueueNotDraining": "0",
    "PoolExhausted": "0",
    "TaskFailureRatio": "0.25",
    "TaskLogReportsMissing": "10",
    "TaskLogSidecarsMissing": "0.9",
}
OFF = None


def keda(minimum: int) -> Mapping[str, Any]:
    return {"triggerer": {"keda": {"enabled": True, "minReplicaCount": minimum}}}


def lists(**metrics: str) -> Mapping[str, Any]:
    return {"config": {"metrics": {f"metrics_{name}": value for name, value in metrics.items()}}}


# Values of the official chart, and what is different from PROD then: thresholds, or no alert.
CASES: Mapping[str, tuple[Mapping[str, Any], Mapping[str, str | None]]] = {
    "prod": ({}, {}),
    "fewer replicas": (
        {"scheduler": {"replicas": 1}, "dagProcessor": {"replicas": 5}},
        {"SchedulerReplicasMissing": "1", "DagProcessorReplicasMissing": "5"},
    ),
    "no scheduler is wanted": (
        {"scheduler": {"replicas": 0}},
        {"SchedulerHeartbeatMissing": OFF, "SchedulerReplicasMissing": OFF},
    ),
    "replicas that are not set are one": (
        {name: {"replicas": None} for name in ("scheduler", "triggerer", "dagProcessor")},
        {
            f"{component}ReplicasMissing": "1"
            for component in ("Scheduler", "Triggerer", "DagProcessor")
        },
    ),
    "intervals that are no numbers": (
        {
            "config": {
                "scheduler": {"scheduler_heartbeat_sec": "five", "job_heartbeat_sec": ""},
                "dag_processor": {"min_file_process_interval": "1m"},
            }
        },
        {},
    ),
    "no triggerer": (
        {"triggerer": {"enabled": False}},
        {"TriggererHeartbeatMissing": OFF, "TriggererReplicasMissing": OFF},
    ),
    "triggerers down to none": (
        keda(0),
        {"TriggererHeartbeatMissing": OFF, "TriggererReplicasMissing": OFF},
    ),
    "triggerers down to four": (keda(4), {"TriggererReplicasMissing": "4"}),
    "Airflow 2 parses in the scheduler": (
        {"airflowVersion": "2.11.0", "defaultAirflowTag": "2.11.0"},
        {"DagProcessorHeartbeatMissing": OFF, "DagProcessorReplicasMissing": OFF},
    ),
    "files are seldom parsed": (
        {"config": {"dag_processor": {"min_file_process_interval": 3600}}},
        {"DagParsingStalled": "7200"},
    ),
    "files are seldom parsed, by a variable": (
        {"env": [{"name": "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL", "value": "3600"}]},
        {"DagParsingStalled": "7200"},
    ),
    "heartbeats are blocked": (
        lists(block_list="ti_finish, _heartbeat$"),
        {
            f"{component}{alert}Missing": OFF
            for component in ("Scheduler", "Triggerer", "DagProcessor")
            for alert in ("Heartbeat", "Replicas")
        },
    ),
    "few are allowed, which wins": (
        lists(allow_list="scheduler,triggerer,dag,pool", block_list="pool"),
        {"TaskFailureRatio": OFF},
    ),
    "only Python can judge what is allowed": (lists(allow_list="^(?!celery)"), {}),
    "only Python can judge a part of what is blocked": (
        lists(block_list="(?<!ti)_heartbeat,pool.open_slots"),
        {"PoolExhausted": OFF},
    ),
    "Airflow 2 compares beginnings": (
        {
            "airflowVersion": "2.11.0",
            "defaultAirflowTag": "2.11.0",
            **lists(block_list="heartbeat,pool.open"),
        },
        {
            "PoolExhausted": OFF,
            "DagProcessorHeartbeatMissing": OFF,
            "DagProcessorReplicasMissing": OFF,
        },
    ),
}  # fmt: skip


def rules_of(rendered: Render) -> Rules:
    return {
        rule["alert"]: rule
        for group in rendered.get("PrometheusRule", f"{RELEASE}-alerts").at("spec", "groups")
        for rule in group["rules"]
    }


def rules(airflow: Mapping[str, Any], observability: Any = None, **arguments: Any) -> Rules:
    version = airflow.get("airflowVersion", "3.1.7")
    values = {
        "airflow": airflow,
        "global": {"metrics": {"airflowVersion": version}},
        "observability": observability or {},
    }
    return rules_of(render("prod", values=[values], **arguments))


def threshold(rule: Mapping[str, Any] | None) -> str | None:
    return rule["expr"].rpartition(" ")[2] if rule else OFF


@pytest.mark.parametrize("name", CASES)
def test_alerts_follow_the_values_of_airflow(name: str) -> None:
    values, different = CASES[name]
    found = rules(values)
    assert {alert: threshold(found.get(alert)) for alert in PROD} == {**PROD, **different}


def test_every_alert_that_follows_airflow_is_among_the_cases() -> None:
    expected = strict_yaml.load_file(ADDON / "files" / "alerts" / "expected.yaml")
    assert set(expected) == set(PROD)


@pytest.mark.parametrize("helm", MAJORS)
def test_a_threshold_and_a_switch_of_ones_own_win(helm: int) -> None:
    own = {
        "SchedulerReplicasMissing": {"threshold": 2},
        "TriggererHeartbeatMissing": {"enabled": True},
    }
    found = rules(keda(0), {"prometheusRule": {"alerts": own}}, helm=helm)
    assert threshold(found["SchedulerReplicasMissing"]) == "2"
    assert threshold(found["TriggererHeartbeatMissing"]) == "1"


def test_slow_heartbeats_are_counted_as_such() -> None:
    found = rules({"config": {"scheduler": {"scheduler_heartbeat_sec": 120}}})
    replicas = found["SchedulerReplicasMissing"]["expr"]
    assert re.search(r"\[1200s\]\)\) \* 120 \+ 0\.7 < 3$", replicas)
    assert "[600s]" in found["SchedulerHeartbeatMissing"]["expr"]
    assert re.search(r"\[10m\]\)\) \* 5 \+", found["TriggererReplicasMissing"]["expr"])


def test_alerts_follow_with_the_stand_in_as_well(upstream: UpstreamChart) -> None:
    found = rules({"scheduler": {"replicas": 4}}, upstream=upstream)
    assert threshold(found["SchedulerReplicasMissing"]) == "4"


def test_without_airflow_the_alerts_are_those_of_the_add_on() -> None:
    found = rules({"enabled": False})
    alone = render(
        chart="add-on",
        values=[{"prometheusRule": {"enabled": True}, "serviceMonitor": {"enabled": True}}],
    )
    assert found == rules_of(alone)


def test_the_report_of_each_task_is_expected_only_where_each_task_has_a_pod() -> None:
    for executor in ("CeleryExecutor", "CeleryExecutor,KubernetesExecutor"):
        found = rules(
            {
                "executor": executor,
                "redis": {"enabled": True, "passwordSecretName": "airflow-redis"},
                "data": {"brokerUrlSecretName": "airflow-broker-url"},
            }
        )
        assert not {"TaskLogReportsMissing", "TaskLogSidecarsMissing"} & found.keys()
        assert "TaskLogBytesMissing" in found
