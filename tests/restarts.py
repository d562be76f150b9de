"""What a changed setting of a release of prod restarts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# The official chart restarts all of them with each change of airflow.cfg or of the pod template.
_AIRFLOW = frozenset(
    {
        "Deployment/airflow-api-server",
        "Deployment/airflow-dag-processor",
        "Deployment/airflow-scheduler",
        "StatefulSet/airflow-triggerer",
    }
)
_EXPORTER = frozenset({"Deployment/airflow-statsd-exporter"})
_TRIGGERER = frozenset({"StatefulSet/airflow-triggerer"})


@dataclass(frozen=True)
class Setting:
    """Changed values, and the workloads whose pods start anew. Task pods take it when made."""

    values: Mapping[str, Any]
    restarts: frozenset[str] = frozenset()


SETTINGS: Mapping[str, Setting] = {
    "a setting of Vector": Setting(
        {"global": {"taskLogs": {"loki": {"batch": {"timeoutSeconds": 2}}}}},
        _TRIGGERER,  # whose pods have a sidecar, too
    ),
    "the mapping": Setting(
        {
            "observability": {
                "statsdExporter": {
                    "mapping": {"before": [{"match": "airflow.mine.*", "name": "mine"}]}
                }
            }
        },
        _EXPORTER,
    ),
    "rules and the ServiceMonitor": Setting(
        {
            "observability": {
                "prometheusRule": {"alerts": {"DagRunFailed": {"enabled": True}}},
                "serviceMonitor": {"interval": "10s"},
            }
        }
    ),
    "airflow.cfg": Setting({"airflow": {"config": {"core": {"parallelism": 4}}}}, _AIRFLOW),
}
