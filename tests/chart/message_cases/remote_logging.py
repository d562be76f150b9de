"""What is refused about remote logging."""

from typing import Any

from .case import Case, wrapper

_VARIABLE = "AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER"


def _on(message: str, airflow: Any = None, **remote: Any) -> Case:
    values = {"remoteLogging": {"enabled": True, "bucket": "logs", **remote}}
    return wrapper(message, {**values, "airflow": airflow or {}})


def _elsewhere(where: str, **airflow: Any) -> Case:
    return _on(f"{_VARIABLE} in airflow.{where} decides about logging.remote_base_log", airflow)


def _twice(where: str, **airflow: Any) -> Case:
    message = f"The environment variable AIRFLOW_CONN_REMOTE_LOGGING is set by {where} and by"
    return _on(message, airflow, connection={"secretName": "log-store"})


_ENTRY = {"name": _VARIABLE, "value": "s3://other"}
_ACCOUNTS = {"serviceAccountAnnotations": {"eks.amazonaws.com/role-arn": "x"}}
_OWN = {"name": "AIRFLOW_CONN_REMOTE_LOGGING", "value": "aws://"}

CASES: dict[str, Case] = {
    "remote logging without Airflow": _on(
        "remoteLogging.enabled is for the Airflow that this chart installs", {"enabled": False}
    ),
    "remote logging without a bucket": _on("remoteLogging.enabled needs a place", bucket=""),
    "Azure by another path": _on(
        'remoteLogging.path is "tasks", but Airflow knows Azure Blob Storage by',
        provider="wasb",
        path="tasks",
        connection={"id": "wasb_default"},
    ),
    "Azure without a connection": _on(
        "remoteLogging.provider is wasb, for which Airflow needs a connection", provider="wasb"
    ),
    "encryption of S3 elsewhere": _on(
        "remoteLogging.encryptS3Logs is for S3, and remoteLogging.provider is gcs",
        provider="gcs",
        encryptS3Logs=True,
    ),
    "remote logging and Elasticsearch": _on(
        "airflow.elasticsearch.enabled and remoteLogging.enabled each tell Airflow",
        {"elasticsearch": {"enabled": True, "secretName": "elasticsearch"}},
    ),
    "remote logging and OpenSearch": _on(
        "airflow.opensearch.enabled and remoteLogging.enabled each tell Airflow",
        {"opensearch": {"enabled": True, "secretName": "opensearch"}},
    ),
    "another folder of remote logs in the configuration": _on(
        'airflow.config.logging.remote_base_log_folder is "s3://other", and remoteLogging makes it',
        {"config": {"logging": {"remote_base_log_folder": "s3://other"}}},
    ),
    "remote logging off in the configuration": _on(
        'airflow.config.logging.remote_logging is "False", and remoteLogging makes it "True"',
        {"config": {"logging": {"remote_logging": "False"}}},
    ),
    "another container of remote logs in the configuration": _on(
        'airflow.config.azure_remote_logging.remote_wasb_log_container is "other", and remoteLogg',
        {"config": {"azure_remote_logging": {"remote_wasb_log_container": "other"}}},
        provider="wasb",
        connection={"id": "wasb_default"},
    ),
    "another folder of remote logs in env": _elsewhere("env", env=[_ENTRY]),
    "another folder of remote logs in extraEnv": _elsewhere("extraEnv", extraEnv=f"- {_ENTRY}"),
    "another folder of remote logs for workers": _elsewhere(
        "workers.env", workers={"env": [_ENTRY]}
    ),
    "a folder of remote logs that cannot be seen": _elsewhere(
        "secret", secret=[{"envName": _VARIABLE, "secretName": "s", "secretKey": "k"}]
    ),
    "connection of remote logs in env": _twice("airflow.env", env=[_OWN]),
    "connection of remote logs in extraEnv": _twice("airflow.extraEnv", extraEnv=f"- {_OWN}"),
    "connection of remote logs for workers": _twice("airflow.workers.env", workers={"env": [_OWN]}),
    "connection of remote logs in secret": _twice(
        "airflow.secret",
        secret=[{"envName": _OWN["name"], "secretName": "s", "secretKey": "k"}],
    ),
    "another volume named like that of remote logging": _on(
        "airflow.volumes has a volume remote-logging",
        {"volumes": [{"name": "remote-logging", "emptyDir": {}}]},
    ),
    "another logging configuration": _on(
        'airflow.config.logging.logging_config_class is "log_config.LOGGING_CONFIG", and remote',
        {"config": {"logging": {"logging_config_class": "log_config.LOGGING_CONFIG"}}},
    ),
    "annotations for an account that others make": _on(
        "remoteLogging.serviceAccountAnnotations cannot reach the pods of airflow.workers",
        {"workers": {"serviceAccount": {"create": False, "name": "mine"}}},
        **_ACCOUNTS,
    ),
}
