"""What the check of remote logging must report, on a release with everything on."""

from .conftest import Edits

BASE = "ConfigMap/airflow-config data pod_template_file.yaml spec containers base"
CONFIG = "ConfigMap/airflow-config data airflow.cfg"
VARIABLE = "AIRFLOW_CONN_LOG_STORE"
CLIENT = "azure.workload.identity/client-id"


def _configured(folder: str) -> str:
    options = {"remote_logging": "True", "remote_base_log_folder": folder}
    options["remote_log_conn_id"] = "log_store"
    return "[logging]\n" + "\n".join(f"{name} = {value}" for name, value in options.items())


def _plain(value: str) -> Edits:
    return {f"{BASE} env {VARIABLE}": {"name": VARIABLE, "value": value}}


def _given(value: str) -> Edits:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "airflow-log-store"},
        "stringData": {"uri": value},
    }
    return {"Secret/airflow-log-store": secret}


BROKEN: dict[str, list[tuple[Edits, str]]] = {
    "remote_logs_are_written_and_read": [
        ({CONFIG: _configured("logs")}, "remote_base_log_folder is 'logs'; Airflow knows s3://"),
        ({CONFIG: _configured("s3://me@logs")}, "remote_base_log_folder has credentials"),
        (_plain("aws://"), f"{VARIABLE} is a connection to aws; for wasb it must be wasb"),
        (_plain('{"conn_type": "aws"}'), "is a connection to aws; for wasb it must be wasb"),
        (_given("aws://"), f"{VARIABLE} is a connection to aws; for wasb it must be wasb"),
        (
            {
                f"{BASE} env {VARIABLE}": None,
                "Deployment/airflow-triggerer": {
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "metadata": {"name": "airflow-triggerer"},
                    "spec": {
                        "template": {
                            "metadata": {"labels": {"component": "triggerer"}},
                            "spec": {
                                "containers": [
                                    {"name": "triggerer", "env": [{"name": VARIABLE, "value": "x"}]}
                                ]
                            },
                        }
                    },
                },
            },
            f"{VARIABLE} is not set, which other pods read task logs with",
        ),
        (
            {f"{BASE} volumeMounts remote-logging": None},
            "it must mount remote_task_logs.py, or no program of Airflow starts",
        ),
        (
            {
                "ConfigMap/airflow-config data pod_template_file.yaml metadata labels"
                " azure.workload.identity/use": None
            },
            'the label azure.workload.identity/use must be "true"',
        ),
        (
            {
                f"ServiceAccount/airflow-worker metadata annotations {CLIENT}": None,
                "ServiceAccount/airflow-api-server": {
                    "apiVersion": "v1",
                    "kind": "ServiceAccount",
                    "metadata": {"name": "airflow-api-server", "annotations": {CLIENT: "x"}},
                },
                "Deployment/airflow-api-server": {
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "metadata": {"name": "airflow-api-server"},
                    "spec": {
                        "template": {
                            "metadata": {"labels": {"component": "api-server"}},
                            "spec": {
                                "serviceAccountName": "airflow-api-server",
                                "containers": [{"name": "api-server"}],
                            },
                        }
                    },
                },
            },
            f"ServiceAccount airflow-worker lacks {CLIENT}",
        ),
    ],
}

ALLOWED: dict[str, list[Edits]] = {
    "remote_logs_are_written_and_read": [
        {CONFIG: _configured("wasb-logs")},
        {CONFIG: "[logging]\nremote_logging = False\nremote_base_log_folder = x"},
        {
            CONFIG: "[logging]\nremote_logging = True\nremote_log_conn_id = log_store\n"
            "[elasticsearch]\nhost = es:9200"
        },
        _plain("wasb://account"),
        _given('{"conn_type": "wasb"}'),
        {f"{BASE} env {VARIABLE}": None},  # it can be in a secrets backend
    ],
}
