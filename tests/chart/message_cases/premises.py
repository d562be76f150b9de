"""Settings of Airflow on which logs, metrics or alerts rely, made wherever a user can make them."""

from base64 import b64encode
from typing import Any

from .case import Case, airflow, wrapper

PREFIX = "AIRFLOW__METRICS__STATSD_PREFIX"
DELETE = "AIRFLOW__LOGGING__DELETE_LOCAL_LOGS"
FOLDER = "AIRFLOW__LOGGING__BASE_LOG_FOLDER"


def variable(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value}


def config(option: str, value: Any, said: str | None = None) -> Case:
    """An option below airflow.config."""
    section, name = option.split(".")
    message = f"airflow.config.{option} is {_quoted(value if said is None else said)}."
    return airflow(message, config={section: {name: value}})


def airflow2(option: str, value: str, **values: Any) -> Case:
    """An option below airflow.config, with Airflow 2.11."""
    section, name = option.split(".")
    return wrapper(
        f"airflow.config.{option} is {_quoted(value)}.",
        {
            "airflow": {
                "airflowVersion": "2.11.0",
                "defaultAirflowTag": "2.11.0",
                "config": {section: {name: value}},
                **values,
            },
            "global": {"metrics": {"airflowVersion": "2.11.0"}},
        },
    )


def found(name: str, at: str, value: str, **values: Any) -> Case:
    """A variable that the values below ``airflow:`` give to containers."""
    settings = {"airflow": values, "secrets": {"refuseInValues": False}}
    return wrapper(f"{name} in airflow.{at} is {_quoted(value)}.", settings)


def hidden(name: str, at: str, **values: Any) -> Case:
    """A variable whose value cannot be seen."""
    return airflow(f"{name} in airflow.{at} takes its value from elsewhere", **values)


def _quoted(value: str) -> str:
    return '"' + value.replace('"', '\\"') + '"'


FROM_A_SECRET = {"valueFrom": {"secretKeyRef": {"name": "airflow-settings", "key": "value"}}}
ELASTICSEARCH = {"elasticsearch": {"enabled": True, "secretName": "elasticsearch"}}

CASES = {
    # What is relied on
    "prefix": config("metrics.statsd_prefix", "team_a"),
    "prefix with a dot": config("metrics.statsd_prefix", "team.a"),
    "prefix that statsd_exporter does not take": config("metrics.statsd_prefix", "team a+"),
    "prefix by a template": config(
        "metrics.statsd_prefix", "{{ .Release.Name }}-airflow", "airflow-airflow"
    ),
    "tags off": config("metrics.statsd_influxdb_enabled", "False"),
    "tags off, as a boolean": config("metrics.statsd_influxdb_enabled", False, "false"),
    "no StatsD": config("metrics.statsd_on", "False"),
    "other host": config("metrics.statsd_host", "statsd.monitoring"),
    "other port": config("metrics.statsd_port", 8125, "8125"),
    "tags that make series without end": config("metrics.statsd_disabled_tags", "job_id"),
    "tags that tell gauges apart": config("metrics.statsd_disabled_tags", "job_id,run_id,task_id"),
    "DogStatsD": config("metrics.statsd_datadog_enabled", "t"),
    "IPv6 in Airflow 2": airflow2("metrics.statsd_ipv6", "True"),
    "durations in seconds": airflow2("metrics.timer_unit_consistency", "False"),
    "no legacy names without tags": wrapper(
        'airflow.config.metrics.legacy_names_on is "False".',
        {
            "airflow": {
                "airflowVersion": "3.3.0",
                "defaultAirflowTag": "3.3.0",
                "config": {"metrics": {"legacy_names_on": "False"}},
            },
            "global": {"metrics": {"tags": False, "airflowVersion": "3.3.0"}},
        },
    ),
    "no legacy names for the buckets": wrapper(
        'airflow.config.metrics.legacy_names_on is "False".',
        {
            "airflow": {
                "airflowVersion": "3.3.0",
                "defaultAirflowTag": "3.3.0",
                "config": {"metrics": {"legacy_names_on": "False"}},
            },
            "global": {"metrics": {"airflowVersion": "3.3.0"}},
        },
    ),
    "local logs are deleted": config("logging.delete_local_logs", "True"),
    "local logs are deleted after the upload": config(
        "logging.remote_task_handler_kwargs", '{"delete_local_copy": true}'
    ),
    "other log folder": config("logging.base_log_folder", "/var/log"),
    "other log files": config("logging.log_filename_template", "x.log"),
    "log files without their ids": config(
        "logging.log_filename_template",
        'dag_id={{ "{{" }} ti.dag_id }}/attempt={{ "{{" }} try_number }}.log',
        "dag_id={{ ti.dag_id }}/attempt={{ try_number }}.log",
    ),
    "other pod template": config("kubernetes_executor.pod_template_file", "/opt/pod.yaml"),
    "other namespace": config("kubernetes_executor.namespace", "tasks"),
    "pods are killed at once": config(
        "kubernetes_executor.delete_option_kwargs", '{"grace_period_seconds": 0}'
    ),
    "log format": airflow2(
        "logging.log_format",
        "%%(levelname)s %%(message)s - %%(asctime)s",
    ),
    "log formatter": airflow2("logging.log_formatter_class", "pythonjsonlogger.JsonFormatter"),
    "logs to CloudWatch": airflow2("logging.remote_base_log_folder", "cloudwatch://arn:logs"),
    "logs of Elasticsearch to stdout": wrapper(
        'airflow.config.elasticsearch.write_stdout is "True".',
        {
            "airflow": {
                "airflowVersion": "2.11.0",
                "defaultAirflowTag": "2.11.0",
                "config": {"elasticsearch": {"json_format": "False", "write_stdout": "True"}},
                **ELASTICSEARCH,
            },
            "global": {"metrics": {"airflowVersion": "2.11.0"}},
        },
    ),
    "log folder by the name of Airflow 1": airflow2("core.base_log_folder", "/var/log"),
    "templates of Jinja": airflow(
        "The official chart would evaluate templates of Jinja, which are for Airflow, in"
        " airflow.config.logging.log_filename_template.",
        config={
            "logging": {
                "log_filename_template": "dag_id={{ ti.dag_id }}/run_id={{ ti.run_id }}"
                "/task_id={{ ti.task_id }}/attempt={{ try_number }}.log"
            }
        },
    ),
    # What is not set at all
    **{
        f"not set: {option or section}": airflow(
            f"airflow.config.{section}.{option or first} is not set",
            config={section: {option: None} if option else None},
        )
        for section, option, first in (
            ("metrics", "", "statsd_on"),
            ("metrics", "statsd_on", ""),
            ("kubernetes_executor", "", "pod_template_file"),
            ("kubernetes_executor", "namespace", ""),
        )
    },
    "not set: prefix, which is not that of Airflow": wrapper(
        "airflow.config.metrics.statsd_prefix is not set",
        {
            "airflow": {"config": {"metrics": {"statsd_prefix": None}}},
            "global": {"metrics": {"prefix": "team_a"}},
        },
    ),
    # Where it is set
    "in a key of another case": config("logging.BASE_LOG_FOLDER", "/var/log"),
    "in env": found(DELETE, "env", "True", env=[variable("A", "b"), variable(DELETE, "True")]),
    "prefix in env": found(PREFIX, "env", "team_a", env=[variable(PREFIX, "team_a")]),
    "in env of workers": found(
        DELETE, "workers.env", "1", workers={"env": [variable(DELETE, "1")]}
    ),
    "in env of a component": found(
        PREFIX, "triggerer.env", "t", triggerer={"env": [variable(PREFIX, "t")]}
    ),
    "in another container": found(
        FOLDER,
        "workers.extraContainers[helper].env",
        "/var/log",
        workers={
            "extraContainers": [
                {"name": "helper", "image": "x", "env": [variable(FOLDER, "/var/log")]}
            ]
        },
    ),
    "in extraEnv": found(
        PREFIX,
        "extraEnv",
        "airflow-x",
        extraEnv=f"# ours\n- name: {PREFIX}\n  value: '{{{{ .Release.Name }}}}-x'\n",
    ),
    "in a ConfigMap": found(
        DELETE,
        "extraConfigMaps.settings.data",
        "true",
        extraConfigMaps={"settings": {"data": f'{DELETE}: "true"\n'}},
    ),
    "in a Secret": found(
        FOLDER,
        "extraSecrets.settings.data",
        "/logs",
        extraSecrets={"settings": {"data": f"{FOLDER}: {b64encode(b'/logs').decode()}\n"}},
    ),
    "in a Secret as text": found(
        FOLDER,
        "extraSecrets.settings.stringData",
        "/logs",
        extraSecrets={"settings": {"stringData": f"{FOLDER}: /logs\n"}},
    ),
    "from a Secret": hidden(
        PREFIX, "secret", secret=[{"envName": PREFIX, "secretName": "s", "secretKey": "k"}]
    ),
    "from a Secret, in env of workers": hidden(
        DELETE, "workers.env", workers={"env": [{"name": DELETE, **FROM_A_SECRET}]}
    ),
    "from a command": hidden(
        f"{PREFIX}_CMD", "env", env=[variable(f"{PREFIX}_CMD", "cat /etc/prefix")]
    ),
    "from a secrets backend": hidden(
        f"{DELETE}_SECRET", "env", env=[variable(f"{DELETE}_SECRET", "delete")]
    ),
    "by the name of Airflow 1, in env": wrapper(
        'AIRFLOW__SCHEDULER__STATSD_PREFIX in airflow.env is "t".',
        {
            "airflow": {
                "airflowVersion": "2.11.0",
                "defaultAirflowTag": "2.11.0",
                "env": [variable("AIRFLOW__SCHEDULER__STATSD_PREFIX", "t")],
            },
            "global": {"metrics": {"airflowVersion": "2.11.0"}},
        },
    ),
}
