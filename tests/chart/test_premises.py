"""Settings of Airflow that agree with what logs and metrics rely on are taken."""

import re
from typing import Any

import pytest

from airflow_platform.checks.premises import FILE
from airflow_platform.rendering.render import render
from airflow_platform.support import strict_yaml

PREMISES = strict_yaml.load_file(FILE)


def variables(**values: str) -> list[dict[str, str]]:
    return [{"name": f"AIRFLOW__{name}", "value": value} for name, value in values.items()]


AIRFLOW_3: dict[str, Any] = {
    "env": variables(
        METRICS__STATSD_ON="true",
        METRICS__STATSD_HOST="airflow-statsd-exporter.lakehouse-platform.svc.cluster.local",
        METRICS__STATSD_PORT="9125",
        METRICS__STATSD_IPV6="True",
        METRICS__STATSD_DISABLED_TAGS="run_id,job_id,dagrun_id, ^le$ ,^[^a-zA-Z0-9]",
        LOGGING__REMOTE_LOGGING="True",
        LOGGING__REMOTE_BASE_LOG_FOLDER="cloudwatch://arn:aws:logs:group",
        LOGGING__DELETE_LOCAL_LOGS="f",
        LOGGING__BASE_LOG_FOLDER="/opt/airflow/logs/",
        LOGGING__REMOTE_TASK_HANDLER_KWARGS='{"delete_local_copy": false}',
        SCHEDULER__STATSD_PREFIX="of Airflow 2",
    ),
    "extraEnv": "- name: AIRFLOW__METRICS__STATSD_PREFIX\n"
    "  value: '{{ .Values.global.metrics.prefix }}'\n",
    "createUserJob": {"env": variables(METRICS__STATSD_ON="False")},
    "config": {
        "logging": {
            "log_format": "%%(message)s",
            "log_filename_template": 'dag_id={{ "{{" }} ti.dag_id }}/run_id={{ "{{" }} ti.run_id }}'
            '/task_id={{ "{{" }} ti.task_id }}/{%% if ti.map_index >= 0 %%}'
            'map_index={{ "{{" }} ti.map_index }}/{%% endif %%}'
            'attempt={{ "{{" }} try_number|default(ti.try_number) }}.log',
        }
    },
}
AIRFLOW_2: dict[str, Any] = {
    "airflowVersion": "2.11.0",
    "defaultAirflowTag": "2.11.0",
    "env": variables(
        LOGGING__LOG_FORMAT="[%(asctime)s] {%(pathname)s:%(lineno)d} %(levelname)s - %(message)s",
        KUBERNETES__NAMESPACE="lakehouse-platform",
    ),
    "workers": {"env": variables(SCHEDULER__STATSD_PREFIX="airflow")},
    "config": {
        "logging": {
            "base_log_folder": "{{ .Values.airflowHome }}/logs",
            "log_format": "%%(asctime)s %%(name)s %%(levelname)-8s %%(message)s",
        }
    },
}


@pytest.mark.parametrize(
    ("version", "airflow"), [("3.1.7", AIRFLOW_3), ("2.11.0", AIRFLOW_2)], ids=["3", "2"]
)
def test_settings_that_agree_are_taken(version: str, airflow: dict[str, Any]) -> None:
    values = {"airflow": airflow, "global": {"metrics": {"airflowVersion": version}}}
    assert render("prod", values=[values]).manifests


@pytest.mark.official_chart
def test_templates_of_others_are_left_alone() -> None:
    secret = '{{- with secret "airflow" -}} AIRFLOW__CORE__FERNET_KEY={{ .Data.key }} {{- end }}'
    airflow = {
        "airflowPodAnnotations": {"vault.hashicorp.com/agent-inject-template-airflow": secret},
        "scheduler": {"podAnnotations": {"vault.hashicorp.com/agent-inject-template-x": secret}},
        "labels": {"note": "AIRFLOW__X"},
        "env": [{"name": "NOTE", "value": "AIRFLOW__X is for {{ ds }}"}],
    }
    assert render("prod", values=[{"airflow": airflow}]).manifests


@pytest.mark.parametrize(
    "airflow",
    [
        {"config": {"metrics": {"statsd_prefix": None}}},
        {
            "config": {"metrics": {"statsd_on": None}},
            "env": variables(METRICS__STATSD_ON="True"),
        },
        {
            "config": {"kubernetes_executor": None},
            "executor": "CeleryExecutor",
            "redis": {"enabled": True, "passwordSecretName": "airflow-redis"},
            "data": {"brokerUrlSecretName": "airflow-broker-url"},
        },
    ],
    ids=["default", "variable", "other executor"],
)
def test_what_is_not_set_is_taken_where_the_default_fits(airflow: dict[str, Any]) -> None:
    assert render("prod", values=[{"airflow": airflow}]).manifests


def test_escaped_templates_of_jinja_are_taken() -> None:
    ids = "dag_id={{ ti.dag_id }}/run_id={{ ti.run_id }}/task_id={{ ti.task_id }}"
    name = f"{ids}/attempt={{{{ try_number }}}}.log"
    config = {"logging": {"log_filename_template": "{{ `" + name + "` }}"}}
    assert render("prod", values=[{"airflow": {"config": config}}]).manifests


def test_airflow_follows_the_prefix() -> None:
    release = render("prod", values=[{"global": {"metrics": {"prefix": "team-a.airflow"}}}])
    (config,) = release.embedded("AirflowConfig")
    assert config.document["metrics"]["statsd_prefix"] == "team-a.airflow"


def test_what_is_off_has_no_premises() -> None:
    off = {"enabled": False}
    values = {
        "airflow": {
            "env": variables(LOGGING__DELETE_LOCAL_LOGS="True", METRICS__STATSD_PREFIX="x")
        },
        "global": {"metrics": off, "taskLogs": off},
        "observability": {"prometheusRule": off, "serviceMonitor": off},
    }
    assert render("prod", values=[values]).manifests


@pytest.mark.parametrize("premise", PREMISES, ids=lambda premise: premise["option"])
def test_the_value_that_is_advised_fits(premise: dict[str, Any]) -> None:
    accepted = premise.get("accepted")
    value = premise["value"]
    assert accepted is None or re.fullmatch(accepted, value, re.DOTALL)
    assert "refused" not in premise or not re.search(premise["refused"], value)
    assert premise["part"] in {"taskLogs", "metrics"}
    assert premise["why"].endswith(".")
